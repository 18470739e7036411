"""Measures programs with the author's judge; neither runs in the engine's process.

Why the engine starts both, and what may cross, is in docs/decisions/judge-border.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from adrs import (
    Evaluation,
    Exit,
    Isolation,
    Job,
    Program,
    Request,
    Room,
    Session,
    Setting,
    Task,
    WorkloadRef,
)
from adrs_evaluators.judge.judge import Judge
from adrs_evaluators.outcome import Outcome, Weighing
from adrs_evaluators.turns import in_turns

_HERE = Path(__file__).parent


class JudgeEvaluator:
    """Opens benches whose figures come from the task's judge.py."""

    name = "judge"

    async def open(self, setting: Setting) -> JudgeBench:
        """Makes the judge's room and the candidates' room."""
        environment = setting.task.environment
        judge = await Judge.open(setting, _HERE / "judge_boot.py")
        try:
            candidates = await setting.sandbox.open(
                Room(_HERE / "candidate_boot.py", {}, environment, setting.core, setting.hash_seed)
            )
        except BaseException:
            await judge.close()
            raise
        return JudgeBench(setting.task, judge, candidates)


class JudgeBench:
    """The author's judge and one room for fresh candidate processes."""

    def __init__(self, task: Task, judge: Judge, candidates: Session) -> None:
        self._task = task
        self._judge = judge
        self._candidates = candidates
        self._entry = task.brief.entry.partition(":")[0]
        self._weighing = Weighing(task.brief)

    @property
    def isolation(self) -> Isolation:
        return self._candidates.isolation

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """Names, units, digests and sizes of what a request asks for, as the judge lists them."""
        return await self._judge.workloads(request)

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """The data of each workload, as JSON."""
        return await self._judge.contents(request)

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures a program; the first sample that is not SCORED ends it."""
        [evaluation] = await self.side_by_side([program], request)
        return evaluation

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Measures programs in turns; `wall_s` of each is the time that its own turns took."""
        workloads = await self.workloads(request)
        evaluations = []
        for course in await in_turns(programs, workloads, request, partial(self._turn, request)):
            words = "" if course.over else await self._judge.feedback(course.samples, request)
            evaluations.append(course.evaluation(request, workloads, self.isolation, words))
        return evaluations

    async def _turn(
        self, request: Request, program: Program, workload: WorkloadRef, repeat: int
    ) -> tuple[Outcome, Exit]:
        """One run of a program on one workload."""
        limits = self._task.brief.limits
        question = self._judge.about(request, "evaluate")
        question["workload"] = workload.digest
        question["entry"] = self._entry
        await self._judge.ready(request)
        ours, theirs = socket.socketpair()
        with ours:
            job = Job(program.files, limits, _luck(program, workload, repeat))
            process = await self._candidates.run(job, theirs)
            try:
                answer = await self._judge.evaluate(question, program_s=limits.wall_s, end=ours)
            finally:
                process.stop()
                end = await process.wait()
        return self._weighing.outcome(answer, end), end

    async def close(self) -> None:
        """Ends the judge and both rooms."""
        await asyncio.gather(self._judge.close(), self._candidates.close())


def _luck(program: Program, workload: WorkloadRef, repeat: int) -> int:
    """The seed of a candidate's process.

    The same in every resume, yet no program can hold a table from its seeds to answers: its id,
    which they depend on, depends on all that it holds.
    """
    digest = hashlib.sha256(f"{program.id} {workload.digest} {repeat}".encode()).digest()
    return int.from_bytes(digest[:8])
