"""Evaluations on this machine: a bench per worker, each kept on a core of its own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from adrs.errors import SandboxUnavailable
from adrs.model.evaluation import Evaluation, WorkloadRef
from adrs.model.program import Program
from adrs.model.task import Split
from adrs.ports.evaluator import Bench, Evaluator, Request, Setting


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
        for worker in reversed(range(len(benches))):
            self._free.put_nowait(worker)

    async def workloads(self, split: Split, salt: str = "") -> tuple[WorkloadRef, ...]:
        """What the first free bench says."""
        worker = await self._free.get()
        try:
            return await self._benches[worker][1].workloads(split, salt)
        finally:
            self._free.put_nowait(worker)

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures on a free bench; a broken sandbox is replaced once before it is reported."""
        worker = await self._free.get()
        setting, bench = self._benches[worker]
        try:
            try:
                return await bench.measure(program, request)
            except SandboxUnavailable:
                await bench.close()
                bench = await self._evaluator.open(setting)
                self._benches[worker] = (setting, bench)
                return await bench.measure(program, request)
        finally:
            self._free.put_nowait(worker)

    async def close(self) -> None:
        """Closes every bench."""
        await asyncio.gather(*(bench.close() for _, bench in self._benches))
