"""Times compiled functions: the clock, the inputs and the checks are the judge's.

What a candidate might try, and why it gains nothing, is in docs/decisions/kernel-timing.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from adrs import (
    ConfigError,
    Evaluation,
    Exit,
    ExitReason,
    Isolation,
    Job,
    Program,
    Request,
    Room,
    Session,
    Setting,
    WorkloadRef,
)
from adrs_evaluators.building import Builds, command_room
from adrs_evaluators.judge.judge import Judge
from adrs_evaluators.kernel.memory import shared_memory
from adrs_evaluators.kernel.options import figures_of, options_of
from adrs_evaluators.kernel.slope import per_call_s
from adrs_evaluators.outcome import Outcome, Weighing, broken_limit, crashed
from adrs_evaluators.turns import in_turns

_HERE = Path(__file__).parent
_MB = 1 << 20


class KernelEvaluator:
    """Opens benches whose figures are the times of single calls of a compiled function."""

    name = "kernel"

    def __init__(self) -> None:
        self._builds = Builds()

    async def open(self, setting: Setting) -> KernelBench:
        """Makes rooms for the judge, the builds and the candidates.

        Raises:
            ConfigError: the task's metrics or options are not for this evaluator.
            SandboxUnavailable: there is no sandbox for it.
        """
        figures_of(setting.task)
        options_of(setting.task)
        async with AsyncExitStack() as opened:
            mounts = {"judge_boot": _HERE.parent / "judge" / "judge_boot.py"}
            judge = await Judge.open(setting, _HERE / "judge_boot.py", mounts)
            opened.push_async_callback(judge.close)
            workshop = await setting.sandbox.open(command_room(setting))
            opened.push_async_callback(workshop.close)
            boot = _HERE / "candidate_boot.py"
            candidates = await setting.sandbox.open(
                Room(boot, {}, setting.task.environment, setting.core, setting.hash_seed)
            )
            opened.pop_all()
        return KernelBench(setting, judge, self._builds, workshop, candidates)


class KernelBench:
    """The author's judge, a room where libraries are built, and one where they are called."""

    def __init__(
        self,
        setting: Setting,
        judge: Judge,
        builds: Builds,
        workshop: Session,
        candidates: Session,
    ) -> None:
        self._setting = setting
        self._limits = setting.task.brief.limits
        self._options = options_of(setting.task)
        self._figures = figures_of(setting.task)
        self._judge = judge
        self._builds = builds
        self._workshop = workshop
        self._candidates = candidates
        self._weighing = Weighing(setting.task.brief)
        self._layouts: dict[str, tuple[int, int]] = {}

    @property
    def isolation(self) -> Isolation:
        return self._candidates.isolation

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """What the judge lists; `arguments` and `reference` are tried on each of them.

        Raises:
            ConfigError: judge.py raised or answered nonsense; the message has its reason.
            ConfigError: the calls of a measurement do not fit into memory.
            SandboxUnavailable: the sandbox broke.
        """
        listing = await self._judge.workloads(request)
        if any(ref.digest not in self._layouts for ref in listing):
            answer = await self._judge.describe(request, "layouts")
            for digest, (inputs, outputs) in answer["layouts"].items():
                self._layouts[digest] = inputs, outputs
        for ref in listing:
            self._check_memory(ref)
        return listing

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """The data of each workload, as JSON."""
        return await self._judge.contents(request)

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures a program; the first sample that is not SCORED ends it."""
        [evaluation] = await self.side_by_side([program], request)
        return evaluation

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Measures programs in turns, all on the same inputs."""
        workloads = await self.workloads(request)
        turn = partial(self._turn, request, secrets.token_hex(16))
        evaluations = []
        for course in await in_turns(programs, workloads, request, turn):
            words = "" if course.over else await self._judge.feedback(course.samples, request)
            evaluations.append(course.evaluation(request, workloads, self.isolation, words))
        return evaluations

    async def _turn(
        self, request: Request, secret: str, program: Program, workload: WorkloadRef, repeat: int
    ) -> tuple[Outcome, Exit]:
        """One measurement of a program on one workload."""
        options = self._options
        build = await self._builds.build(program, options.build, self._setting, self._workshop)
        if build.failure is not None:
            return build.failure, _nothing_ran(build.output)
        library = build.files.get(options.library)
        if library is None:
            return crashed(f"the build made no {options.library}"), _nothing_ran(build.output)
        question = self._question(request, secret, workload, repeat)
        drawn = await self._judge.evaluate({**question, "ask": "draw"})
        if drawn["outcome"] != "drawn":
            return self._weighing.outcome(drawn, _nothing_ran()), _nothing_ran()
        answer, end = await self._time(question, library, workload)
        if answer["outcome"] == "timed" and broken_limit(self._limits, end) is None:
            checked = await self._judge.evaluate({**question, "ask": "check"})
            answer = self._figures_of(answer, checked, question["batches"])
        return self._weighing.outcome(answer, end), end

    def _question(
        self, request: Request, secret: str, workload: WorkloadRef, repeat: int
    ) -> dict[str, Any]:
        """What the judge has to know of one measurement.

        The seed of the inputs is known to the judge alone: with one from the record, a library
        could make the inputs itself, before they are sent, and have the answers ready.
        """
        options = self._options
        seed = hashlib.sha256(f"{secret} {workload.digest} {repeat}".encode()).hexdigest()
        batches = [options.calls, 2 * options.calls]
        if int(seed[0], 16) % 2:
            batches.reverse()
        return {
            **self._judge.about(request, ""),
            "workload": workload.digest,
            "seed": seed,
            "batches": [options.warm_up, *batches],
            "checked": [0, options.checked, options.checked],
            "relative_error": options.relative_error,
            "absolute_error": options.absolute_error,
            "library": options.library,
            "function": options.function,
        }

    async def _time(
        self, question: dict[str, Any], library: bytes, workload: WorkloadRef
    ) -> tuple[dict[str, Any], Exit]:
        """The judge's answer, and how the candidate ended, which is dead by then."""
        sizes = [
            calls * each for calls in question["batches"] for each in self._layouts[workload.digest]
        ]
        ours, theirs = socket.socketpair()
        with ours, shared_memory(sizes) as memory:
            job = Job({self._options.library: library}, self._limits)
            process = await self._candidates.run(job, theirs)
            try:
                answer = await self._judge.evaluate(
                    {**question, "ask": "time"},
                    program_s=self._limits.wall_s,
                    end=ours,
                    memory=memory,
                )
            finally:
                process.stop()
                end = await process.wait()
        return answer, end

    def _figures_of(
        self, timed: dict[str, Any], checked: dict[str, Any], batches: list[int]
    ) -> dict[str, Any]:
        """The metrics of a program whose outputs are right."""
        if checked["outcome"] != "checked":
            return checked
        figures = self._figures
        short_s, long_s = (
            one for _, one in sorted(zip(batches[1:], timed["elapsed_s"][1:], strict=True))
        )
        min_effect = self._setting.task.objective.min_effect
        call_s = per_call_s(short_s, long_s, self._options.calls, min_effect)
        metrics = {figures.name: call_s / figures.unit_s}
        if figures.error:
            metrics[figures.error] = checked["error"]
        return {"outcome": "metrics", "metrics": metrics}

    def _check_memory(self, workload: WorkloadRef) -> None:
        """Raises ConfigError unless all calls of a measurement fit into half of the memory."""
        options, limit_mb = self._options, self._limits.memory_mb
        each = sum(self._layouts[workload.digest])
        calls = options.warm_up + 3 * options.calls
        if calls * each > limit_mb * _MB / 2:
            fewer = int(limit_mb * _MB / 2 / each / 3.1)
            cure = f"at most calls = {fewer}" if fewer else "smaller workloads"
            raise ConfigError(
                f"a measurement on {workload.name} has {calls} calls with {each} bytes of inputs "
                f"and outputs each, {calls * each / _MB:.0f} MiB in all, which is more than half "
                f"of [limits] memory_mb = {limit_mb}; raise it, or take {cure} in "
                "[evaluator.options]"
            )

    async def close(self) -> None:
        """Ends the judge and all rooms."""
        await asyncio.gather(self._judge.close(), self._workshop.close(), self._candidates.close())


def _nothing_ran(output: bytes = b"") -> Exit:
    return Exit(ExitReason.ENDED, 0, 0.0, 0.0, 0.0, output)
