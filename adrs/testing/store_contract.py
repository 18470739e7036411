"""What every store must do, as tests. A store's author subclasses `StoreContract`."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import groupby
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType

import pytest

from adrs.errors import LeaseOver, NotInStore, RunIsLive, TrialStateError
from adrs.model.attack import Attack, Counterexample
from adrs.model.calibration import Calibration
from adrs.model.call import Answer, AnswerStatus, Message, Prompt, Spending
from adrs.model.evaluation import Evaluation, Sample, Score, Status
from adrs.model.facts import (
    Asked,
    Attacked,
    Beat,
    Begun,
    Calibrated,
    Called,
    Calling,
    Certified,
    Ended,
    Fact,
    Found,
    Looked,
    Measured,
    Noted,
    Refused,
    Rehearsed,
    Started,
    Told,
)
from adrs.model.isolation import Isolation, IsolationLevel
from adrs.model.metric import Direction, Metric, Objective
from adrs.model.moment import MomentKind
from adrs.model.program import Program
from adrs.model.round import Lease, Rehearsal, Round, Submission
from adrs.model.run import RunSettings, RunStatus
from adrs.model.task import Brief, Environment, EvaluatorChoice, Limits, Split, Stage, Task
from adrs.model.trial import Admission, Candidate, Idea, Lineage, Rejection, RejectionKind, Trial
from adrs.model.verdict import Finding, Interval, Verdict
from adrs.model.verification import Standing, Verification
from adrs.ports.store import Record, Store

Opener = Callable[[], Store]

KEPT = Admission(True, "better than its parent", (0,))
SETTINGS = RunSettings("/tasks/toy", trials=10, seed=3, max_minutes=1.5, proposers=("tune",))
CALIBRATION = Calibration(5, False, 0.1 + 0.2, 0.02, 1e-300, "cost_usd: 1.0, then 1.5")
ODD = "\ud800 \x00 \x1b[31m \U0001f600"
"""Text as a program may write it."""


def a_task(name: str = "toy") -> Task:
    """A small task, with a reference and parameters, that needs no files."""
    cost = Metric("cost_usd", Direction.MINIMIZE, "USD")
    return Task(
        brief=Brief(
            name, "A toy", "Make it cheap.", ("*.py",), "program:solve",
            Objective(cost), (cost,), (), Limits(),
        ),
        folder=Path("/tasks") / name,
        seed=a_program(0),
        evaluator=EvaluatorChoice(),
        stages=(Stage(Split.TRAIN),),
        environment=Environment(),
        generator={"mean_up_h": [0.5, 20.0]},
        references={"optimum": Program({"program.py": b"# the best known\n"})},
        digest="d" * 64,
        files={"judge.py": "e" * 64, "task.toml": "f" * 64},
    )  # fmt: skip


def a_program(number: int) -> Program:
    """A program of three files, one of its own, one shared, one empty."""
    own = b"# %d\n" % number + bytes(range(256)) * 4
    return Program({"program.py": own, "lib/shared.py": b"x = 1\n" * 100, "empty": b""})


def a_trial(number: int) -> Trial:
    lineage = Lineage("tune", "1.2", (0,), (0, 3), "raise the \u00e9lan", ("f" * 64,))
    return Trial(number, Candidate(a_program(number), lineage), island=number % 3)


def an_evaluation(
    value: float = 0.1, split: Split = Split.TRAIN, status: Status = Status.SCORED
) -> Evaluation:
    scored = status is Status.SCORED
    samples = (
        Sample("w1", "u1", 0, Status.SCORED, {"cost_usd": value, "z": -1e-300}, "", 0.1, 0.2, 30.5),
        Sample(
            "w2", "u2", 1, status, {"cost_usd": 1 / 3} if scored else {}, "" if scored else "no"
        ),
    )
    isolation = Isolation("fake", IsolationLevel.SEPARATE, {"wall": "timer"}, {"seccomp": "off"})
    return Evaluation(
        split, status, samples, "a" * 64, isolation,
        "" if scored else "no", "words", "out\x00", 1.25,
    )  # fmt: skip


def asked(number: int) -> Asked:
    return Asked(number, a_trial(number))


def told(number: int, value: float | None = 0.1) -> Told:
    return Told(number, None if value is None else Score(value), KEPT)


def one_trial(number: int, value: float = 0.1) -> list[Fact]:
    """The whole life of a trial."""
    return [
        asked(number),
        Started(number, 0),
        Measured(number, an_evaluation(value)),
        told(number, value),
    ]


def an_attack(trial: int) -> Attack:
    """One that found two workloads: one lost, one where the program failed."""
    narrowed = MappingProxyType({"mean_up_h": [0.5, 1 / 3], "kind": "burst", "deep": {"a": None}})
    lost = Counterexample("salt", narrowed, "burst-1", "b" * 64, 812, 1.0, 1.25, 0.25)
    failed = replace(lost, workload="burst-2", size=90, best=None, loss=None, fault="CRASHED")
    return Attack(trial, 16, 48, 2, (lost, failed), failed)


def certified(trial: int = 0, number: int = 1) -> Certified:
    content = json.dumps({"salt": "\u00e9" * 300, "trial": trial, "version": number})
    return Certified(trial, f"{number:064x}", content)


def a_verification(certificate: str = "c" * 64, workloads: str = "a" * 64) -> Verification:
    interval = Interval(0.2, 0.1, float("inf"))
    return Verification(
        certificate, "winners/toy", "toy", Standing.HOLDS, "better again", (), "bundled",
        "ours", interval, Interval(1.0, None, None), None, 0.975, 12, "a salt", workloads,
        "f" * 64, 1.5,
    )  # fmt: skip


A_SUBMISSION = Submission("me", Program({"program.py": b"# handed in\n"}), "sort it")


def a_round(ordinal: int, proposer: str = "external") -> Round:
    return Round(
        ordinal, proposer, 0, (0, 3), 2, 1, 4, 3, "refine", "small-1", 17, "its turn \u00e9",
    )  # fmt: skip


def a_prompt(words: str = "improve this") -> Prompt:
    schema: dict[str, object] = {"type": "object", "properties": {"x": {"type": "number"}}}
    return Prompt("plan", (Message("user", words),), schema, 512, "plan-1")


def a_call(number: int, words: str = "improve this", model: str = "small-1") -> Calling:
    """A call that may cost half a dollar and a thousand tokens."""
    parameters: dict[str, object] = {"temperature": 0.1 + 0.2, "seed": 7}
    return Calling(number, 3, model, a_prompt(words), parameters, 0.5, 1000)


def an_answer(
    status: AnswerStatus = AnswerStatus.ANSWERED, text: str = "sort \u00e9 first"
) -> Answer:
    return Answer(status, text, "", 100, 20, 1.5, None, "small-1-2026", "json_schema")


class StoreContract:
    """Every promise of `adrs.Store`.

    A subclass has a fixture `opener`: a function that opens the same, at first empty, store each
    time it is called, also in another process (so it can be pickled).
    """

    @pytest.fixture
    def opener(self) -> Opener:
        raise NotImplementedError("a subclass says how its store is opened")

    @pytest.fixture
    def reopen(self, opener: Opener) -> Iterator[Opener]:
        with ExitStack() as opened:

            def open_and_close_later() -> Store:
                store = opener()
                opened.callback(store.close)
                return store

            yield open_and_close_later

    @pytest.fixture
    def store(self, reopen: Opener) -> Store:
        return reopen()

    @pytest.fixture
    def run(self, store: Store) -> str:
        return store.create_run(a_task(), SETTINGS).name

    def test_it_is_a_store(self, store: Store) -> None:
        assert isinstance(store, Store)
        assert isinstance(store, Record)
        assert store.runs() == []
        assert store.check() == []

    def test_a_new_run_has_its_settings_and_the_programs_of_its_task(
        self, store: Store, reopen: Opener
    ) -> None:
        made = store.create_run(a_task(), SETTINGS)
        found = reopen().run(made.name)
        assert found == made
        assert (found.name, found.task, found.task_digest) == ("toy-1", "toy", "d" * 64)
        assert (found.settings, found.status) == (SETTINGS, RunStatus.RUNNING)
        assert (found.asked, found.told, found.rejections, found.by_status) == (0, 0, 0, {})
        assert (found.live, found.stop_requested, found.elapsed_s) == (False, False, 0.0)
        assert found.created_at.tzinfo is not None
        for program in (a_task().seed, *a_task().references.values()):
            assert store.program(program.id) == program

    def test_a_run_keeps_its_task(self, store: Store, run: str, reopen: Opener) -> None:
        store.create_run(replace(a_task("other"), references={}), SETTINGS)
        for reader in (store, reopen()):
            assert reader.task(run) == a_task()
        with pytest.raises(NotInStore):
            store.task("toy-99")

    def test_runs_come_newest_first(self, store: Store) -> None:
        made = [store.create_run(a_task(name), SETTINGS).name for name in ("b", "a", "b")]
        assert made == ["b-1", "a-1", "b-2"]
        assert [run.name for run in store.runs()] == made[::-1]

    def test_a_name_is_never_used_twice(self, store: Store, reopen: Opener) -> None:
        store.delete_run(store.create_run(a_task(), SETTINGS).name)
        assert reopen().create_run(a_task(), SETTINGS).name == "toy-2"

    def test_amended_settings_replace_the_old(self, store: Store, run: str) -> None:
        more = replace(SETTINGS, trials=99)
        store.amend_run(run, more)
        assert store.run(run).settings == more

    def test_a_trial_comes_back_as_it_went_in(self, store: Store, run: str, reopen: Opener) -> None:
        evaluation = an_evaluation(0.1 + 0.2)
        store.append(run, [asked(0)])
        assert store.trial(run, 0) == a_trial(0)
        store.append(run, [Started(0, 1), Measured(0, evaluation), told(0, 0.1 + 0.2)])
        whole = replace(
            a_trial(0), evaluations=(evaluation,), score=Score(0.1 + 0.2), admission=KEPT
        )
        for reader in (store, reopen()):
            assert reader.trial(run, 0) == whole
            assert list(reader.told(run)) == [whole]
            assert list(reader.trials(run)) == [whole]

    def test_odd_text_of_candidates_does_not_stop_the_record(self, store: Store, run: str) -> None:
        evaluation = replace(an_evaluation(), reason=ODD, output=ODD, feedback=ODD)
        trial = a_trial(0)
        lineage = replace(trial.lineage, plan=ODD)
        trial = replace(trial, candidate=replace(trial.candidate, lineage=lineage))
        store.append(run, [Asked(0, trial), Measured(0, evaluation), Noted("planner", ODD)])
        kept = store.trial(run, 0)
        for text in (kept.evaluations[0].output, kept.lineage.plan, store.notes(run)[0].text):
            assert text.endswith("\x00 \x1b[31m \U0001f600")
        attack = an_attack(0)
        attack = replace(attack, found=(replace(attack.found[0], workload=ODD, fault=ODD),))
        verification = replace(a_verification(ODD), task=ODD, place=ODD, changed=(ODD,))
        store.append(run, [Attacked(attack), Calibrated(replace(CALIBRATION, contradiction=ODD))])
        store.keep_verification(verification)
        assert store.attack(run) == attack
        assert list(store.verifications(ODD)) == [verification]
        assert store.looks("a" * 64) == 1
        assert store.check() == []

    def test_a_score_keeps_how_sure_it_is(self, store: Store, run: str, reopen: Opener) -> None:
        scores = [Score(0.1 + 0.2, 0.0, 1 / 3, 5), Score(2.0, 0.5, 0.0, 3), Score(1.0), None]
        for number, score in enumerate(scores):
            store.append(run, [asked(number), Told(number, score, KEPT)])
        for reader in (store, reopen()):
            assert [trial.score for trial in reader.told(run)] == scores
            assert [trial.score for trial in reader.trials(run)] == scores
            assert reader.trial(run, 0).score == scores[0]

    def test_a_failure_is_a_trial_without_a_score(self, store: Store, run: str) -> None:
        failed = an_evaluation(status=Status.TIMED_OUT)
        store.append(run, [asked(0), Measured(0, failed), told(0, None)])
        assert store.trial(run, 0).score is None
        assert store.trial(run, 0).status is Status.TIMED_OUT
        assert store.run(run).by_status == {"TIMED_OUT": 1}

    def test_trials_are_paged_by_number(self, store: Store, run: str) -> None:
        for number in (1, 0, 3, 2):
            store.append(run, [Asked(10 - number, a_trial(number))])
        assert [trial.number for trial in store.trials(run)] == [0, 1, 2, 3]
        assert [trial.number for trial in store.trials(run, 1, 2)] == [1, 2]
        assert [trial.number for trial in store.trials(run, 3)] == [3]
        assert list(store.trials(run, 4)) == []

    def test_told_trials_come_in_the_order_of_tells(self, store: Store, run: str) -> None:
        store.append(run, [asked(number) for number in range(4)])
        for number in (2, 0, 3):
            store.append(run, [Measured(number, an_evaluation()), told(number)])
        assert [trial.number for trial in store.told(run)] == [2, 0, 3]
        assert [trial.number for trial in store.in_flight(run)] == [1]

    def test_what_is_in_flight_comes_in_the_order_of_asks(self, store: Store, run: str) -> None:
        store.append(run, [Asked(4, a_trial(1)), Asked(2, a_trial(7)), Asked(3, a_trial(5))])
        assert list(store.in_flight(run)) == [a_trial(7), a_trial(5), a_trial(1)]

    def test_a_replay_leaves_out_what_was_measured_after_the_tell(
        self, store: Store, run: str
    ) -> None:
        store.append(run, one_trial(0, 0.5))
        later = [an_evaluation(0.7, Split.VALIDATION), an_evaluation(0.9, Split.HELD_OUT)]
        store.append(run, [Measured(0, evaluation) for evaluation in later])
        assert [e.split for e in store.told(run)[0].evaluations] == [Split.TRAIN]
        assert list(store.trial(run, 0).evaluations) == [an_evaluation(0.5), *later]

    def test_the_best_is_feasible_and_the_earlier_of_equals(self, store: Store, run: str) -> None:
        assert store.best_number(run, Direction.MINIMIZE) is None
        scores = [None, Score(9.0, 0.5), Score(1.0, 0.5), Score(2.0, 0.7)]
        for number, score in enumerate(scores):
            store.append(run, [asked(number), Told(number, score, KEPT)])
        assert store.best_number(run, Direction.MINIMIZE) == 2
        assert store.best_number(run, Direction.MAXIMIZE) == 1
        store.append(run, [asked(number) for number in range(4, 9)])
        for number, value in ((6, 5.0), (4, 5.0), (5, 8.0), (7, 8.0)):
            store.append(run, [told(number, value)])
        assert store.best_number(run, Direction.MINIMIZE) == 6
        assert store.best_number(run, Direction.MAXIMIZE) == 5

    @pytest.mark.parametrize("direction", Direction)
    def test_the_best_is_the_one_with_the_best_cautious_bound(
        self, store: Store, run: str, direction: Direction
    ) -> None:
        sign = 1 if direction is Direction.MINIMIZE else -1
        lucky, sure, known, later = 1.0, 2.0, 2.5, 1.5
        scores = [
            Score(sign * lucky, 0.0, 3.0),
            Score(sign * known, 0.0, 0.5, 9),
            Score(sign * sure, 0.0, 0.75, 9),
            Score(sign * 0.0, 0.5),
            Score(sign * later, 0.0, 1.25, 2),
            Score(sign * later, 0.0, 1.5, 2),
        ]
        bests = []
        for number, score in enumerate(scores):
            store.append(run, [asked(number), Told(number, score, KEPT)])
            bests.append(store.best_number(run, direction))
        assert bests == [0, 1, 2, 2, 2, 2]
        store.append(run, [asked(6), Told(6, Score(sign * 2.75), KEPT)])
        assert store.best_number(run, direction) == 2

    def test_rejections_are_kept_apart_from_trials(self, store: Store, run: str) -> None:
        assert store.last_ordinal(run) == -1
        rejection = Rejection(
            RejectionKind.DUPLICATE, "equals trial 0", a_trial(1).lineage, a_program(0).id
        )
        store.append(run, [asked(0), Refused(1, rejection), Refused(3, rejection)])
        assert list(store.rejections(run)) == [(1, rejection), (3, rejection)]
        assert store.last_ordinal(run) == 3
        assert (store.run(run).asked, store.run(run).rejections) == (1, 2)

    def test_counts_follow_the_facts(self, store: Store, run: str, reopen: Opener) -> None:
        store.append(run, [*one_trial(0), *one_trial(1), asked(2)])
        store.append(run, [Measured(2, an_evaluation(status=Status.CRASHED)), told(2, None)])
        store.append(run, [asked(3)])
        info = reopen().run(run)
        assert (info.asked, info.told) == (4, 3)
        assert info.by_status == {"SCORED": 2, "CRASHED": 1}
        assert info.evaluation_s == pytest.approx(3 * 1.25)
        late = an_evaluation(split=Split.HELD_OUT, status=Status.TIMED_OUT)
        store.append(run, [Measured(0, late), Measured("optimum", an_evaluation())])
        info = store.run(run)
        assert info.by_status == {"SCORED": 1, "CRASHED": 1, "TIMED_OUT": 1}
        assert info.evaluation_s == pytest.approx(4 * 1.25)
        assert store.check() == []

    @pytest.mark.parametrize(
        "fact",
        [
            pytest.param(asked(0), id="a number asked twice"),
            pytest.param(Asked(0, a_trial(7)), id="an ordinal used twice"),
            pytest.param(
                Refused(0, Rejection(RejectionKind.DUPLICATE, "", a_trial(1).lineage)),
                id="an ordinal of a trial used for a rejection",
            ),
            pytest.param(told(0), id="told twice"),
            pytest.param(told(8), id="told, not asked"),
            pytest.param(Measured(8, an_evaluation()), id="measured, not asked"),
            pytest.param(Started(8, 0), id="started, not asked"),
            pytest.param(Looked(8, "a" * 64, "salt"), id="looked at, not asked"),
            pytest.param(certified(8, 2), id="certified, not asked"),
            pytest.param(Attacked(an_attack(8)), id="attacked, not asked"),
            pytest.param(certified(1), id="a certificate's id used for another trial"),
            pytest.param(
                replace(certified(), content="{}"), id="a certificate's id used for other text"
            ),
        ],
    )
    def test_a_broken_protocol_records_nothing(self, store: Store, run: str, fact: Fact) -> None:
        store.append(run, [*one_trial(0), certified()])
        before = (store.run(run), list(store.trials(run)))
        lost: list[Fact] = [asked(1), Noted("user", "lost"), Looked(0, "a" * 64, "salt")]
        lost += [Calibrated(CALIBRATION), certified(0, 7), Attacked(an_attack(0)), fact]
        with pytest.raises(TrialStateError):
            store.append(run, lost)
        assert (store.run(run), list(store.trials(run))) == before
        assert list(store.notes(run)) == []
        assert (store.calibration(run), store.attack(run), store.looks("a" * 64)) == (None, None, 0)
        assert store.certificate(run) == certified().content
        with pytest.raises(NotInStore):
            store.program(a_program(1).id)
        store.append(run, one_trial(1))
        assert store.check() == []

    def test_references_are_measured_by_name(self, store: Store, run: str) -> None:
        store.append(run, one_trial(0))
        made = [("optimum", an_evaluation(0.4)), ("naive", an_evaluation(0.6, Split.HELD_OUT))]
        store.append(run, [Measured(name, evaluation) for name, evaluation in made])
        assert list(store.references(run)) == made
        assert len(store.trial(run, 0).evaluations) == 1

    def test_the_last_finding_counts(self, store: Store, run: str) -> None:
        assert store.finding(run) is None
        store.append(run, one_trial(0))
        first = Finding(
            0, Verdict.NOT_CONFIRMED, "too few", None, Interval(1.0, None, None), None,
            0.95, 1, 1, "salt", "a" * 64,
        )  # fmt: skip
        wide = Interval(1.0, float("-inf"), float("inf"))
        last = replace(first, verdict=Verdict.WINNER, effect=wide, shares="days")
        store.append(run, [Found(first), Found(last)])
        assert store.finding(run) == last

    def test_the_last_calibration_counts(self, store: Store, run: str, reopen: Opener) -> None:
        assert store.calibration(run) is None
        store.append(run, [Calibrated(replace(CALIBRATION, spread=9.0)), Calibrated(CALIBRATION)])
        assert reopen().calibration(run) == CALIBRATION

    def test_the_last_attack_counts(self, store: Store, run: str, reopen: Opener) -> None:
        assert store.attack(run) is None
        store.append(run, [asked(0), asked(1), Attacked(an_attack(0)), Attacked(an_attack(1))])
        assert reopen().attack(run) == an_attack(1)
        store.append(run, [Attacked(Attack(0, 0, 0, 0))])
        assert store.attack(run) == Attack(0, 0, 0, 0)

    def test_the_last_certificate_counts(self, store: Store, run: str, reopen: Opener) -> None:
        store.append(run, [asked(0), asked(1)])
        assert (store.certificate(run), store.certificate(run, 0)) == (None, None)
        first, other, last = certified(0, 1), certified(1, 2), certified(0, 3)
        store.append(run, [first, other, last])
        for reader in (store, reopen()):
            assert reader.certificate(run) == last.content
            assert reader.certificate(run, 0) == last.content
            assert reader.certificate(run, 1) == other.content
            assert reader.certificate(run, 2) is None

    def test_a_certificate_may_be_recorded_again(self, store: Store, run: str) -> None:
        store.append(run, [asked(0), certified()])
        store.append(run, [certified(), certified(), Noted("user", "kept")])
        assert store.certificate(run) == certified().content
        assert list(store.notes(run)) == [Noted("user", "kept")]
        assert store.check() == []

    def test_attempts_to_verify_keep_their_order(self, store: Store, reopen: Opener) -> None:
        holds = a_verification()
        fails = replace(holds, standing=Standing.DOES_NOT_HOLD, baseline=None)
        other = a_verification("d" * 64)
        damaged = Verification("", "winners/x", "", Standing.CHANGED, "no", ("hash", "judge"))
        for verification in (holds, other, fails, damaged, holds):
            store.keep_verification(verification)
        for reader in (store, reopen()):
            assert list(reader.verifications()) == [holds, other, fails, damaged, holds]
            assert list(reader.verifications("c" * 64)) == [holds, fails, holds]
            assert list(reader.verifications("e" * 64)) == []

    def test_an_attempt_to_verify_is_a_look(self, store: Store, run: str) -> None:
        store.append(run, [asked(0), Looked(0, "a" * 64, "s")])
        store.keep_verification(a_verification())
        store.keep_verification(a_verification())
        store.keep_verification(a_verification(workloads=""))
        store.keep_verification(a_verification(run, "b" * 64))
        assert (store.looks("a" * 64), store.looks("b" * 64), store.looks("")) == (3, 1, 0)
        assert store.looks("a" * 64, run) == 3
        assert store.looks("c" * 64, run) == 1

    def test_notes_keep_their_order_and_origin(self, store: Store, run: str) -> None:
        notes = [Noted("user", "try sorting"), Noted("planner", "did not help")]
        for note in notes:
            store.append(run, [note])
        assert list(store.notes(run)) == notes

    def test_looks_are_counted_over_runs_and_outlive_them(self, store: Store, run: str) -> None:
        other = store.create_run(a_task(), SETTINGS).name
        for name in (run, other):
            store.append(name, [asked(0), Looked(0, "a" * 64, "s")])
        store.append(run, [Looked(0, "b" * 64, "s")])
        store.delete_run(run)
        assert (store.looks("a" * 64), store.looks("b" * 64), store.looks("c" * 64)) == (2, 1, 0)

    def test_every_look_of_a_run_counts_once(self, store: Store, run: str) -> None:
        other = store.create_run(a_task(), SETTINGS).name
        for name, sets in ((run, "aab"), (other, "ac")):
            looks: list[Fact] = [Looked(0, workloads * 64, "s") for workloads in sets]
            store.append(name, [asked(0), *looks])
        assert (store.looks("a" * 64), store.looks("a" * 64, run)) == (3, 4)
        assert (store.looks("a" * 64, other), store.looks("d" * 64, run)) == (4, 3)
        assert store.looks("a" * 64, "toy-9") == 3

    def test_beats_add_up(self, store: Store, run: str) -> None:
        born = store.run(run).heartbeat_at
        store.append(run, [Beat(1.5)])
        store.append(run, [Beat(2.0)])
        assert store.run(run).elapsed_s == 3.5
        assert store.run(run).heartbeat_at > born

    def test_a_request_to_stop_holds_until_the_engine_ends(self, store: Store, run: str) -> None:
        store.request_stop(run)
        assert store.run(run).stop_requested
        store.append(run, [Beat(0.1), *one_trial(0)])
        assert store.run(run).stop_requested
        store.append(run, [Ended(RunStatus.INTERRUPTED, "adrs stop")])
        info = store.run(run)
        assert (info.status, info.reason) == (RunStatus.INTERRUPTED, "adrs stop")
        assert not info.stop_requested
        store.append(run, [Ended(RunStatus.RUNNING)])
        assert (store.run(run).status, store.run(run).reason) == (RunStatus.RUNNING, "")

    def test_fingerprints_are_kept_once(self, store: Store, reopen: Opener) -> None:
        description: dict[str, object] = {"cpu": "x", "libraries": {"numpy": "2"}, "cores": [0, 1]}
        digest = store.keep_fingerprint(description)
        assert store.keep_fingerprint(dict(reversed(description.items()))) == digest
        assert store.keep_fingerprint({"cpu": "y"}) != digest
        assert reopen().fingerprint(digest) == description

    def test_what_is_not_there_is_said(self, store: Store, run: str) -> None:
        looking: list[Callable[[], object]] = [
            lambda: store.run("toy-9"),
            lambda: store.run("toy-\udcff"),  # as the shell hands over what is not UTF-8
            lambda: store.trials("toy-9"),
            lambda: store.told("toy-9"),
            lambda: store.in_flight("toy-9"),
            lambda: store.last_ordinal("toy-9"),
            lambda: store.best_number("toy-9", Direction.MINIMIZE),
            lambda: store.rejections("toy-9"),
            lambda: store.references("toy-9"),
            lambda: store.finding("toy-9"),
            lambda: store.calibration("toy-9"),
            lambda: store.attack("toy-9"),
            lambda: store.certificate("toy-9"),
            lambda: store.certificate("toy-9", 0),
            lambda: store.notes("toy-9"),
            lambda: store.append("toy-9", [Beat(1.0)]),
            lambda: store.amend_run("toy-9", SETTINGS),
            lambda: store.request_stop("toy-9"),
            lambda: store.delete_run("toy-9"),
            lambda: store.claim("toy-9").__enter__(),
            lambda: store.trial(run, 0),
            lambda: store.program("0" * 64),
            lambda: store.fingerprint("0" * 64),
        ]
        for look in looking:
            with pytest.raises(NotInStore):
                look()

    def test_one_engine_holds_a_run(self, store: Store, run: str, reopen: Opener) -> None:
        other = reopen()
        free = store.create_run(a_task(), SETTINGS).name
        with store.claim(run):
            assert other.run(run).live
            assert [info.live for info in other.runs()] == [False, True]
            with pytest.raises(RunIsLive, match=run), other.claim(run):
                pass
            with pytest.raises(RunIsLive, match=run):
                other.delete_run(run)
            with other.claim(free):
                assert store.run(free).live
        assert not other.run(run).live
        with other.claim(run):
            assert store.run(run).live

    def test_a_deleted_run_takes_only_what_is_its_own(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        other = store.create_run(a_task(), SETTINGS).name
        both: list[Fact] = [*one_trial(0), Calibrated(CALIBRATION), Attacked(an_attack(0))]
        store.append(run, [*both, *one_trial(1), certified(), Noted("user", "gone")])
        store.append(other, [*both, certified(0, 2)])
        store.keep_verification(a_verification(certified().id))
        store.delete_run(run)
        for reader in (store, reopen()):
            with pytest.raises(NotInStore):
                reader.run(run)
            with pytest.raises(NotInStore):
                reader.program(a_program(1).id)
            assert reader.program(a_program(0).id) == a_program(0)
            assert reader.trial(other, 0).program == a_program(0)
            assert reader.calibration(other) == CALIBRATION
            assert reader.attack(other) == an_attack(0)
            assert reader.certificate(other) == certified(0, 2).content
            assert len(reader.verifications(certified().id)) == reader.looks("a" * 64) == 1
            assert reader.check() == []
        store.append(other, [*one_trial(1), certified()])
        assert store.trial(other, 1).program == a_program(1)
        assert store.certificate(other) == certified().content

    def test_other_processes_see_what_was_appended(
        self, opener: Opener, store: Store, run: str
    ) -> None:
        score = Score(1.0, 0.0, 1 / 3, 4)
        store.append(run, [asked(0), Told(0, score, KEPT), Looked(0, "b" * 64, "s")])
        store.append(run, [Calibrated(CALIBRATION), certified(), Attacked(an_attack(0))])
        store.keep_verification(a_verification())
        spawn = multiprocessing.get_context("spawn")
        hears, says = spawn.Pipe(duplex=False)
        child = spawn.Process(target=_look, args=(opener, run, says))
        child.start()
        says.close()
        seen = hears.recv()
        child.join()
        assert seen == [
            score, CALIBRATION, certified().content, an_attack(0), [a_verification()], 2,
        ]  # fmt: skip

    def test_what_was_appended_survives_kill_9(
        self, opener: Opener, store: Store, run: str
    ) -> None:
        check_kill_loses_nothing(opener, store, run, after_trials=50)
        with store.claim(run):
            store.append(run, one_trial(store.run(run).told))

    # --- rounds, leases, answers ---------------------------------------------------------

    def test_moments_come_as_they_were_recorded(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        rejection = Rejection(RejectionKind.DUPLICATE, "as trial 1", a_trial(1).lineage)
        store.append(run, [asked(0), Started(0, 0)])
        store.append(run, [Measured(0, an_evaluation()), told(0)])
        store.append(run, [Refused(1, rejection), Asked(2, a_trial(1)), Begun(a_round(3))])
        store.append(run, [Asked(4, a_trial(2))])
        store.append(run, [Measured(2, an_evaluation()), told(2)])
        for reader in (store, reopen()):
            together = [
                {(one.kind, one.ordinal, one.trial) for one in moments}
                for _, moments in groupby(reader.moments(run), key=lambda one: one.at)
            ]
            assert together == [
                {(MomentKind.ASKED, 0, 0)},
                {(MomentKind.TOLD, 0, 0)},
                {
                    (MomentKind.REFUSED, 1, None),
                    (MomentKind.ASKED, 2, 1),
                    (MomentKind.BEGUN, 3, None),
                },
                {(MomentKind.ASKED, 4, 2)},
                {(MomentKind.TOLD, 4, 2)},
            ]

    def test_what_is_as_it_was_stored_has_no_damages(self, store: Store, run: str) -> None:
        store.append(run, [*one_trial(0), a_call(0), Called(0, an_answer()), certified()])
        store.append(run, [Begun(a_round(4))])
        lease = store.lease(run, "external", "me", 60)
        assert lease is not None
        store.submit(run, lease.id, A_SUBMISSION)
        assert list(store.damages(run)) == []
        with pytest.raises(NotInStore):
            store.damages("toy-99")

    def test_a_round_is_open_until_its_ordinal_is_answered(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        store.append(run, [*one_trial(0), *(Begun(a_round(n)) for n in (1, 2, 3))])
        assert store.last_ordinal(run) == 3
        lineage = a_trial(1).lineage
        rejection = Rejection(RejectionKind.DUPLICATE, "as trial 0", lineage, a_program(0).id)
        assert [store.outcome(run, n) for n in (1, 2, 3)] == [None, None, None]
        store.append(run, [Refused(1, rejection), Asked(3, a_trial(1))])
        for reader in (store, reopen()):
            assert list(reader.rounds(run)) == [a_round(1), a_round(2), a_round(3)]
            assert list(reader.open_rounds(run)) == [a_round(2)]
            assert reader.outcome(run, 1) == rejection
            assert reader.outcome(run, 3) == a_trial(1)
        store.append(run, [Measured(1, an_evaluation()), told(1)])
        answered = store.outcome(run, 3)
        assert isinstance(answered, Trial)
        assert answered.admission == KEPT
        assert store.outcome(run, 9) is None
        assert store.check() == []

    def test_an_ordinal_begins_one_round(self, store: Store, run: str) -> None:
        store.append(run, [asked(0), Begun(a_round(1))])
        with pytest.raises(TrialStateError):
            store.append(run, [Noted("user", "lost"), Begun(a_round(0))])
        assert list(store.rounds(run)) == [a_round(1)]
        assert list(store.notes(run)) == []

    def test_a_round_is_brought_up_to_date_until_it_is_held(self, store: Store, run: str) -> None:
        fresh = replace(a_round(1), parent=7, told=9)
        store.append(run, [Begun(a_round(1)), Begun(a_round(2))])
        store.append(run, [Begun(fresh)])
        assert list(store.open_rounds(run)) == [fresh, a_round(2)]
        lease = store.lease(run, "external", "me", 60)
        assert lease is not None
        assert lease.round == fresh
        store.append(run, [Begun(replace(fresh, parent=8)), Begun(replace(a_round(2), parent=8))])
        assert list(store.open_rounds(run)) == [fresh, replace(a_round(2), parent=8)]
        store.submit(run, lease.id, Submission("me", a_program(3)))
        assert store.submission(run, 1) == Submission("me", a_program(3), "", 7)

    def test_a_lease_is_on_the_oldest_round_that_is_free(self, store: Store, run: str) -> None:
        assert store.lease(run, "external", "me", 60) is None
        store.append(run, [Begun(a_round(1, "planner")), Begun(a_round(2)), Begun(a_round(3))])
        leases = [store.lease(run, "external", name, 60) for name in ("one", "two", "three")]
        assert leases[2] is None
        first, second = leases[0], leases[1]
        assert first is not None
        assert second is not None
        assert (first.round, second.round) == (a_round(2), a_round(3))
        assert (first.agent, first.run, first.submitted) == ("one", run, False)
        assert first.id != second.id
        assert first.expires_at.tzinfo is not None
        assert list(store.leases(run)) == [first, second]
        store.append(run, [Asked(2, a_trial(0))])
        assert list(store.leases(run)) == [first, second]
        assert store.lease(run, "external", "three", 60) is None

    def test_a_lease_that_is_over_or_given_back_frees_its_round(
        self, store: Store, run: str
    ) -> None:
        store.append(run, [Begun(a_round(1))])
        assert store.lease(run, "external", "slow", 0.0) is not None
        assert store.lease(run, "external", "slower", 0.0) is not None
        held = store.lease(run, "external", "quick", 60)
        assert held is not None
        assert held.round == a_round(1)
        assert store.lease(run, "external", "late", 60) is None
        store.release(run, held.id)
        again = store.lease(run, "external", "late", 60)
        assert again is not None
        assert again.round == held.round
        for release in (
            lambda: store.release(run, "x"),
            lambda: store.submit(run, "x", A_SUBMISSION),
            lambda: store.submit(run, "\udcff", A_SUBMISSION),
        ):
            with pytest.raises(NotInStore):
                release()

    def test_what_was_handed_in_is_the_rounds_answer(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        store.append(run, [Begun(a_round(1))])
        lease = store.lease(run, "external", ODD, 60)
        assert lease is not None
        assert store.submission(run, 1) is None
        kept = store.submit(run, lease.id, replace(A_SUBMISSION, agent="somebody else", plan=ODD))
        assert kept == replace(lease, submitted=True)
        for reader in (store, reopen()):
            assert list(reader.leases(run)) == [kept]
            found = reader.submission(run, 1)
            assert found is not None
            assert found.program == A_SUBMISSION.program
            assert found.agent == lease.agent
            assert found.plan.endswith("\x00 \x1b[31m \U0001f600")
        with pytest.raises(LeaseOver):
            store.submit(run, lease.id, A_SUBMISSION)
        store.release(run, lease.id)
        assert store.lease(run, "external", "late", 60) is None
        assert list(store.open_rounds(run)) == [a_round(1)]
        assert store.check() == []

    def test_an_answer_that_is_late_counts_unless_another_took_over(
        self, store: Store, run: str
    ) -> None:
        store.append(run, [Begun(a_round(1)), Begun(a_round(2)), Begun(a_round(3))])

        def leased(seconds: float) -> Lease:
            found = store.lease(run, "external", "me", seconds)
            assert found is not None
            return found

        late = leased(0.0)
        assert store.submit(run, late.id, A_SUBMISSION).submitted
        late, quick = leased(0.0), leased(60)
        assert late.round == quick.round == a_round(2)
        with pytest.raises(LeaseOver):
            store.submit(run, late.id, A_SUBMISSION)
        store.submit(run, quick.id, A_SUBMISSION)
        with pytest.raises(LeaseOver):
            store.submit(run, late.id, A_SUBMISSION)
        gone = leased(60)
        store.append(run, [Refused(3, Rejection(RejectionKind.MODEL_FAILED, "", Lineage("x")))])
        with pytest.raises(LeaseOver):
            store.submit(run, gone.id, A_SUBMISSION)
        assert store.submission(run, 3) is None

    def test_processes_at_once_never_hold_the_same_round(
        self, opener: Opener, store: Store, run: str
    ) -> None:
        store.append(run, [Begun(a_round(ordinal)) for ordinal in range(24)])
        spawn = multiprocessing.get_context("spawn")
        pipes = [spawn.Pipe(duplex=False) for _ in range(3)]
        children = [spawn.Process(target=_lease_all, args=(opener, run, says)) for _, says in pipes]
        for child in children:
            child.start()
        ordinals = [ordinal for hears, _ in pipes for ordinal in hears.recv()]
        for child in children:
            child.join()
        assert sorted(ordinals) == list(range(24))

    def test_rehearsals_keep_their_order(self, store: Store, run: str, reopen: Opener) -> None:
        tried = [
            Rehearsal(3, "rehearse-1-0", "a" * 64, "CRASHED", "no such name", ODD),
            Rehearsal(3, "rehearse-1-1", "b" * 64, "SCORED"),
        ]
        store.append(run, [Rehearsed(one) for one in tried])
        found = list(reopen().rehearsals(run))
        assert found[1:] == tried[1:]
        assert found[0].output.endswith("\x00 \x1b[31m \U0001f600")
        assert replace(found[0], output=ODD) == tried[0]

    def test_a_lineage_comes_back_as_it_went_in(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        idea = Idea("queue 3 starves", "sort it", "cost_usd", 0.1 + 0.2, "slower \u00e9")
        whole = replace(
            a_trial(0).lineage, author="small-1", operator="explore", usd=1e-7 / 3, idea=idea
        )
        trial = replace(a_trial(0), candidate=replace(a_trial(0).candidate, lineage=whole))
        rejection = Rejection(RejectionKind.FAILS_REHEARSAL, "CRASHED", whole, a_program(1).id)
        store.append(run, [Asked(0, trial), Refused(1, rejection)])
        for reader in (store, reopen()):
            assert reader.trial(run, 0).lineage == whole
            assert list(reader.rejections(run)) == [(1, rejection)]

    # --- calls of models -----------------------------------------------------------------

    def test_a_call_is_recorded_before_and_after(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        store.append(run, [a_call(0)])
        [begun] = store.calls(run)
        assert (begun.answer, begun.status, begun.usd) == (None, AnswerStatus.LOST, 0.5)
        store.append(run, [Called(0, an_answer(), 0.1 + 0.2)])
        [found] = reopen().calls(run)
        assert found == replace(begun, answer=an_answer(), usd=0.1 + 0.2)
        assert (found.number, found.ordinal, found.step, found.model) == (0, 3, "plan", "small-1")
        assert found.parameters == a_call(0).parameters
        assert (found.reserved_tokens, found.replayed) == (1000, False)

    def test_prompts_are_read_by_their_digest(self, store: Store, run: str, reopen: Opener) -> None:
        store.append(run, [a_call(0), a_call(1), a_call(2, "other words \u00e9")])
        calls = reopen().calls(run)
        assert [call.prompt for call in calls[:2]] == [a_prompt().digest] * 2
        for call, words in zip(calls[1:], ("improve this", "other words \u00e9"), strict=True):
            assert store.prompt(call.prompt) == a_prompt(words).content
        with pytest.raises(NotInStore):
            store.prompt("0" * 64)

    def test_odd_answers_do_not_stop_the_record(self, store: Store, run: str) -> None:
        answers = [
            replace(an_answer(AnswerStatus.CUT, ODD), reason=ODD, served_by=ODD),
            Answer(AnswerStatus.RATE_LIMITED, reason="later", retry_after_s=1 / 3),
        ]
        for number, answer in enumerate(answers):
            store.append(run, [a_call(number), Called(number, answer)])
        odd, late = (call.answer for call in store.calls(run))
        assert odd is not None
        assert odd.text.endswith("\x00 \x1b[31m \U0001f600")
        assert late == answers[1]
        assert store.check() == []

    def test_spending_counts_what_may_have_been_charged(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        assert store.spending(run) == Spending()
        store.append(run, [a_call(number) for number in range(3)])
        store.append(run, [a_call(3, model="large-1"), a_call(4), a_call(5)])
        nothing = Answer(AnswerStatus.RATE_LIMITED)
        store.append(
            run,
            [
                Called(0, an_answer(), 0.25),
                Called(1, replace(an_answer(), tokens_in=None, tokens_out=None), 0.125),
                Called(2, nothing),
                Called(3, Answer(AnswerStatus.TIMED_OUT), 0.5),
                Called(4, an_answer(), 9.0, replayed=True),
            ],
        )  # 5 is in flight, or its engine was killed
        for reader in (store, reopen()):
            spent = reader.spending(run)
            assert (spent.usd, spent.doubtful_usd) == (0.25 + 0.125 + 0.5 + 0.5, 1.0)
            assert (spent.tokens_in, spent.tokens_out) == (100, 20)
            # 1 too: no server counted its tokens, so they are what it can have taken.
            assert (spent.doubtful_tokens, spent.tokens) == (3000, 3120)
            assert spent.by_model == {"small-1": 0.875, "large-1": 0.5}
            assert spent.replayed == 1
            assert spent.calls == {"ANSWERED": 3, "RATE_LIMITED": 1, "TIMED_OUT": 1, "LOST": 1}

    def test_a_call_ends_once(self, store: Store, run: str) -> None:
        store.append(run, [a_call(0), Called(0, an_answer(), 0.25)])
        for number in (0, 1):
            with pytest.raises(TrialStateError):
                store.append(run, [Noted("user", "lost"), Called(number, an_answer(), 9.0)])
        assert store.spending(run).usd == 0.25
        assert list(store.notes(run)) == []

    def test_a_deleted_run_takes_its_calls_and_rounds_along(
        self, store: Store, run: str, reopen: Opener
    ) -> None:
        other = store.create_run(a_task(), SETTINGS).name
        for name in (run, other):
            store.append(name, [a_call(0), Called(0, an_answer(), 0.25), Begun(a_round(1))])
            store.append(name, [Rehearsed(Rehearsal(1, "r", "a" * 64, "SCORED"))])
        store.append(run, [a_call(1, "only here"), Called(1, an_answer(text="only here too"))])
        lease = store.lease(run, "external", "me", 60)
        assert lease is not None
        store.submit(run, lease.id, A_SUBMISSION)
        store.delete_run(run)
        for reader in (store, reopen()):
            for gone in (
                a_prompt("only here").digest,
                hashlib.sha256(b"only here too").hexdigest(),
            ):
                with pytest.raises(NotInStore):
                    reader.prompt(gone)
            with pytest.raises(NotInStore):
                reader.program(A_SUBMISSION.program.id)
            assert reader.prompt(a_prompt().digest) == a_prompt().content
            [call] = reader.calls(other)
            assert call.answer == an_answer()
            assert list(reader.open_rounds(other)) == [a_round(1)]
            assert len(reader.rehearsals(other)) == 1
            assert list(reader.leases(other)) == []
            assert reader.check() == []

    def test_rounds_and_calls_of_no_run_are_not_there(self, store: Store) -> None:
        looking: list[Callable[[], object]] = [
            lambda: store.calls("toy-9"),
            lambda: store.spending("toy-9"),
            lambda: store.rounds("toy-9"),
            lambda: store.open_rounds("toy-9"),
            lambda: store.rehearsals("toy-9"),
            lambda: store.leases("toy-9"),
            lambda: store.submission("toy-9", 0),
            lambda: store.outcome("toy-9", 0),
            lambda: store.lease("toy-9", "external", "me", 60),
            lambda: store.submit("toy-9", "x", A_SUBMISSION),
            lambda: store.release("toy-9", "x"),
        ]
        for look in looking:
            with pytest.raises(NotInStore):
                look()


def check_kill_loses_nothing(opener: Opener, store: Store, run: str, after_trials: int) -> None:
    """Kill an engine in another process while it appends; see that all it accepted is there."""
    spawn = multiprocessing.get_context("spawn")
    hears, says = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_append_for_ever, args=(opener, run, says))
    child.start()
    says.close()
    accepted = [hears.recv() for _ in range(after_trials)]
    with pytest.raises(RunIsLive), store.claim(run):
        pass
    child.kill()
    child.join()
    with suppress(EOFError):
        while True:
            accepted.append(hears.recv())
    hears.close()
    told = [trial.number for trial in store.told(run)]
    assert told == list(range(len(told)))
    assert len(told) - 1 - accepted[-1] in (0, 1)
    assert not store.run(run).live
    assert store.check() == []


def _look(opener: Opener, run: str, says: Connection) -> None:
    store = opener()
    says.send(
        [
            store.trial(run, 0).score,
            store.calibration(run),
            store.certificate(run),
            store.attack(run),
            list(store.verifications()),
            store.looks("a" * 64, run),
        ]
    )


def _lease_all(opener: Opener, run: str, says: Connection) -> None:
    store = opener()
    taken = []
    while (lease := store.lease(run, "external", "me", 60)) is not None:
        taken.append(lease.round.ordinal)
    says.send(taken)


def _append_for_ever(opener: Opener, run: str, says: Connection) -> None:
    store = opener()
    number = store.run(run).told
    with store.claim(run):
        while True:
            store.append(run, one_trial(number))
            says.send(number)
            number += 1
