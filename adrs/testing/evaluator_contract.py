"""What every evaluator must hold, watched from the side of the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeVar

import pytest

from adrs.errors import ConfigError, SandboxUnavailable
from adrs.model.evaluation import Evaluation, Status, WorkloadRef, set_digest
from adrs.model.isolation import Guarantee, Isolation, IsolationLevel, Probe
from adrs.model.program import Program
from adrs.model.task import Split
from adrs.ports.evaluator import Bench, Evaluator, Request, Setting, Showing
from adrs.ports.sandbox import Job, Process, Room, Sandbox, Session

_Result = TypeVar("_Result")

_TAKEN_AWAY = Isolation(
    "watched", IsolationLevel.PROCESS, {}, {str(one): "taken away by the test" for one in Guarantee}
)


@dataclass
class WatchedSandbox:
    """A sandbox that takes note of what an evaluator does with it.

    Attributes:
        inner: where everything really happens.
        weak: its rooms say that they enforce nothing.
        broken: no process can be started any more.
        rooms: every room that was made.
        jobs: every job that was started, in order.
        started: set when a process has started.
        open_rooms: how many are not closed yet.
    """

    inner: Sandbox
    weak: bool = False
    broken: bool = False
    rooms: list[Room] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    open_rooms: int = 0
    name: str = "watched"

    async def probe(self) -> Probe:
        """That of the sandbox within, under this one's name."""
        return replace(await self.inner.probe(), sandbox=self.name)

    async def open(self, room: Room) -> Session:
        """A room of the sandbox within."""
        session = await self.inner.open(room)
        self.rooms.append(room)
        self.open_rooms += 1
        return _WatchedSession(session, self)


class _WatchedSession:
    def __init__(self, session: Session, watched: WatchedSandbox) -> None:
        self._session = session
        self._watched = watched
        self.isolation = (
            _TAKEN_AWAY if watched.weak else replace(session.isolation, sandbox=watched.name)
        )

    async def run(self, job: Job, channel: socket.socket) -> Process:
        if self._watched.broken:
            channel.close()
            raise SandboxUnavailable("broken by the test")
        self._watched.jobs.append(job)
        process = await self._session.run(job, channel)
        self._watched.started.set()
        return process

    async def close(self) -> None:
        self._watched.open_rooms -= 1
        await self._session.close()


