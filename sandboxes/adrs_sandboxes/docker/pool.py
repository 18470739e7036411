"""A room whose every process gets a container of its own, some of which wait, warm.

For engines that let a container make no namespaces. Making a container takes a tenth of a second
and more, so two are always on their way.
"""

from __future__ import annotations

import asyncio
import math
import signal
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from adrs import Exit, ExitReason, Isolation, Job, SandboxUnavailable
from adrs_sandboxes._session import ZygoteProcess, ZygoteSession
from adrs_sandboxes.docker.container import Container
from adrs_sandboxes.docker.hardening import Bounds

_WARM = 2
_CLOSED = "the session was closed"


@dataclass(frozen=True, slots=True)
class OneUse:
    """A container that waits for its one job."""

    container: Container
    session: ZygoteSession


class PooledProcess:
    """A running process, and the container that ends with it."""

    def __init__(self, process: ZygoteProcess, container: Container, memory_mb: int) -> None:
        self._process, self._container, self._memory_mb = process, container, memory_mb
        self.ended = asyncio.ensure_future(self._end())

    def stop(self) -> None:
        self._process.stop()

    async def wait(self) -> Exit:
        return await asyncio.shield(self.ended)

    async def _end(self) -> Exit:
        try:
            return await self._process.wait()
        except SandboxUnavailable:
            # A program can point the kernel's memory killer at the zygote, which is of its user.
            if not await asyncio.to_thread(self._container.ran_out_of_memory):
                raise
            return Exit(ExitReason.MEMORY, signal.SIGKILL, 0.0, 0.0, float(self._memory_mb))


class PoolSession:
    """An open room.

    Args:
        make: a container for given bounds.
    """

    isolation: Isolation

    def __init__(self, make: Callable[[Bounds], Container]) -> None:
        self._make = make
        self._own_mb = 0
        self._bounds = Bounds()
        self._warm: deque[asyncio.Task[OneUse]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self._current: PooledProcess | None = None
        self._over = ""

    @classmethod
    async def open(cls, make: Callable[[Bounds], Container]) -> PoolSession:
        """Makes the first container, which shows that it can be done.

        Raises:
            SandboxUnavailable: it cannot.
        """
        pool = cls(make)
        pool._warm.append(pool._begin())
        first = await pool._warm[0]
        pool.isolation = first.session.isolation
        pool._own_mb = first.container.own_mb
        return pool

    async def run(self, job: Job, channel: socket.socket) -> PooledProcess:
        with channel:
            if self._over:
                raise SandboxUnavailable(self._over)
            await self._fit(self._bounds_of(job))
            room = await (self._warm.popleft() if self._warm else self._begin())
            while len(self._warm) < _WARM:
                self._warm.append(self._begin())
            try:
                running = await room.session.run(job, channel)
            except BaseException:
                self._close_soon(room)
                raise
        process = self._current = PooledProcess(running, room.container, job.limits.memory_mb)
        process.ended.add_done_callback(lambda end: self._put_away(room, end))
        return process

    async def close(self) -> None:
        if self._over == _CLOSED:
            return
        self._over = _CLOSED
        if self._current:
            self._current.stop()
            await asyncio.wait([self._current.ended])
        await self._discard()
        await asyncio.gather(*self._closing)

    def _bounds_of(self, job: Job) -> Bounds:
        limits = job.limits
        # In halves, so that jobs of about the same size find a container that waits for them.
        own = math.ceil(2 * sum(map(len, job.files.values())) / (1 << 20)) / 2
        memory_mb = self._own_mb + limits.memory_mb
        return Bounds(memory_mb, limits.processes, limits.files_mb + own)

    async def _fit(self, bounds: Bounds) -> None:
        """Gives up what waits if it was made for other jobs."""
        if bounds != self._bounds:
            self._bounds = bounds
            await self._discard()

    def _begin(self) -> asyncio.Task[OneUse]:
        return asyncio.get_running_loop().create_task(self._made(self._make(self._bounds)))

    async def _made(self, container: Container) -> OneUse:
        return OneUse(container, await ZygoteSession.open(container))

    async def _discard(self) -> None:
        """Closes what waits; what is being made cannot be called off, and is waited for."""
        made = await asyncio.gather(*self._warm, return_exceptions=True)
        self._warm.clear()
        rooms = [room for room in made if isinstance(room, OneUse)]
        await asyncio.gather(*(room.session.close() for room in rooms))

    def _put_away(self, room: OneUse, end: asyncio.Future[Exit]) -> None:
        if not end.cancelled() and (error := end.exception()):
            self._over = self._over or str(error)
        self._close_soon(room)

    def _close_soon(self, room: OneUse) -> None:
        task = asyncio.get_running_loop().create_task(room.session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
