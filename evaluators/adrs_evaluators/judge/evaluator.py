"""Measures programs with the author's judge; neither runs in the engine's process.

Why the engine starts both, and what may cross, is in docs/decisions/judge-border.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

from adrs import (
    ConfigError,
    Evaluation,
    Exit,
    Isolation,
    Job,
    Limits,
    Process,
    Program,
    Request,
    Room,
    Sample,
    SandboxUnavailable,
    Session,
    Setting,
    Status,
    Task,
    WorkloadRef,
    set_digest,
)
from adrs_evaluators.judge.outcome import Weighing
from adrs_evaluators.judge.wire import JudgeGone, JudgeWire

_HERE = Path(__file__).parent
# The judge is the author's code: its limits only keep an accident from taking the machine down.
_JUDGE_LIMITS = Limits(
    wall_s=1e7, cpu_s=1e7, memory_mb=8192, processes=64, output_mb=1024, files_mb=256
)
_SET_UP_S = 120.0
# Sets of workloads whose listings are kept: more than one run has at hand at the same time.
_KEPT_LISTINGS = 16


class JudgeEvaluator:
    """Opens benches whose figures come from the task's judge.py."""

    name = "judge"

    async def open(self, setting: Setting) -> JudgeBench:
        """Makes the judge's room and the candidates' room."""
        task, sandbox = setting.task, setting.sandbox
        judging = find_spec("adrs.judging")
        assert judging is not None
        assert judging.origin is not None
        mounts = {"task": task.folder, "judging": Path(judging.origin)}
        if setting.source is not None:
            mounts["source"] = setting.source
        requirements = task.environment.python
        core, hash_seed = setting.core, setting.hash_seed
        judge = await sandbox.open(
            Room(_HERE / "judge_boot.py", mounts, requirements, core, hash_seed)
        )
        try:
            candidates = await sandbox.open(
                Room(_HERE / "candidate_boot.py", {}, requirements, core, hash_seed)
            )
        except BaseException:
            await judge.close()
            raise
        return JudgeBench(task, judge, candidates)


@dataclass(slots=True)
class _Course:
    """One program's turns so far."""

    program: Program
    samples: list[Sample] = field(default_factory=list)
    output: str = ""
    wall_s: float = 0.0

    @property
    def over(self) -> bool:
        """Whether a turn was not SCORED."""
        return bool(self.samples) and self.samples[-1].status is not Status.SCORED


