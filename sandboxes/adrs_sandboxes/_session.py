"""The engine's side of a zygote."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Protocol

from adrs import Exit, ExitReason, Isolation, Job, Limits, SandboxUnavailable
from adrs_sandboxes import _protocol
from adrs_sandboxes._protocol import Opening, Ready, Report, Start

_GRACE_S = 1.0
_READY_S = 120.0
_STOP_S = 10.0
_CLOSE_S = 10.0
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Outside(Protocol):
    """What one session has outside of its zygote: a cgroup, copies of files, a folder."""

    async def start(self) -> socket.socket:
        """Starts the zygote; returns the engine's end of its control socket.

        Raises:
            SandboxUnavailable: it does not start; nothing of it is left.
        """
        ...

    def opening(self) -> Opening:
        """What the zygote prepares; asked for once it has started."""
        ...

    def figures(self) -> tuple[int, ...]:
        """Descriptors of the cgroup's files, which the zygote gets; none if it finds its own."""
        ...

    def ready(self, ready: Ready) -> Isolation:
        """Called once, when the zygote has imported everything; says what is in force."""
        ...

    async def limit(self, limits: Limits) -> None:
        """Called before each process.

        Raises:
            SandboxUnavailable: the limits cannot be put in force.
        """
        ...

    def words(self) -> str:
        """What the zygote has printed, for messages."""
        ...

    def kill(self) -> None:
        """Ends the zygote at once, and with it all that it runs."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Waits until the zygote is gone; False if it still is there."""
        ...

    def remove(self) -> None:
        """Called when everything inside is dead."""
        ...


class ZygoteProcess:
    """A running process of a session."""

    def __init__(self, number: int, send_stop: Callable[[int], None]) -> None:
        self.number = number
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._send_stop = send_stop

    def stop(self) -> None:
        if not self.exit.done():
            self._send_stop(self.number)

    async def wait(self) -> Exit:
        return await asyncio.shield(self.exit)