class EvaluatorContract:
    """Derive from it, give a fixture `setting`, best with scope "module", and override.

    The setting has a task whose seed scores, with at least two workloads in every split, and a real
    sandbox.

    Attributes:
        parameters: what, in place of the task's [generator], makes other workloads; None if the
            evaluator makes the same ones whatever it is given.
        draws: held-out workloads follow from the salt; False if they are always the same.
    """

    parameters: ClassVar[Mapping[str, object] | None] = None
    draws: ClassVar[bool] = True

    def evaluator(self) -> Evaluator:
        """A fresh one."""
        raise NotImplementedError

    def failing(self, seed: Program) -> Sequence[tuple[Program, Status]]:
        """Programs that must not score, and how each must end; at least one that crashes."""
        raise NotImplementedError

    def variant(self, seed: Program) -> Program:
        """Another program that scores."""
        return seed.replacing({"variant.txt": b"another\n"})

    def turns(self, jobs: Sequence[Job], programs: Sequence[Program]) -> list[int]:
        """Whose turn it was, as positions in `programs`, judging by the jobs that were started.

        Override it if jobs do not hold the files of the program that has its turn.
        """
        return [
            position
            for job in jobs
            for position, program in enumerate(programs)
            if program.files.items() <= job.files.items()
            and not any(
                program.files.items() < other.files.items() <= job.files.items()
                for other in programs
            )
        ]

    # What it is for

    def test_it_is_an_evaluator(self) -> None:
        made = self.evaluator()
        assert isinstance(made, Evaluator)
        assert made.name

    @pytest.mark.parametrize("split", list(Split))
    def test_workloads_have_names_units_and_digests(self, setting: Setting, split: Split) -> None:
        found = self._listed(setting, Request(split))
        assert len(found) >= 2
        for kind in ("name", "digest"):
            assert len({getattr(ref, kind) for ref in found}) == len(found), f"a {kind} comes twice"
        assert all(ref.unit and len(ref.digest) == 64 and ref.size >= 0 for ref in found)

    @pytest.mark.parametrize("split", list(Split))
    def test_the_same_request_gives_the_same_workloads(
        self, setting: Setting, split: Split
    ) -> None:
        request = Request(split, salt="pepper" if split is Split.HELD_OUT else "")
        assert self._listed(setting, request) == self._listed(setting, request)

    def test_salt_draws_other_held_out_workloads(self, setting: Setting) -> None:
        one, other = (
            {ref.digest for ref in self._listed(setting, Request(Split.HELD_OUT, salt=salt))}
            for salt in ("one", "other")
        )
        assert not one & other if self.draws else one == other

    def test_parameters_make_other_workloads(self, setting: Setting) -> None:
        if self.parameters is None:
            pytest.skip("declares that it takes no parameters")
        usual = self._listed(setting, Request(Split.TRAIN))
        other = self._listed(setting, Request(Split.TRAIN, parameters=self.parameters))
        assert set_digest(usual) != set_digest(other)

    def test_names_choose_workloads(self, setting: Setting) -> None:
        async def act(bench: Bench) -> Evaluation:
            every = await bench.workloads(Request(Split.TRAIN))
            last = Request(Split.TRAIN, names=(every[-1].name,))
            assert await bench.workloads(last) == every[-1:]
            return await bench.measure(setting.task.seed, last)

        evaluation = self._visit(setting, act)
        assert len(evaluation.samples) == 1
        assert evaluation.workloads == set_digest(self._listed(setting, Request(Split.TRAIN))[-1:])

    def test_a_name_that_there_is_not_is_an_error(self, setting: Setting) -> None:
        with pytest.raises(ConfigError, match="no-such-workload"):
            self._listed(setting, Request(Split.TRAIN, names=("no-such-workload",)))

    def test_every_workload_is_measured_once_per_repeat(self, setting: Setting) -> None:
        request = Request(Split.TRAIN, repeats=2, first=3)

        async def act(bench: Bench) -> tuple[Sequence[WorkloadRef], Evaluation]:
            return await bench.workloads(request), await bench.measure(setting.task.seed, request)

        listed, evaluation = self._visit(setting, act)
        assert evaluation.status is Status.SCORED, evaluation.reason
        assert evaluation.split is Split.TRAIN
        assert evaluation.reason == ""
        assert evaluation.workloads == set_digest(listed)
        expected = [(ref.name, ref.unit, repeat) for repeat in (3, 4) for ref in listed]
        assert [(one.workload, one.unit, one.repeat) for one in evaluation.samples] == expected
        declared = {metric.name for metric in setting.task.brief.metrics}
        for sample in evaluation.samples:
            assert sample.status is Status.SCORED
            assert sample.metrics.keys() == declared
            assert all(type(value) is float for value in sample.metrics.values())
        assert evaluation.wall_s > 0

    def test_held_out_is_measured_without_a_word(self, setting: Setting) -> None:
        request = Request(Split.HELD_OUT, salt="pepper", feedback=False)
        evaluation = self._visit(setting, lambda bench: bench.measure(setting.task.seed, request))
        assert evaluation.status is Status.SCORED, evaluation.reason
        assert evaluation.split is Split.HELD_OUT
        assert evaluation.feedback == ""

    def test_what_workloads_hold_can_be_shown(self, setting: Setting) -> None:
        async def act(bench: Bench) -> None:
            if not isinstance(bench, Showing):
                pytest.skip("shows nothing of its workloads, which it need not")
            every = await bench.workloads(Request(Split.TRAIN))
            contents = await bench.contents(Request(Split.TRAIN))
            assert len(contents) == len(every)
            for content in contents:
                json.loads(content)
            first = Request(Split.TRAIN, names=(every[0].name,))
            assert await bench.contents(first) == contents[:1]

        self._visit(setting, act)

    # Programs that fail

    def test_a_program_that_fails_has_a_status_and_a_reason(self, setting: Setting) -> None:
        seed = setting.task.seed
        failing = self.failing(seed)
        assert Status.CRASHED in [status for _, status in failing]

        async def act(bench: Bench) -> None:
            for program, status in failing:
                failed = await bench.measure(program, Request(Split.TRAIN))
                assert failed.status is status, failed
                assert failed.reason
                assert failed.samples[-1].status is status
                assert failed.samples[-1].metrics == {}
                assert all(one.status is Status.SCORED for one in failed.samples[:-1])
                good = await bench.measure(seed, Request(Split.TRAIN))
                assert good.status is Status.SCORED, f"the next one pays for it: {good.reason}"

        self._visit(setting, act)

    def test_a_measurement_that_is_given_up_does_no_harm(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox)
        request = Request(Split.TRAIN)

        async def act(bench: Bench) -> None:
            before = await bench.measure(setting.task.seed, request)
            watched.started.clear()
            given_up = asyncio.ensure_future(bench.measure(setting.task.seed, request))
            await asyncio.wait_for(watched.started.wait(), 30)
            given_up.cancel()
            await asyncio.wait([given_up])
            assert given_up.cancelled(), "it went on although nobody waits for it"
            after = await bench.measure(setting.task.seed, request)
            assert after.status is Status.SCORED, after.reason
            assert [one.workload for one in after.samples] == [
                one.workload for one in before.samples
            ]

        self._visit(replace(setting, sandbox=watched), act)
        assert watched.open_rooms == 0

    # Comparing

    def test_programs_take_turns_in_alternating_order(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox)
        seed = setting.task.seed
        programs = [seed, self.variant(seed)]
        request = Request(Split.TRAIN, repeats=2)

        async def act(bench: Bench) -> list[Evaluation]:
            return await bench.side_by_side(programs, request)

        evaluations = self._visit(replace(setting, sandbox=watched), act)
        assert [one.status for one in evaluations] == [Status.SCORED] * 2
        assert evaluations[0].workloads == evaluations[1].workloads
        turns = self.turns(watched.jobs, programs)
        rounds = len(evaluations[0].samples)
        jobs_a_turn, rest = divmod(len(turns), 2 * rounds)
        assert jobs_a_turn, "no job holds a program's files; override `turns`"
        assert rest == 0
        expected = [one for number in range(rounds) for one in ((0, 1), (1, 0))[number % 2]]
        assert turns == [one for one in expected for _ in range(jobs_a_turn)]

    def test_one_that_fails_does_not_end_the_turns_of_others(self, setting: Setting) -> None:
        seed = setting.task.seed
        crashing = next(one for one, status in self.failing(seed) if status is Status.CRASHED)
        programs = [seed, crashing, self.variant(seed)]

        async def act(bench: Bench) -> tuple[list[Evaluation], list[Evaluation]]:
            together = await bench.side_by_side(programs, Request(Split.TRAIN))
            alone = [await bench.measure(one, Request(Split.TRAIN)) for one in programs]
            return together, alone

        together, alone = self._visit(setting, act)
        assert [one.status for one in together] == [one.status for one in alone]
        assert together[1].status is Status.CRASHED
        assert [len(one.samples) for one in together] == [len(one.samples) for one in alone]

    # Isolation

    def test_it_claims_what_its_rooms_enforce(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox)
        promised = asyncio.run(watched.probe())
        isolation = self._measured(replace(setting, sandbox=watched)).isolation
        assert isolation.sandbox == watched.name
        assert set(isolation.enforced) <= set(promised.holds)
        ranks = list(IsolationLevel)
        assert ranks.index(isolation.level) >= ranks.index(promised.level)

    def test_it_claims_nothing_in_rooms_that_enforce_nothing(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox, weak=True)
        isolation = self._measured(replace(setting, sandbox=watched)).isolation
        assert isolation.level is IsolationLevel.PROCESS
        assert isolation.enforced == {}
        assert set(isolation.missing) == set(Guarantee)

    def test_rooms_are_as_the_setting_says(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox)
        core = max(os.sched_getaffinity(0))
        self._measured(replace(setting, sandbox=watched, core=core, hash_seed=7))
        assert watched.rooms
        assert {room.hash_seed for room in watched.rooms} == {7}
        assert {room.core for room in watched.rooms} == {core}
        wanted = setting.task.environment
        assert wanted in {room.environment for room in watched.rooms}

    def test_a_sandbox_that_breaks_is_no_result(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox)

        async def act(bench: Bench) -> None:
            await bench.measure(setting.task.seed, Request(Split.TRAIN))
            watched.broken = True
            with pytest.raises(SandboxUnavailable):
                await bench.measure(self.variant(setting.task.seed), Request(Split.TRAIN))

        self._visit(replace(setting, sandbox=watched), act)

    def test_closing_ends_its_rooms(self, setting: Setting) -> None:
        watched = WatchedSandbox(setting.sandbox)
        self._measured(replace(setting, sandbox=watched))
        assert watched.rooms
        assert watched.open_rooms == 0

    def _visit(self, setting: Setting, act: Callable[[Bench], Awaitable[_Result]]) -> _Result:
        """Opens a bench, acts at it, closes it."""

        async def visit() -> _Result:
            bench = await self.evaluator().open(setting)
            try:
                return await act(bench)
            finally:
                await bench.close()

        return asyncio.run(visit())

    def _listed(self, setting: Setting, request: Request) -> tuple[WorkloadRef, ...]:
        return self._visit(setting, lambda bench: bench.workloads(request))

    def _measured(self, setting: Setting) -> Evaluation:
        seed = setting.task.seed
        evaluation = self._visit(setting, lambda bench: bench.measure(seed, Request(Split.TRAIN)))
        assert evaluation.status is Status.SCORED, evaluation.reason
        return evaluation
