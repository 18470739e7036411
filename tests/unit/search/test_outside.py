"""What an agent may see is there, and nothing else: no validation detail, nothing held out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.search.waiting import PARENT, Waiting, measured

from adrs import (
    Admission,
    Asked,
    Candidate,
    Finding,
    Found,
    Lineage,
    Looked,
    Measured,
    Noted,
    NotInStore,
    Program,
    Rejection,
    RejectionKind,
    Score,
    Split,
    Status,
    Told,
    Trial,
    Verdict,
    assignment,
    briefing,
    open_store,
    standings,
    told_of,
)
from adrs.model.facts import Refused
from adrs.search.outside import outcome_of, program_view

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\x9b " + "x" * 5000


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    with closing(open_store(tmp_path / "store")) as store:
        yield Waiting.made(store)


def everything(waiting: Waiting) -> dict[str, Any]:
    """All that an agent can get to see of the run."""
    store, run = waiting.store, waiting.run
    ordinal = waiting.open(parent=1, inspirations=(0,))
    lease = store.lease(run, "external", "me", 60)
    assert lease is not None
    assert lease.round.ordinal == ordinal
    numbers = [trial.number for trial in store.trials(run)]
    return {
        "briefing": briefing(store, run),
        "assignment": assignment(store, lease),
        "trials": [told_of(store, run, number, program=True) for number in numbers],
        "standings": standings(store, run, 10),
        "outcomes": [outcome_of(store, run, number) for number in range(ordinal + 1)],
    }


def test_a_briefing_has_the_task_and_how_far_the_search_is(waiting: Waiting) -> None:
    found = briefing(waiting.store, waiting.run)
    assert (found["title"], found["statement"]) == ("Make it cheap", "Lower the cost.")
    assert (found["editable"], found["entry"]) == (["*.py"], "main:cost")
    assert found["objective"]["direction"] == "minimize"
    assert found["objective"]["figure"] == "mean cost_usd in USD"
    assert found["metrics"] == [{"name": "cost_usd", "direction": "minimize", "unit": "USD"}]
    assert found["limits"]["wall_s"] == 60.0
    assert (found["split"], found["trials"], found["trials_asked"]) == ("train", 1, 20)
    assert found["seed"] is not None
    assert found["seed"]["value"] == 100
    assert found["best"] is not None
    assert found["best"]["number"] == 1
    assert found["best"]["figure"] is not None
    assert found["best"]["figure"]["words"] == "10.0 % better than the seed"
    assert found["best"]["figure"]["gain"] == pytest.approx(0.1)


def test_a_run_that_measured_nothing_yet_has_a_briefing(waiting: Waiting) -> None:
    task = waiting.store.task(waiting.run)
    fresh = waiting.store.create_run(task, waiting.store.run(waiting.run).settings).name
    found = briefing(waiting.store, fresh)
    assert (found["seed"], found["best"], found["trials"]) == (None, None, 0)
    assert standings(waiting.store, fresh, 5) == []


def test_an_assignment_has_the_parent_whole(waiting: Waiting) -> None:
    waiting.store.append(waiting.run, [Noted("user", "try sorting"), Noted("planner", "no use")])
    waiting.open(parent=1, inspirations=(0,))
    lease = waiting.store.lease(waiting.run, "external", "me", 60)
    assert lease is not None
    given = assignment(waiting.store, lease)
    assert (given["lease"], given["run"], given["agent"]) == (lease.id, "toy-1", "me")
    parent = given["parent"]
    assert parent["number"] == 1
    assert parent["program"] is not None
    assert parent["program"]["files"] == {
        "fixed.txt": "as it is\n",
        "main.py": PARENT.text("main.py"),
    }
    assert [one["split"] for one in parent["measurements"]] == ["smoke", "train"]
    train = parent["measurements"][1]
    assert train["feedback"] == " queue 3 starves"
    assert train["output"] == ""
    assert train["workloads"][0]["metrics"] == {"cost_usd": 90.0}
    assert [one["number"] for one in given["inspirations"]] == [0]
    assert given["notebook"] == [
        {"origin": "user", "from_user": True, "text": "try sorting"},
        {"origin": "planner", "from_user": False, "text": "no use"},
    ]


def test_repeats_of_a_workload_are_one_line(waiting: Waiting) -> None:
    first = measured(Split.TRAIN, 90.0)
    again = [replace(one, repeat=1, metrics={"cost_usd": 94.0}) for one in first.samples]
    again[1] = replace(again[1], status=Status.TIMED_OUT, metrics={}, reason="too slow")
    evaluation = replace(first, samples=(*first.samples, *again), status=Status.TIMED_OUT)
    trial = Trial(2, Candidate(Program({"main.py": b"cost = 1"}), Lineage("tune", "1", (0,))))
    told = Told(2, None, Admission(False, "not scored"))
    waiting.store.append(waiting.run, [Asked(2, trial), Measured(2, evaluation), told])
    found = told_of(waiting.store, waiting.run, 2)
    one, two = found["measurements"][0]["workloads"]
    assert (one["repeats"], one["status"], one["metrics"]) == (2, "SCORED", {"cost_usd": 92.0})
    assert (two["status"], two["reason"]) == ("TIMED_OUT", "too slow")
    assert two["metrics"] == {"cost_usd": 90.0}
    assert (found["status"], found["figure"], found["kept"]) == ("TIMED_OUT", None, False)
    assert found["measurements"][0]["output"] == " printed"


def test_of_validation_there_is_one_figure_and_of_held_out_nothing(waiting: Waiting) -> None:
    store, run = waiting.store, waiting.run
    finding = Finding(
        1, Verdict.WINNER, "SECRET-reason", None, None, None, 0.95, 10, 1, "SECRET-salt",
        "SECRET-set",
    )  # fmt: skip
    hidden = [
        (0, measured(Split.VALIDATION, 50.0, mark="SECRET")),
        (1, measured(Split.VALIDATION, 40.0, mark="SECRET")),
        (0, measured(Split.HELD_OUT, 70.12345, mark="SECRET")),
        (1, measured(Split.HELD_OUT, 60.12345, Status.TIMED_OUT, mark="SECRET")),
        ("SECRET-optimum", measured(Split.TRAIN, 30.12345, mark="SECRET")),
        ("SECRET-optimum", measured(Split.HELD_OUT, 31.12345, mark="SECRET")),
    ]
    before = json.dumps(everything(waiting))
    store.append(run, [Looked(1, "SECRET-set", "SECRET-salt"), Found(finding)])
    store.append(run, [Measured(subject, evaluation) for subject, evaluation in hidden])
    seen = everything(waiting)
    text = json.dumps(seen)
    assert "SECRET" not in before + text
    assert "12345" not in text
    assert "validation-" not in text
    assert "held" not in text
    assert "WINNER" not in text
    # The last evaluation of trial 1 is TIMED_OUT, and held out.
    assert [trial["status"] for trial in seen["trials"]] == ["SCORED", "SCORED"]
    assert seen["trials"][1]["gain_on_validation"] == pytest.approx(0.2)
    assert seen["trials"][0]["gain_on_validation"] is None


def test_the_leak_test_would_find_what_the_record_has(waiting: Waiting) -> None:
    """What is looked for is really in the record."""
    store, run = waiting.store, waiting.run
    evaluation = measured(Split.HELD_OUT, 60.12345, Status.TIMED_OUT, mark="SECRET")
    store.append(run, [Measured(1, evaluation)])
    assert store.trial(run, 1).status is Status.TIMED_OUT
    assert "SECRET" in str(store.trial(run, 1).evaluations)
    assert "SECRET" in str(store.task(run))


def test_what_others_wrote_is_bounded_and_harmless(waiting: Waiting) -> None:
    store, run = waiting.store, waiting.run
    lineage = Lineage(HOSTILE, "1", (0,), plan=HOSTILE, author=HOSTILE)
    program = Program({"main.py": b"cost = 1"})
    evaluation = measured(Split.TRAIN, 1.0, Status.CRASHED)
    evaluation = replace(
        evaluation,
        reason=HOSTILE,
        feedback=f"one\n\ttwo {HOSTILE}",
        output=HOSTILE * 5,
        samples=tuple(replace(one, workload=HOSTILE, reason=HOSTILE) for one in evaluation.samples),
    )
    store.append(
        run,
        [
            Asked(2, Trial(2, Candidate(program, lineage))),
            Measured(2, evaluation),
            Told(2, None, Admission(False, HOSTILE)),
            Refused(3, Rejection(RejectionKind.DUPLICATE, HOSTILE, lineage)),
            *[Noted(HOSTILE, HOSTILE) for _ in range(60)],
        ],
    )
    seen = everything(waiting)
    for text in texts({**seen, "outcome": outcome_of(store, run, 3)}):
        assert len(text) <= 4000
        assert all(one.isprintable() or one == "\n" for one in text), text
    assert len(seen["assignment"]["notebook"]) == 50
    assert seen["trials"][2]["measurements"][0]["feedback"].startswith("one\n    two ")


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "files":
                continue
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def test_many_workloads_are_bounded(waiting: Waiting) -> None:
    evaluation = measured(Split.TRAIN, 90.0)
    samples = [replace(evaluation.samples[0], workload=f"w{number}") for number in range(999)]
    waiting.store.append(waiting.run, [Measured(1, replace(evaluation, samples=tuple(samples)))])
    found = told_of(waiting.store, waiting.run, 1)
    assert len(found["measurements"][-1]["workloads"]) == 200


def test_files_are_text_to_the_byte_or_said_to_be_missing() -> None:
    odd = "tab\there\x1b[0m\x0c\r\nlast"
    found = program_view(Program({"a.py": odd.encode(), "b.bin": b"\xff\x00", "c": b"x" * 999_999}))
    assert found["files"] == {"a.py": odd}
    assert found["left_out"]["b.bin"] == "2 bytes that are not UTF-8"
    assert "too many" in found["left_out"]["c"]


def test_the_best_that_are_kept_come_first(waiting: Waiting) -> None:
    scores = {2: Score(80.0), 3: Score(1.0, violation=0.5), 4: Score(70.0), 5: Score(60.0)}
    for number, score in scores.items():
        program = Program({"main.py": b"cost = %d" % number})
        trial = Trial(number, Candidate(program, Lineage("tune", "1", (1,), plan="step")))
        admission = Admission(number != 4, "why", (2,) if number == 5 else ())
        evaluation = measured(Split.TRAIN, score.value)
        waiting.store.append(
            waiting.run,
            [Asked(number, trial), Measured(number, evaluation), Told(number, score, admission)],
        )
    found = standings(waiting.store, waiting.run, 10)
    # 4 was not kept, 2 and the seed were displaced, 3 breaks a constraint.
    assert [one["number"] for one in found] == [5, 1, 3]
    assert (found[0]["parents"], found[0]["plan"], found[0]["proposer"]) == ([1], "step", "tune")
    assert found[2]["figure"] is not None
    assert not found[2]["figure"]["feasible"]
    assert found[2]["figure"]["words"].endswith("but it breaks a constraint")
    assert [one["number"] for one in standings(waiting.store, waiting.run, 1)] == [5]


def test_an_outcome_is_waited_for_until_it_is_told(waiting: Waiting) -> None:
    store, run = waiting.store, waiting.run
    ordinal = waiting.open()
    assert outcome_of(store, run, ordinal)["state"] == "waiting"
    trial = Trial(2, Candidate(Program({"main.py": b"cost = 2"}), Lineage("external", "1", (1,))))
    store.append(run, [Asked(ordinal, trial)])
    found = outcome_of(store, run, ordinal)
    assert found["state"] == "waiting"
    assert found["trial"] is not None
    assert (found["trial"]["state"], found["trial"]["status"]) == ("in flight", "")
    store.append(
        run, [Measured(2, measured(Split.TRAIN, 2.0)), Told(2, Score(2.0), Admission(True, ""))]
    )
    assert outcome_of(store, run, ordinal)["state"] == "told"


def test_what_is_not_there_is_said(waiting: Waiting) -> None:
    with pytest.raises(NotInStore):
        told_of(waiting.store, waiting.run, 9)
    with pytest.raises(NotInStore):
        briefing(waiting.store, "toy-9")