class ZygoteSession:
    """An open room: one zygote, and at most one process of it at a time.

    The zygote holds the limits. Should it not answer within a second after the wall limit, or ten
    after it was told to stop, the whole room is ended and counts as broken, not the process as
    slow.
    """

    isolation: Isolation

    def __init__(self, outside: Outside, control: socket.socket) -> None:
        self._outside = outside
        self._loop = asyncio.get_running_loop()
        self._control = control
        self._control.setblocking(False)
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._current: ZygoteProcess | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._count = 0
        self._broken = ""
        self._closed = False
        self._loop.add_reader(self._control, self._read)

    @classmethod
    async def open(cls, outside: Outside) -> ZygoteSession:
        """Starts a zygote and has it import what the room declares.

        Raises:
            SandboxUnavailable: it could not start, or not import.
        """
        session = cls(outside, await outside.start())
        await session._prepare()
        return session

    async def _prepare(self) -> None:
        figures = self._outside.figures()
        try:
            self._send(_protocol.pack(_protocol.OPEN, self._outside.opening()), figures)
            ready = await asyncio.wait_for(asyncio.shield(self._ready), _READY_S)
            self.isolation = self._outside.ready(ready)
        except TimeoutError:
            await self.close()
            raise SandboxUnavailable(f"the zygote was not ready within {_READY_S} s") from None
        except BaseException:
            await self.close()
            raise
        finally:
            for descriptor in figures:
                os.close(descriptor)

    async def run(self, job: Job, channel: socket.socket) -> ZygoteProcess:
        if self._current:
            await asyncio.wait([self._current.exit])
        with channel:
            if self._broken:
                raise SandboxUnavailable(self._broken)
            await self._outside.limit(job.limits)
            self._count += 1
            files = _block_of_files(job)
            try:
                message = _protocol.pack(_protocol.RUN, _start_of(job, self._count))
                self._send(message, (channel.fileno(), files))
            finally:
                os.close(files)
        self._current = ZygoteProcess(self._count, self._stop)
        self._expect_end(job.limits.wall_s + _GRACE_S)
        return self._current

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._break("the session was closed")
        if not await asyncio.to_thread(self._outside.wait, _CLOSE_S):
            self._outside.kill()
            await asyncio.to_thread(self._outside.wait, _CLOSE_S)
        await asyncio.to_thread(self._outside.remove)

    def _stop(self, number: int) -> None:
        with suppress(SandboxUnavailable):  # whoever waits for the process learns it
            self._send(_protocol.pack(_protocol.STOP, number))
            self._expect_end(_STOP_S)

    def _expect_end(self, within_s: float) -> None:
        """Ends the room unless the current process has ended by then, or by an earlier deadline."""
        if self._deadline:
            within_s = min(within_s, self._deadline.when() - self._loop.time())
            self._deadline.cancel()
        self._deadline = self._loop.call_later(within_s, self._overdue)

    def _send(self, message: bytes, descriptors: tuple[int, ...] = ()) -> None:
        try:
            socket.send_fds(self._control, [message], descriptors)
        except OSError as error:
            self._break(f"the zygote cannot be reached ({error})")  # keeps an earlier reason
            raise SandboxUnavailable(self._broken) from error

    def _read(self) -> None:
        try:
            packet = self._control.recv(_protocol.LARGEST_PACKET)
        except OSError:
            packet = b""
        if not packet:
            self._break("the zygote is gone")
            return
        try:
            kind, fields, tail = _protocol.unpack(packet)
            if kind == _protocol.READY:
                self._ready.set_result(Ready(*fields))
            elif kind == _protocol.BROKEN:
                self._break(tail.decode(errors="replace").strip())
            else:
                self._ended(Report(*fields), tail)
        except (ValueError, TypeError, asyncio.InvalidStateError) as error:
            self._break(f"what the zygote said is not of the protocol ({error!r})")

    def _ended(self, report: Report, output: bytes) -> None:
        current = self._current
        if current is None or current.number != report.number:
            return
        ended = Exit(
            reason=ExitReason(report.reason),
            signal=report.signal,
            wall_s=report.wall_s,
            cpu_s=report.cpu_s,
            peak_mb=report.peak_mb,
            output=output,
        )
        self._forget_current()
        current.exit.set_result(ended)

    def _overdue(self) -> None:
        self._break("the zygote did not end a process that was stopped or over its wall limit")
        self._outside.kill()

    def _break(self, reason: str) -> None:
        """Ends the room: a zygote that loses its engine ends all that it runs, then itself.

        What waits learns that the sandbox broke, and why.
        """
        if self._broken:
            return
        words = self._outside.words().strip()
        self._broken = f"{reason}: {words}" if words else reason
        self._loop.remove_reader(self._control)
        self._control.close()
        waiting: list[asyncio.Future[Any]] = [self._ready]
        if current := self._current:
            self._forget_current()
            waiting.append(current.exit)
        for future in waiting:
            if not future.done():
                future.set_exception(SandboxUnavailable(self._broken))
                future.exception()  # so that nobody is told when nobody waits

    def _forget_current(self) -> None:
        self._current = None
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def _start_of(job: Job, number: int) -> Start:
    limits = job.limits
    return Start(
        number=number,
        seed=job.seed,
        wall_s=limits.wall_s,
        cpu_s=limits.cpu_s,
        memory_mb=limits.memory_mb,
        processes=limits.processes,
        output_mb=limits.output_mb,
        files_mb=limits.files_mb,
    )


def _block_of_files(job: Job) -> int:
    """A sealed block of memory with the job's files, as a descriptor."""
    for path in job.files:
        if path.startswith("/") or ".." in PurePosixPath(path).parts:
            raise ValueError(f"a job's files have relative paths below its folder, not {path!r}")
    block = os.memfd_create("job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(block, "wb", closefd=False) as file:
        file.write(_protocol.pack_files(dict(job.files)))
    fcntl.fcntl(block, fcntl.F_ADD_SEALS, _SEALS)
    return block
