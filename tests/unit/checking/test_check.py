"""`adrs check` finds what is wrong with a task, and nothing wrong with one that is right."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from unit.checking.queue_task import README as QUEUE_README
from unit.checking.queue_task import SHORTEST_FIRST, write_task
from unit.cli.door import Ended, adrs

from adrs import SandboxUnavailable, choose_sandbox

JUDGE, TOML, README = "judge.py", "task.toml", "README.md"
RETURN = 'return {"mean_wait_s": waited_s / len(order)}'
SEED = "program/order.py"
CALL = 'order = await program.call("order", jobs_s)'
SOLUTION = """
def order(jobs_s):
    duration_of = dict(enumerate(jobs_s))
    by_duration = sorted(duration_of, key=duration_of.get)
    assert len(by_duration) == len(jobs_s)
    return by_duration
"""


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> None:
    try:
        asyncio.run(choose_sandbox("auto"))
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def checked(folder: Path) -> tuple[Ended, dict[str, Any]]:
    ended = adrs(folder.parent, "check", str(folder), "--json")
    return ended, json.loads(ended.out.splitlines()[-1])


def found(answer: dict[str, Any], state: str) -> dict[str, str]:
    """Check to all that it found of a state."""
    words: dict[str, str] = {}
    for result in answer["results"]:
        if result["state"] == state:
            words[result["check"]] = f"{words.get(result['check'], '')}{result['found']}\n"
    return words


def test_a_task_without_a_fault_is_ok(tmp_path: Path) -> None:
    ended, answer = checked(write_task(tmp_path / "queue"))
    assert ended.code == 0, ended.err
    assert answer["task"] == "queue"
    assert answer["ok"] is True
    assert {result["state"] for result in answer["results"]} == {"ok"}, ended.err
    assert len(answer["results"]) == 15
    for result in answer["results"]:
        assert result.keys() == {"check", "state", "found", "cure", "figures"}
    assert ended.out.count("\n") == 1
    assert "queue can be searched (15 ok" in ended.err


# What is planted: the check that must find it, a word of what it says, and the changes.
FAULTS = {
    "a metric is random": (
        "determinism",
        "in another process",
        [
            (JUDGE, RETURN, 'return {"mean_wait_s": waited_s / len(order) + Random().random()}'),
        ],
    ),
    "a metric depends on the hash seed": (
        "determinism",
        "hash seed",
        [
            (
                JUDGE,
                RETURN,
                'clock_s = [len(one) for one in {"a", "bb", "ccc", "dddd", "eeeee"}][0]\n'
                '    return {"mean_wait_s": waited_s / len(order) + clock_s}',
            ),
        ],
    ),
    "workloads depend on the hash seed": (
        "determinism",
        "hash seed",
        [
            (JUDGE, 'Random(f"{series}/{number}")', "Random(hash(series) + number)"),
        ],
    ),
    "workloads differ from process to process": (
        "determinism",
        "another process",
        [
            (JUDGE, 'Random(f"{series}/{number}")', "Random()"),
        ],
    ),
    "workloads come from one stream": (
        "determinism",
        "another order",
        [
            (JUDGE, 'random = Random(f"{series}/{number}")', "random = STREAM"),
            (JUDGE, "COUNTS = ", "STREAM = Random(1)\nCOUNTS = "),
        ],
    ),
    "the program throws dice": (
        "determinism",
        "another repeat",
        [
            (
                SEED,
                "list(range(len(jobs_s)))",
                "__import__('random').sample(range(len(jobs_s)), len(jobs_s))",
            ),
        ],
    ),
    "the judge remembers": (
        "state",
        "in the same judge's process",
        [
            (JUDGE, "COUNTS = ", "SEEN = []\nCOUNTS = "),
            (
                JUDGE,
                RETURN,
                "SEEN.append(1)\n"
                '    return {"mean_wait_s": waited_s / len(order) + 1e-6 * len(SEEN)}',
            ),
        ],
    ),
    "the judge changes its workloads": (
        "state",
        "not what it was",
        [
            (JUDGE, RETURN, f"jobs_s.sort()\n    {RETURN}"),
        ],
    ),
    "held-out ignores the salt": (
        "splits",
        "whatever the salt",
        [
            (JUDGE, 'f"{split}/{salt}"', "split"),
        ],
    ),
    "validation is train": (
        "splits",
        "train and validation share",
        [
            (
                JUDGE,
                'f"{series}/{number}"',
                """f"{series.replace('validation', 'train')}/{number}\"""",
            ),
        ],
    ),
    "a split has a workload twice": (
        "splits",
        "have the same data",
        [
            (JUDGE, 'f"{series}/{number}"', 'f"{series}/{number // 2}"'),
        ],
    ),
    "feedback tells held-out data": (
        "feedback",
        "tells of held-out",
        [
            (
                JUDGE,
                "worst = max(",
                'seen = workloads("held_out", "", jobs=12)[3].data["jobs_s"]\n'
                '    return f"look at {seen[2]}"\n    worst = max(',
            ),
        ],
    ),
    "feedback names held-out workloads": (
        "feedback",
        "held_out-3",
        [
            (JUDGE, 'return f"most', 'return f"wait for held_out-3; most'),
        ],
    ),
    "the direction is wrong": (
        "direction",
        "known to be better",
        [
            (TOML, '"minimize"', '"maximize"'),
        ],
    ),
    "a good program does not score": (
        "direction",
        "does not score",
        [
            ("checks/good/shortest_first/order.py", "sorted", "unsorted"),
        ],
    ),
    "too few held-out units": (
        "units",
        "5 independent",
        [(JUDGE, '"held_out": 20', '"held_out": 5')],
    ),
    "a crash scores well": (
        "misbehaviour",
        "raises when it is called",
        [
            (
                JUDGE,
                CALL,
                f"try:\n        {CALL}\n    except ProgramFailed:\n"
                '        return {"mean_wait_s": 0.0}',
            ),
        ],
    ),
    "nonsense scores well": (
        "misbehaviour",
        "answers None",
        [
            (JUDGE, CALL, f'{CALL}\n    if order is None:\n        return {{"mean_wait_s": 0.0}}'),
        ],
    ),
    "a figure is the program's own": (
        "cheats",
        "checks/cheats/claims",
        [
            (
                JUDGE,
                CALL,
                f"{CALL}\n    if type(order) is dict:\n"
                '        return {"mean_wait_s": float(order["mean_wait_s"])}',
            ),
        ],
    ),
    "answers are not checked": (
        "cheats",
        "checks/cheats/shortest_only",
        [
            (JUDGE, "if sorted(order) != list(range(len(jobs_s))):", "if not order:"),
        ],
    ),
    "a unit contradicts the name": (
        "metrics",
        'declared in "ms"',
        [(TOML, 'unit = "s"', 'unit = "ms"')],
    ),
    "the objective never moves": (
        "metrics",
        "is the same for all",
        [
            (JUDGE, RETURN, 'return {"mean_wait_s": 1.0}'),
        ],
    ),
    "the statement says nothing": (
        "statement",
        "11 characters",
        [
            (README, QUEUE_README, "Order jobs.\n"),
        ],
    ),
    "the statement names references": (
        "statement",
        "names references/",
        [
            (README, "Queues are everywhere.", "See references/shortest_first."),
        ],
    ),
    "the statement gives the solution away": (
        "statement",
        "lines of references/shortest_first",
        [
            (README, "", SOLUTION),
            ("references/shortest_first/order.py", SHORTEST_FIRST, SOLUTION),
        ],
    ),
    "the seed is over its limit": (
        "headroom",
        "TIMED_OUT",
        [
            (SEED, "return", "while True:\n        pass\n    return"),
        ],
    ),
    "a split cannot be made": (
        "seed",
        "cannot make the workloads of validation",
        [
            (JUDGE, '"validation": 4, ', ""),
        ],
    ),
    "marks do not come in pairs": (
        "editable",
        "do not come in pairs",
        [
            (SEED, "def order", "# EVOLVE-BLOCK-START\ndef order"),
        ],
    ),
}


