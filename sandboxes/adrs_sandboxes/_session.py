"""The engine's side of a zygote."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import IO, Any, Protocol

from adrs import Exit, ExitReason, Isolation, Job, SandboxUnavailable
from adrs_sandboxes import _protocol
from adrs_sandboxes._protocol import Opening, Report, Start

_GRACE_S = 1.0
_READY_S = 120.0
_CLOSE_S = 10.0
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Outside(Protocol):
    """What one session has outside of its zygote: a cgroup, copies of files, a folder."""

    def start(self, control: int, errors: int) -> subprocess.Popen[bytes]:
        """Starts the zygote with its control socket and a file for its standard error."""
        ...

    def figures(self) -> tuple[int, ...]:
        """Descriptors of the cgroup's files, which the zygote gets; none without a cgroup."""
        ...

    def ready(self) -> None:
        """Called once, when the zygote has imported everything."""
        ...

    def limit_memory(self, memory_mb: int) -> None:
        """Called before each process."""
        ...

    def kill(self) -> None:
        """Ends the zygote at once, and with it all that it runs."""
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

    The zygote holds the limits. Should it not answer within a second after the wall limit, the
    whole room is ended and counts as broken, not the process as slow.
    """

    def __init__(self, outside: Outside, isolation: Isolation) -> None:
        self.isolation = isolation
        self._outside = outside
        self._loop = asyncio.get_running_loop()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  until close
        self._control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with inner:
            try:
                self._zygote = outside.start(inner.fileno(), self._errors.fileno())
            except OSError as error:
                self._control.close()
                self._errors.close()
                outside.remove()
                raise SandboxUnavailable(f"{error}") from error
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._current: ZygoteProcess | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._count = 0
        self._broken = ""
        self._loop.add_reader(self._control, self._read)

    async def prepare(self, opening: Opening) -> None:
        """Has the zygote import what the room declares.

        Raises:
            SandboxUnavailable: it could not start, or not import.
        """
        figures = self._outside.figures()
        try:
            self._send(_protocol.pack(_protocol.OPEN, opening), figures)
            await asyncio.wait_for(asyncio.shield(self._ready), _READY_S)
        except TimeoutError:
            await self.close()
            raise SandboxUnavailable(f"the zygote was not ready within {_READY_S} s") from None
        except BaseException:
            await self.close()
            raise
        finally:
            for descriptor in figures:
                os.close(descriptor)
        self._outside.ready()

    async def run(self, job: Job, channel: socket.socket) -> ZygoteProcess:
        if self._current:
            await asyncio.wait([self._current.exit])
        with channel:
            if self._broken:
                raise SandboxUnavailable(self._broken)
            self._outside.limit_memory(job.limits.memory_mb)
            self._count += 1
            files = _block_of_files(job)
            try:
                message = _protocol.pack(_protocol.RUN, _start_of(job, self._count))
                self._send(message, (channel.fileno(), files))
            finally:
                os.close(files)
        self._current = ZygoteProcess(self._count, self._stop)
        self._deadline = self._loop.call_later(job.limits.wall_s + _GRACE_S, self._overdue)
        return self._current

    async def close(self) -> None:
        if self._errors.closed:
            return
        self._break("the session was closed")
        try:
            await asyncio.to_thread(self._zygote.wait, _CLOSE_S)
        except subprocess.TimeoutExpired:
            self._outside.kill()
            await asyncio.to_thread(self._zygote.wait)
        self._errors.close()
        await asyncio.to_thread(self._outside.remove)

    def _stop(self, number: int) -> None:
        with suppress(SandboxUnavailable):  # whoever waits for the process learns it
            self._send(_protocol.pack(_protocol.STOP, number))

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
        kind, fields, tail = _protocol.unpack(packet)
        if kind == _protocol.READY:
            self._ready.set_result(None)
        elif kind == _protocol.BROKEN:
            self._break(tail.decode(errors="replace").strip())
        else:
            self._ended(Report(*fields), tail)

    def _ended(self, report: Report, output: bytes) -> None:
        current = self._current
        if current is None or current.number != report.number:
            return
        self._forget_current()
        current.exit.set_result(
            Exit(
                reason=ExitReason(report.reason),
                signal=report.signal,
                wall_s=report.wall_s,
                cpu_s=report.cpu_s,
                peak_mb=report.peak_mb,
                output=output,
            )
        )

    def _overdue(self) -> None:
        self._break("the zygote did not end a process that was over its wall limit")
        self._outside.kill()

    def _break(self, reason: str) -> None:
        """Ends the room: a zygote that loses its engine ends all that it runs, then itself.

        What waits learns that the sandbox broke, and why.
        """
        if self._broken:
            return
        self._broken = reason + self._words_of_zygote()
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

    def _words_of_zygote(self) -> str:
        with suppress(OSError):
            self._errors.seek(0)
            if words := self._errors.read(_protocol.OUTPUT_KEPT).decode(errors="replace").strip():
                return f": {words}"
        return ""


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
