"""Evaluations on this machine: a bench per worker, each kept on a core of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from adrs.errors import SandboxUnavailable
from adrs.model.evaluation import Evaluation, WorkloadRef
from adrs.model.program import Program
from adrs.ports.evaluator import Bench, Evaluator, Request, Setting

T = TypeVar("T")


class LocalExecutor:
    """Runs up to `capacity` evaluations at the same time on this machine."""

    def __init__(self, capacity: int = 1) -> None:
        self.capacity = capacity

    async def open(self, evaluator: Evaluator, setting: Setting) -> LocalBench:
        """Opens a bench per worker, all at once."""
        cores = sorted(os.sched_getaffinity(0))
        settings = [
            replace(setting, core=cores[worker % len(cores)]) for worker in range(self.capacity)
        ]
        opened = await asyncio.gather(
            *(evaluator.open(setting) for setting in settings), return_exceptions=True
        )
        benches = [bench for bench in opened if not isinstance(bench, BaseException)]
        failures = [failure for failure in opened if isinstance(failure, BaseException)]
        if failures:
            await asyncio.gather(*(bench.close() for bench in benches))
            raise failures[0]
        return LocalBench(evaluator, list(zip(settings, benches, strict=True)))


class LocalBench:
    """Hands each measurement to a free bench, and replaces one whose sandbox broke."""

    def __init__(self, evaluator: Evaluator, benches: list[tuple[Setting, Bench]]) -> None:
        self._evaluator = evaluator
        self._benches = benches
        self._free: asyncio.LifoQueue[int] = asyncio.LifoQueue()
        # Who wants workers waits here in order of arrival, and holds it until all of them are
        # there: so nobody waits for ever, and no two hold half of what both need.
        self._door = asyncio.Lock()
        for worker in reversed(range(len(benches))):
            self._free.put_nowait(worker)

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """What the first free bench says."""
        async with self._workers(1) as (worker,):
            return await self._benches[worker][1].workloads(request)

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures on a free bench; a broken sandbox is replaced once before it is reported."""
        async with self._workers(1) as (worker,):
            return await self._twice(worker, lambda bench: bench.measure(program, request))

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Measures on one bench while the others rest; a broken sandbox is replaced once."""
        async with self._workers(len(self._benches)) as workers:
            return await self._twice(
                min(workers), lambda bench: bench.side_by_side(programs, request)
            )

    @asynccontextmanager
    async def _workers(self, count: int) -> AsyncIterator[list[int]]:
        taken: list[int] = []
        try:
            async with self._door:
                while len(taken) < count:
                    taken.append(await self._free.get())
            yield taken
        finally:
            for worker in reversed(taken):
                self._free.put_nowait(worker)

    async def _twice(self, worker: int, work: Callable[[Bench], Awaitable[T]]) -> T:
        setting, bench = self._benches[worker]
        try:
            return await work(bench)
        except SandboxUnavailable:
            await bench.close()
            bench = await self._evaluator.open(setting)
            self._benches[worker] = (setting, bench)
            return await work(bench)

    async def close(self) -> None:
        """Closes every bench."""
        await asyncio.gather(*(bench.close() for _, bench in self._benches))
