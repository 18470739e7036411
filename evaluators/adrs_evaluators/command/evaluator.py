"""Measures programs with commands, in any language.

Programs run in the candidates' sandbox. Where a command `measure` makes the metrics, it does so in
a sandbox of its own; else the program prints them, and its results are worth no more than its word.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from adrs import (
    Evaluation,
    Exit,
    ExitReason,
    Isolation,
    IsolationLevel,
    Limits,
    Program,
    Request,
    Session,
    Setting,
    Status,
    WorkloadRef,
)
from adrs_evaluators.building import Builds, Command, Finished, command_room, run_command
from adrs_evaluators.command.options import Options
from adrs_evaluators.command.workloads import Workload, Workloads
from adrs_evaluators.judge.judge_boot import Refused, decode
from adrs_evaluators.outcome import Outcome, Weighing
from adrs_evaluators.turns import in_turns

_MAX_REASON = 4000
_MAX_METRICS = 1 << 16
# The author's own code: its limits only keep an accident from taking the machine down.
_MEASURE_LIMITS = Limits(cpu_s=1e7, memory_mb=8192, processes=64, output_mb=4, files_mb=256)


class CommandEvaluator:
    """Opens benches whose figures come from the commands in a task's [evaluator.options]."""

    name = "command"

    def __init__(self) -> None:
        self._builds = Builds()

    async def open(self, setting: Setting) -> CommandBench:
        """Makes the candidates' room and, for what only a judge may see, one more."""
        options = Options.of(setting)
        judge: Session | None = None
        candidates = await setting.sandbox.open(command_room(setting))
        try:
            if options.measure or options.workloads:
                mounts = {"task": setting.task.folder}
                if setting.source is not None:
                    mounts["source"] = setting.source
                judge = await setting.sandbox.open(command_room(setting, mounts))
            workloads = Workloads(setting, options.workloads, judge)
        except BaseException:
            await _close(candidates, judge)
            raise
        return CommandBench(setting, options, self._builds, workloads, candidates, judge)


class CommandBench:
    """One room for programs, and one for the author's commands if there are any."""

    def __init__(
        self,
        setting: Setting,
        options: Options,
        builds: Builds,
        workloads: Workloads,
        candidates: Session,
        judge: Session | None,
    ) -> None:
        self._setting = setting
        self._options = options
        self._builds = builds
        self._workloads = workloads
        self._candidates = candidates
        self._judge = judge
        self._limits = setting.task.brief.limits
        apart = bool(options.measure)
        self.isolation = _isolation(candidates.isolation, apart=apart)
        # What a program prints, it may have made up; what the author's command prints, it broke.
        self._author = "measure" if apart else "run"
        self._fault = Status.JUDGE_FAILED if apart else Status.INVALID
        self._weighing = Weighing(setting.task.brief, self._author, self._fault)

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """Names, units, digests and sizes of what a request asks for."""
        return tuple(workload.ref for workload in await self._workloads.of(request))

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """The data of each workload, as JSON."""
        return tuple(workload.content for workload in await self._workloads.of(request))

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures a program; the first sample that is not SCORED ends it."""
        [evaluation] = await self.side_by_side([program], request)
        return evaluation

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Measures programs in turns; `wall_s` of each is the time that its own turns took."""
        workloads = {one.ref: one for one in await self._workloads.of(request)}
        refs = tuple(workloads)
        courses = await in_turns(programs, refs, request, partial(self._turn, workloads))
        return [course.evaluation(request, refs, self.isolation, "") for course in courses]

    async def _turn(
        self,
        workloads: Mapping[WorkloadRef, Workload],
        program: Program,
        ref: WorkloadRef,
        repeat: int,
    ) -> tuple[Outcome, Exit]:
        """One run of a program on one workload; the first one builds it."""
        files = program.files
        if argv := self._options.build:
            build = await self._builds.build(program, argv, self._setting, self._candidates)
            if build.failure is not None:
                return build.failure, Exit(ExitReason.ENDED, 0, 0.0, 0.0, 0.0, build.output)
            files = build.files
        command = Command(self._options.run, self._limits, files, workloads[ref].data)
        run = await run_command(self._candidates, command, "the program")
        if run.failure is not None:
            return run.failure, run.end
        if self._judge is None or not self._options.measure:
            return self._outcome(run.output, run.end), run.end
        command = self._measuring(workloads[ref], repeat, run)
        measured = await run_command(self._judge, command, "the command measure")
        if measured.failure is not None:
            return Outcome(Status.JUDGE_FAILED, {}, measured.failure.reason), run.end
        return self._outcome(measured.output, run.end), run.end

    def _measuring(self, workload: Workload, repeat: int, run: Finished) -> Command:
        """The command that makes metrics of what a run printed."""
        about = {
            "workload": workload.ref.name,
            "repeat": repeat,
            "cpu_s": run.end.cpu_s,
            "wall_s": run.end.wall_s,
            "peak_mb": run.end.peak_mb,
        }
        files = {
            "workload": workload.data,
            "answer": run.output,
            "run.json": json.dumps(about).encode(),
        }
        limits = replace(_MEASURE_LIMITS, wall_s=self._setting.task.evaluator.wall_s)
        return Command(self._options.measure, limits, files)

    def _outcome(self, printed: bytes, end: Exit) -> Outcome:
        """What printed metrics make of a run that hit no limit."""
        try:
            if len(printed) > _MAX_METRICS:
                raise Refused(f"it is {len(printed)} bytes long, {_MAX_METRICS} are allowed")
            said = decode(printed)
        except Refused as error:
            shown = printed[:80].decode("utf-8", "backslashreplace")
            said = f"{error}; it printed {shown!r}"
        if not isinstance(said, dict):
            reason = f"{self._author} must print one JSON object of metrics"
            return Outcome(self._fault, {}, f"{reason}: {said}"[:_MAX_REASON])
        if said.keys() == {"invalid"} and isinstance(said["invalid"], str):
            return Outcome(Status.INVALID, {}, said["invalid"][:_MAX_REASON])
        return self._weighing.scored(said, end)

    async def close(self) -> None:
        """Ends both rooms."""
        await _close(self._candidates, self._judge)


def _isolation(isolation: Isolation, *, apart: bool) -> Isolation:
    """What holds between a program and its figures: walls help little if it makes them itself."""
    if apart or isolation.level is not IsolationLevel.SEPARATE:
        return isolation
    return replace(isolation, level=IsolationLevel.SHARED)


async def _close(candidates: Session, judge: Session | None) -> None:
    await asyncio.gather(*(room.close() for room in (candidates, judge) if room is not None))