@pytest.mark.parametrize("planted", FAULTS)
def test_a_planted_fault_is_found(planted: str, tmp_path: Path) -> None:
    check, words, changes = FAULTS[planted]
    ended, answer = checked(write_task(tmp_path / "queue", *changes))
    assert ended.code == 1, ended.err
    assert answer["ok"] is False
    assert words in found(answer, "fault").get(check, ""), ended.err
    assert all(result["cure"] for result in answer["results"] if result["state"] == "fault")


ADVICE = {
    "determinism": "does not declare it",
    "misbehaviour": "scores all the same",
    "splits": "a fixed set",
    "metrics": "hits is to minimize",
    "units": "12 independent",
    "feedback": "whole data of a train workload",
    "statement": 'the heading "Context"',
    "editable": "no proposer could have made references/shortest_first",
    "costs": "not cheaper than train",
}


def test_what_could_be_better_is_said_and_is_no_fault(tmp_path: Path) -> None:
    more = """
        [[metric]]
        name = "hits"
        direction = "minimize"
        unit = "1"
        [[constraint]]
        metric = "hits"
        at_most = 1
        [limits]
    """
    ended, answer = checked(
        write_task(
            tmp_path / "queue",
            (TOML, "deterministic = true", "deterministic = false"),
            (TOML, "[generator]\njobs = 12", ""),
            (TOML, "[limits]", more),
            (JUDGE, ", *, jobs", ""),
            (JUDGE, "range(jobs)", "range(12)"),
            (JUDGE, 'f"{split}/{salt}"', "split"),
            (JUDGE, '"smoke": 2', '"smoke": 6'),
            (JUDGE, '"held_out": 20', '"held_out": 12'),
            (JUDGE, "worst = max(", 'return str(workloads("train", "")[3].data)\n    worst = max('),
            (JUDGE, RETURN, RETURN.replace("{", '{"hits": 1, ')),
            (
                JUDGE,
                CALL,
                f"try:\n        {CALL}\n    except ProgramFailed:\n"
                '        return {"hits": 1, "mean_wait_s": 1e6}',
            ),
            (README, "## Context", ""),
            ("references/shortest_first/more.py", "", "pass"),
        )
    )
    said = found(answer, "advice")
    assert {check: words for check, words in ADVICE.items() if words not in said[check]} == {}
    assert "hits, which is constrained, is 1 for every known program" in said["metrics"]
    assert ended.code == 0, ended.err