class JudgeBench:
    """One judge's process and one room for fresh candidate processes."""

    def __init__(self, task: Task, judge: Session, candidates: Session) -> None:
        self._task = task
        self._judge_room = judge
        self._candidates = candidates
        self._process: Process | None = None
        self._wire: JudgeWire | None = None
        self._listings: dict[tuple[str, str, str], tuple[WorkloadRef, ...]] = {}
        self._has_feedback = False
        self._entry = task.brief.entry.partition(":")[0]
        self._weighing = Weighing(task.brief)

    @property
    def isolation(self) -> Isolation:
        return self._candidates.isolation

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """Names, units, digests and sizes of what a request asks for, as the judge lists them."""
        key = (
            request.split.value,
            request.salt,
            json.dumps(self._parameters(request), sort_keys=True),
        )
        listing = self._listings.pop(key, None)
        if listing is None:
            listing = await self._list(request)
        self._listings[key] = listing
        if len(self._listings) > _KEPT_LISTINGS:
            del self._listings[next(iter(self._listings))]
        if not request.names:
            return listing
        known = [ref.name for ref in listing]
        for name in request.names:
            if name not in known:
                shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
                raise ConfigError(
                    f"the judge of {self._task.name} makes no workload {name!r:.80} on "
                    f"{request.split}; there is: {shown}"
                )
        return tuple(ref for ref in listing if ref.name in request.names)

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """The data of each workload, as JSON."""
        listing = await self.workloads(request)
        contents = (await self._ask_judge(request, "contents"))["contents"]
        return tuple(contents[ref.digest].encode() for ref in listing)

    async def _list(self, request: Request) -> tuple[WorkloadRef, ...]:
        answer = await self._ask_judge(request, "workloads")
        self._has_feedback = bool(answer["has_feedback"])
        return tuple(WorkloadRef(*row) for row in answer["workloads"])

    async def _ask_judge(self, request: Request, ask: str) -> dict[str, Any]:
        """What the judge says about a set of workloads."""
        name, split = self._task.name, request.split
        try:
            wire = await self._judge()
            answer = await wire.ask(self._about(request, ask), limit_s=_SET_UP_S)
        except TimeoutError:
            await self._end_judge()
            raise ConfigError(
                f"the judge of {name} took over {_SET_UP_S:g} s to make the "
                f"workloads of {split}; make them smaller or fewer"
            ) from None
        except JudgeGone as error:
            await self._end_judge()
            raise ConfigError(f"the judge of {name} ended: {error}") from None
        if ask not in answer:
            raise ConfigError(
                f"the judge of {name} cannot make the workloads of {split}: "
                f"{answer.get('reason', answer)}"
            )
        return answer

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures a program; the first sample that is not SCORED ends it."""
        [evaluation] = await self.side_by_side([program], request)
        return evaluation

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Measures programs in turns; `wall_s` of each is the time that its own turns took."""
        workloads = await self.workloads(request)
        courses = [_Course(program) for program in programs]
        order = courses
        for repeat in range(request.first, request.first + request.repeats):
            for workload in workloads:
                for course in order:
                    await self._turn(course, request, workload, repeat)
                order = [course for course in reversed(order) if not course.over]
        return [await self._evaluation(course, request, workloads) for course in courses]

    async def _evaluation(
        self, course: _Course, request: Request, workloads: tuple[WorkloadRef, ...]
    ) -> Evaluation:
        last = course.samples[-1]
        feedback = ""
        if request.feedback and self._has_feedback and not course.over:
            feedback = await self._feedback(course, request)
        return Evaluation(
            split=request.split,
            status=last.status,
            samples=tuple(course.samples),
            workloads=set_digest(workloads),
            isolation=self.isolation,
            reason=last.reason,
            feedback=feedback,
            output=course.output,
            wall_s=course.wall_s,
        )

    async def _turn(
        self, course: _Course, request: Request, workload: WorkloadRef, repeat: int
    ) -> None:
        """One run of a program on one workload."""
        started = time.monotonic()
        limits = self._task.brief.limits
        wire = await self._judge()
        ours, theirs = socket.socketpair()
        job = Job(course.program.files, limits, _luck(course.program, workload, repeat))
        try:
            process = await self._candidates.run(job, theirs)
        except BaseException:
            ours.close()
            raise
        question = self._about(request, "evaluate")
        question["workload"] = workload.digest
        question["entry"] = self._entry
        try:
            answer = await wire.ask(
                question, limit_s=limits.wall_s + self._task.evaluator.wall_s, end=ours
            )
        except TimeoutError:
            answer = await self._judge_lost(f"no answer within {self._task.evaluator.wall_s:g} s")
        except JudgeGone as error:
            answer = await self._judge_lost(str(error))
        except asyncio.CancelledError:
            await self._end_judge()  # its late answer must not meet the next question
            raise
        finally:
            ours.close()
            process.stop()
            end = await process.wait()
        status, metrics, reason = self._weighing.outcome(answer, end)
        course.samples.append(
            Sample(
                workload=workload.name,
                unit=workload.unit,
                repeat=repeat,
                status=status,
                metrics=metrics,
                reason=reason,
                cpu_s=end.cpu_s,
                wall_s=end.wall_s,
                peak_mb=end.peak_mb,
            )
        )
        course.output = end.output.decode("utf-8", "replace")
        course.wall_s += time.monotonic() - started

    async def _feedback(self, course: _Course, request: Request) -> str:
        question = self._about(request, "feedback")
        question["samples"] = _by_workload(course.samples)
        wire = await self._judge()
        try:
            answer = await wire.ask(question, limit_s=self._task.evaluator.wall_s)
        except (TimeoutError, JudgeGone) as error:
            await self._end_judge()
            return f"(no feedback: {error})"
        return str(answer.get("feedback", f"(no feedback: {answer.get('reason')})"))

    def _about(self, request: Request, ask: str) -> dict[str, Any]:
        parameters = dict(self._parameters(request))
        return {
            "ask": ask,
            "split": request.split.value,
            "salt": request.salt,
            "parameters": parameters,
        }

    def _parameters(self, request: Request) -> Mapping[str, object]:
        return self._task.generator if request.parameters is None else request.parameters

    async def _judge(self) -> JudgeWire:
        if self._wire is None:
            ours, theirs = socket.socketpair()
            self._process = await self._judge_room.run(Job({}, _JUDGE_LIMITS), theirs)
            self._wire = JudgeWire(ours)
        return self._wire

    async def _judge_lost(self, why: str) -> dict[str, Any]:
        end = await self._end_judge()
        tail = "" if end is None else end.output.decode("utf-8", "replace").strip()[-1000:]
        reason = f"the judge failed: {why}" + (f"\n{tail}" if tail else "")
        return {"outcome": "judge_failed", "reason": reason}

    async def _end_judge(self) -> Exit | None:
        wire, process, self._wire, self._process = self._wire, self._process, None, None
        if wire is not None:
            wire.close()
        if process is None:
            return None
        process.stop()
        return await process.wait()

    async def close(self) -> None:
        """Ends the judge and both rooms."""
        with contextlib.suppress(SandboxUnavailable):  # then there is nothing left to end
            await self._end_judge()
        await asyncio.gather(self._judge_room.close(), self._candidates.close())


def _luck(program: Program, workload: WorkloadRef, repeat: int) -> int:
    """The seed of a candidate's process.

    The same in every resume, yet no program can hold a table from its seeds to answers: its id,
    which they depend on, depends on all that it holds.
    """
    digest = hashlib.sha256(f"{program.id} {workload.digest} {repeat}".encode()).digest()
    return int.from_bytes(digest[:8])


def _by_workload(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """What a judge's feedback is about: each workload once, its metrics as means over repeats."""
    repeats: dict[str, list[Sample]] = {}
    for sample in samples:
        repeats.setdefault(sample.workload, []).append(sample)
    return [
        {
            "workload": workload,
            "unit": several[0].unit,
            "metrics": {
                name: fmean(sample.metrics[name] for sample in several)
                for name in several[0].metrics
                if all(name in sample.metrics for sample in several)
            },
        }
        for workload, several in repeats.items()
    ]
