"""Measures programs with the author's judge; neither runs in the engine's process.

Why the engine starts both, and what may cross, is in docs/decisions/judge-border.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adrs import (
    ConfigError,
    Evaluation,
    Exit,
    ExitReason,
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
    Split,
    Status,
    Task,
    WorkloadRef,
    set_digest,
)
from adrs_evaluators.judge.wire import JudgeGone, JudgeWire

_HERE = Path(__file__).parent
# The judge is the author's code: its limits only keep an accident from taking the machine down.
_JUDGE_LIMITS = Limits(
    wall_s=1e7, cpu_s=1e7, memory_mb=8192, processes=64, output_mb=1024, files_mb=256
)
_SET_UP_S = 120.0
# Sums and squares of figures must stay finite: programs, too, choose how large a figure is.
_LARGEST_METRIC = 1e150
_OUTCOMES = {
    "invalid": Status.INVALID,
    "flooded": Status.OVER_OUTPUT,
    "timed_out": Status.TIMED_OUT,
    "ended": Status.CRASHED,
    "memory": Status.OVER_MEMORY,
    "failed": Status.CRASHED,
    "judge_failed": Status.JUDGE_FAILED,
}


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
        room = Room(_HERE / "judge_boot.py", mounts, requirements, setting.core)
        judge = await sandbox.open(room)
        try:
            candidates = await sandbox.open(
                Room(_HERE / "candidate_boot.py", {}, requirements, setting.core)
            )
        except BaseException:
            await judge.close()
            raise
        return JudgeBench(task, judge, candidates)


class JudgeBench:
    """One judge's process and one room for fresh candidate processes."""

    def __init__(self, task: Task, judge: Session, candidates: Session) -> None:
        self._task = task
        self._judge_room = judge
        self._candidates = candidates
        self._process: Process | None = None
        self._wire: JudgeWire | None = None
        self._splits: dict[tuple[Split, str], tuple[WorkloadRef, ...]] = {}
        self._has_feedback = False
        self._entry = task.brief.entry.partition(":")[0]
        self._metrics = frozenset(metric.name for metric in task.brief.metrics)

    @property
    def isolation(self) -> Isolation:
        return self._candidates.isolation

    async def workloads(self, split: Split, salt: str = "") -> tuple[WorkloadRef, ...]:
        """Names, units and digests of a split, as the judge lists them."""
        if (split, salt) not in self._splits:
            try:
                wire = await self._judge()
                answer = await wire.ask(self._about(split, salt, "workloads"), limit_s=_SET_UP_S)
            except TimeoutError:
                await self._end_judge()
                raise ConfigError(
                    f"the judge of {self._task.name} took over {_SET_UP_S:g} s to make the "
                    f"workloads of {split}; make them smaller or fewer"
                ) from None
            except JudgeGone as error:
                await self._end_judge()
                raise ConfigError(f"the judge of {self._task.name} ended: {error}") from None
            if "workloads" not in answer:
                raise ConfigError(
                    f"the judge of {self._task.name} cannot make the workloads of {split}: "
                    f"{answer.get('reason', answer)}"
                )
            self._has_feedback = bool(answer["has_feedback"])
            self._splits[split, salt] = tuple(WorkloadRef(*row) for row in answer["workloads"])
        return self._splits[split, salt]

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures a program; the first sample that is not SCORED ends it."""
        started = time.monotonic()
        workloads = await self.workloads(request.split, request.salt)
        samples: list[Sample] = []
        output = ""
        for repeat in range(request.repeats):
            for index, workload in enumerate(workloads):
                sample, output = await self._sample(program, request, workload, index, repeat)
                samples.append(sample)
                if sample.status is not Status.SCORED:
                    break
            if samples[-1].status is not Status.SCORED:
                break
        feedback = ""
        if request.feedback and self._has_feedback and samples[-1].status is Status.SCORED:
            feedback = await self._feedback(request, samples)
        return Evaluation(
            split=request.split,
            status=samples[-1].status,
            samples=tuple(samples),
            workloads=set_digest(workloads),
            isolation=self.isolation,
            reason=samples[-1].reason,
            feedback=feedback,
            output=output,
            wall_s=time.monotonic() - started,
        )

    async def _sample(
        self, program: Program, request: Request, workload: WorkloadRef, index: int, repeat: int
    ) -> tuple[Sample, str]:
        limits = self._task.brief.limits
        wire = await self._judge()
        ours, theirs = socket.socketpair()
        seed = int.from_bytes(hashlib.sha256(f"{workload.name} {repeat}".encode()).digest()[:4])
        try:
            process = await self._candidates.run(Job(program.files, limits, seed), theirs)
        except BaseException:
            ours.close()
            raise
        question = self._about(request.split, request.salt, "evaluate")
        question["index"] = index
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
        status, metrics, reason = self._outcome(answer, end)
        sample = Sample(
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
        return sample, end.output.decode("utf-8", "replace")

    def _outcome(self, answer: dict[str, Any], end: Exit) -> tuple[Status, dict[str, float], str]:
        """What happened: a broken limit first, then what the judge says."""
        limits = self._task.brief.limits
        if answer.get("outcome") == "judge_failed":
            return Status.JUDGE_FAILED, {}, str(answer.get("reason", ""))
        if end.reason is ExitReason.WALL:
            return Status.TIMED_OUT, {}, f"over the limit of {limits.wall_s:g} s wall time"
        if end.reason is ExitReason.CPU:
            return Status.TIMED_OUT, {}, f"over the limit of {limits.cpu_s:g} s CPU time"
        if end.reason is ExitReason.MEMORY:
            return Status.OVER_MEMORY, {}, f"over the limit of {limits.memory_mb} MiB"
        if end.reason is ExitReason.OUTPUT:
            return Status.OVER_OUTPUT, {}, f"printed over the limit of {limits.output_mb} MiB"
        if answer.get("outcome") == "metrics":
            fault = self._metrics_fault(answer.get("metrics"))
            if fault:
                return Status.JUDGE_FAILED, {}, fault
            return Status.SCORED, {k: float(v) for k, v in answer["metrics"].items()}, ""
        reason = str(answer.get("reason", ""))
        if answer.get("outcome") == "ended":
            how = f"signal {end.signal}" if end.signal else "it ended by itself"
            reason = f"the program's process was gone before it answered ({how})"
        return _OUTCOMES.get(str(answer.get("outcome")), Status.JUDGE_FAILED), {}, reason

    def _metrics_fault(self, metrics: object) -> str:
        if not isinstance(metrics, dict):
            return f"evaluate() must return a dict of metrics, not {type(metrics).__name__}"
        for name, value in metrics.items():
            if name not in self._metrics:
                return f"evaluate() returned {name!r}, which task.toml does not declare"
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f"metric {name!r} must be a number, not {value!r:.60}"
            if not abs(value) <= _LARGEST_METRIC:  # so that NaN is refused, too
                return (
                    f"metric {name!r} must be finite and at most {_LARGEST_METRIC:g} in size, "
                    f"not {value!r:.60}"
                )
        missing = sorted(self._metrics - metrics.keys())
        return f"evaluate() did not return {', '.join(missing)}" if missing else ""

    async def _feedback(self, request: Request, samples: list[Sample]) -> str:
        question = self._about(request.split, request.salt, "feedback")
        question["samples"] = [
            {"workload": s.workload, "unit": s.unit, "metrics": dict(s.metrics)} for s in samples
        ]
        wire = await self._judge()
        try:
            answer = await wire.ask(question, limit_s=self._task.evaluator.wall_s)
        except (TimeoutError, JudgeGone) as error:
            await self._end_judge()
            return f"(no feedback: {error})"
        return str(answer.get("feedback", f"(no feedback: {answer.get('reason')})"))

    def _about(self, split: Split, salt: str, ask: str) -> dict[str, Any]:
        parameters = dict(self._task.generator)
        return {"ask": ask, "split": split.value, "salt": salt, "parameters": parameters}

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