def test_without_known_programs_it_says_that_nothing_is_tested(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "queue", (TOML, 'reference = "shortest_first"', ""))
    shutil.rmtree(folder / "checks")
    shutil.rmtree(folder / "references")
    ended, answer = checked(folder)
    assert ended.code == 0, ended.err
    said = found(answer, "advice")
    assert "direction of the objective is untested" in said["direction"]
    assert "nobody has tried to deceive" in said["cheats"]


def test_without_a_seed_that_scores_the_rest_waits(tmp_path: Path) -> None:
    ended, answer = checked(write_task(tmp_path / "queue", (SEED, "return", "return 1 / 0 or")))
    assert ended.code == 1
    assert found(answer, "fault").keys() == {"seed"}, ended.err
    assert "ZeroDivisionError" in found(answer, "fault")["seed"]
    assert {"determinism", "direction", "cheats"} <= found(answer, "skipped").keys()


def test_units_of_real_data_are_in_one_split_only(tmp_path: Path) -> None:
    folder = write_task(
        tmp_path / "queue",
        (JUDGE, '{"jobs_s": durations})', '{"jobs_s": durations}, f"day-{number}")'),
    )
    ended = adrs(tmp_path, "check", str(folder), "--json", "--workloads", str(folder / JUDGE))
    faults = found(json.loads(ended.out), "fault")
    assert "validation and held_out share units of the real data: day-0" in faults["splits"]
    assert ended.code == 1


def test_a_task_that_cannot_be_read_is_no_finding(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "queue", (TOML, "[limits]", "[limit]"))
    ended = adrs(tmp_path, "check", str(folder), "--json")
    assert ended.code == 2
    assert "limit" in json.loads(ended.out)["error"]


def test_a_sandbox_that_is_not_there_is_unusable_input(tmp_path: Path) -> None:
    ended = adrs(tmp_path, "check", str(write_task(tmp_path / "queue")), "--sandbox", "nowhere")
    assert ended.code == 2
    assert "nowhere" in ended.err


def test_people_read_what_is_found_and_the_cure(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "queue", (TOML, 'unit = "s"', 'unit = "ms"'))
    ended = adrs(tmp_path, "check", str(folder))
    assert ended.code == 1
    assert "metrics       fault    mean_wait_s is declared" in ended.out
    assert "cure: correct the unit or the name" in ended.out
    assert "queue has faults" in ended.out
