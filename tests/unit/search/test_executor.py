"""How evaluations share the workers of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

import adrs
from adrs.testing.fakes import FunctionEvaluator

PROGRAM = adrs.Program({"main.py": b"x = 1\n"})
TRAIN = adrs.Request(adrs.Split.TRAIN)


class Crowd:
    """An evaluator whose benches note what happens at the same time.

    Args:
        breaks: so many times a bench says that its sandbox broke.
    """

    name = "crowd"

    def __init__(self, breaks: int = 0) -> None:
        self._inner = FunctionEvaluator(lambda program, workload: {"loss": 1.0}, units=1)
        self.breaks = breaks
        self.opened: list[int | None] = []
        self.closed = 0
        self.at_work = 0
        self.alone = False
        self.most = 0
        self.done: list[str] = []

    async def open(self, setting: adrs.Setting) -> Seat:
        self.opened.append(setting.core)
        return Seat(self)

    async def step_in(self, *, alone: bool) -> None:
        """Works for a while; fails if somebody works who may not."""
        assert not self.alone
        assert not (alone and self.at_work)
        self.at_work, self.alone = self.at_work + 1, alone
        self.most = max(self.most, self.at_work)
        try:
            for _ in range(5):
                await asyncio.sleep(0)
            if self.breaks:
                self.breaks -= 1
                raise adrs.SandboxUnavailable("its room is gone")
        finally:
            self.at_work, self.alone = self.at_work - 1, False

    async def measured(self, programs: Sequence[adrs.Program]) -> list[adrs.Evaluation]:
        return await self._inner.side_by_side(programs, TRAIN)


class Seat:
    """One bench of a crowd."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._busy = False

    async def workloads(self, request: adrs.Request) -> tuple[adrs.WorkloadRef, ...]:
        await self._crowd.step_in(alone=False)
        return ()

    async def measure(self, program: adrs.Program, request: adrs.Request) -> adrs.Evaluation:
        assert not self._busy, "a bench measures one program at a time"
        self._busy = True
        try:
            await self._crowd.step_in(alone=False)
        finally:
            self._busy = False
        self._crowd.done.append("measure")
        return (await self._crowd.measured([program]))[0]

    async def side_by_side(
        self, programs: Sequence[adrs.Program], request: adrs.Request
    ) -> list[adrs.Evaluation]:
        await self._crowd.step_in(alone=True)
        self._crowd.done.append("side_by_side")
        return await self._crowd.measured(programs)

    async def close(self) -> None:
        self._crowd.closed += 1


async def opened(crowd: Crowd, task: adrs.Task, workers: int) -> adrs.Bench:
    setting = adrs.Setting(task, sandbox=None)  # type: ignore[arg-type]
    return await adrs.LocalExecutor(workers).open(crowd, setting)


async def within(seconds: float, *work: object) -> list[object]:
    async with asyncio.timeout(seconds):
        return await asyncio.gather(*work)  # type: ignore[call-overload, no-any-return]


def test_nothing_runs_beside_what_is_measured_side_by_side(task: adrs.Task) -> None:
    crowd = Crowd()

    async def play() -> list[object]:
        bench = await opened(crowd, task, 3)
        work: list[object] = []
        for number in range(20):
            work.append(bench.measure(PROGRAM, TRAIN))
            if number % 4 == 0:
                work += [bench.side_by_side([PROGRAM, PROGRAM], TRAIN), bench.workloads(TRAIN)]
        return await within(10, *work)

    found = asyncio.run(play())
    assert sum(isinstance(one, adrs.Evaluation) for one in found) == 20
    assert [len(one) for one in found if isinstance(one, list)] == [2] * 5
    assert crowd.most == 3, "measurements run at the same time where nothing has to be alone"


def test_nobody_waits_for_ever(task: adrs.Task) -> None:
    """However many more come, each has its turn in the order of arrival."""
    crowd = Crowd()

    async def play() -> None:
        bench = await opened(crowd, task, 2)

        async def keep_busy() -> None:
            for _ in range(30):
                await bench.measure(PROGRAM, TRAIN)

        busy = [asyncio.create_task(keep_busy()) for _ in range(6)]
        await asyncio.sleep(0)
        await within(10, bench.side_by_side([PROGRAM], TRAIN))
        waited = len(crowd.done) - 1
        assert waited <= 8
        alone = [asyncio.create_task(keep_alone(bench)) for _ in range(3)]
        await within(10, bench.measure(PROGRAM, TRAIN), *busy, *alone)

    async def keep_alone(bench: adrs.Bench) -> None:
        for _ in range(5):
            await bench.side_by_side([PROGRAM], TRAIN)

    asyncio.run(play())
    assert crowd.done.count("side_by_side") == 16
    assert crowd.done.count("measure") == 181


def test_who_gives_up_leaves_every_worker_free(task: adrs.Task) -> None:
    crowd = Crowd()

    async def play() -> None:
        bench = await opened(crowd, task, 3)
        for patience in range(12):
            work = [
                asyncio.create_task(bench.side_by_side([PROGRAM], TRAIN)),
                asyncio.create_task(bench.measure(PROGRAM, TRAIN)),
                asyncio.create_task(bench.side_by_side([PROGRAM], TRAIN)),
            ]
            for _ in range(patience):
                await asyncio.sleep(0)
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        crowd.most = 0
        await within(10, *(bench.measure(PROGRAM, TRAIN) for _ in range(9)))
        await within(10, bench.side_by_side([PROGRAM], TRAIN))

    asyncio.run(play())
    assert crowd.most == 3


@pytest.mark.parametrize("breaks", [1, 2])
def test_a_broken_sandbox_is_replaced_once(task: adrs.Task, breaks: int) -> None:
    crowd = Crowd(breaks)

    async def play() -> None:
        bench = await opened(crowd, task, 2)
        if breaks > 1:
            with pytest.raises(adrs.SandboxUnavailable):
                await bench.side_by_side([PROGRAM], TRAIN)
        found = await within(10, bench.side_by_side([PROGRAM], TRAIN))
        assert found
        await within(10, *(bench.measure(PROGRAM, TRAIN) for _ in range(4)))

    asyncio.run(play())
    assert crowd.closed == 1
    assert len(crowd.opened) == 3
    assert crowd.opened[2] == crowd.opened[0], "the new one stays on the core of the old one"
