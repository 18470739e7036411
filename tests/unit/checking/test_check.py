"""`adrs check` finds what is wrong with a task, and nothing wrong with one that is right."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adrs_evaluators.judge import JudgeEvaluator
from unit.checking.queue_task import CLAIMS, SHORTEST_FIRST, write_task
from unit.checking.queue_task import README as QUEUE_README
from unit.checking.queue_task import SEED as QUEUE_SEED
from unit.cli.door import Ended, adrs

from adrs import Sandbox, SandboxUnavailable, Setting, choose_sandbox, load_task
from adrs.checking import CHECKS, CheckResult, State, examine

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


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", autouse=True)
def sandbox(loop: asyncio.Runner) -> Sandbox:
    try:
        return loop.run(choose_sandbox("auto"))
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


def looked(folder: Path, sandbox: Sandbox, loop: asyncio.Runner, *names: str) -> list[CheckResult]:
    """What some checks say; the whole command takes three times as long."""

    async def look() -> list[CheckResult]:
        async with examine(JudgeEvaluator(), Setting(load_task(folder), sandbox)) as examination:
            checks = [check for check in CHECKS if check.name in names]
            return [result for check in checks for result in await check.run(examination)]

    return loop.run(look())


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
    "a cheat is the seed": (
        "cheats",
        "checks/cheats/claims is the seed itself",
        [("checks/cheats/claims/order.py", CLAIMS, QUEUE_SEED)],
    ),
    "feedback raises": (
        "feedback",
        "ValueError: of no use",
        [(JUDGE, "worst = max(", 'raise ValueError("of no use")\n    worst = max(')],
    ),
    "marks do not come in pairs": (
        "editable",
        "do not come in pairs",
        [
            (SEED, "def order", "# EVOLVE-BLOCK-START\ndef order"),
        ],
    ),
}


# What must have been looked at before.
BEFORE = {"state": ("determinism", "cheats")}


@pytest.mark.parametrize("planted", FAULTS)
def test_a_planted_fault_is_found(
    planted: str, tmp_path: Path, sandbox: Sandbox, loop: asyncio.Runner
) -> None:
    check, words, changes = FAULTS[planted]
    folder = write_task(tmp_path / "queue", *changes)
    results = looked(folder, sandbox, loop, "seed", *BEFORE.get(check, ()), check)
    faults = [result for result in results if result.state is State.FAULT]
    assert any(words in fault.found for fault in faults if fault.check == check), results
    assert all(fault.cure for fault in faults)


ADVICE = {
    "determinism": "does not declare it",
    "misbehaviour": "scores all the same",
    "splits": "a fixed set",
    "metrics": "hits is to minimize",
    "units": "2 independent validation units",
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
            (JUDGE, '"validation": 4', '"validation": 2'),
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
    assert "12 independent held-out units" in said["units"]
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
    assert "only one program scored" in found(answer, "ok")["metrics"]


def test_without_a_seed_that_scores_the_rest_waits(tmp_path: Path) -> None:
    ended, answer = checked(write_task(tmp_path / "queue", (SEED, "return", "return 1 / 0 or")))
    assert ended.code == 1
    assert answer["ok"] is False
    assert found(answer, "fault").keys() == {"seed"}, ended.err
    assert "ZeroDivisionError" in found(answer, "fault")["seed"]
    assert {"determinism", "direction", "cheats"} <= found(answer, "skipped").keys()
    assert "are not known to repeat" not in found(answer, "skipped")["state"]


def test_a_judge_that_cannot_be_loaded_is_said_once_and_in_its_own_words(tmp_path: Path) -> None:
    ended, answer = checked(write_task(tmp_path / "queue", (JUDGE, "COUNTS =", "COUNTS = =")))
    assert ended.code == 1
    assert found(answer, "fault").keys() == {"seed"}, ended.err
    words = found(answer, "fault")["seed"]
    assert 'judge.py", line 6' in words
    assert words.strip().endswith("SyntaxError: invalid syntax")
    assert "frozen" not in words


def test_workloads_that_are_larger_together_than_an_answer_are_no_fault(
    tmp_path: Path, sandbox: Sandbox, loop: asyncio.Runner
) -> None:
    folder = write_task(
        tmp_path / "queue",
        (JUDGE, '{"jobs_s": durations}', '{"jobs_s": durations, "pad": f"{number}" * 4_000_000}'),
    )
    assert {one.state for one in looked(folder, sandbox, loop, "seed", "splits")} == {State.OK}


def test_time_that_a_judge_wasted_is_not_the_programs(
    tmp_path: Path, sandbox: Sandbox, loop: asyncio.Runner
) -> None:
    wastes = "import time; time.sleep(0.35); raise ValueError"
    folder = write_task(tmp_path / "queue", (JUDGE, RETURN, wastes))
    assert {one.state for one in looked(folder, sandbox, loop, "headroom")} == {State.OK}


COMMANDS = """deterministic = true
use = "command"

[evaluator.options]
run = ["sh", "-c", "wc -c | sed 's/.*/{\\"mean_wait_s\\": &}/'"]
workloads = ["sh", "{task}/workloads.sh"]
"""
WORKLOADS = """printf '['
for n in 1 2 3 4 5 6 7; do printf '{"name": "%s-%s", "data": "%s%s%s"},' $1 $n $1 $n "$2"; done
printf '{"name": "last", "data": "%s%s"}]' $1 "$2"
"""


def test_programs_that_make_their_own_figures_are_pointed_out(tmp_path: Path) -> None:
    folder = write_task(
        tmp_path / "queue",
        (TOML, "deterministic = true", COMMANDS),
        (TOML, 'entry = "order"', ""),
        ("workloads.sh", "", WORKLOADS),
    )
    ended, answer = checked(folder)
    said = {state: found(answer, state) for state in ("ok", "advice", "fault")}
    assert "--accept-isolation shared" in said["advice"]["cheats"], ended.err
    assert {"seed", "determinism", "splits"} <= said["ok"].keys(), ended.err
    assert "is the same for all" in said["fault"]["metrics"]


def test_a_folder_of_checks_that_nobody_looks_at_is_refused(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "queue")
    (folder / "checks/cheats").rename(folder / "checks/cheat")
    ended = adrs(tmp_path, "check", str(folder), "--json")
    assert ended.code == 2
    assert "checks/cheat is looked at by nobody" in json.loads(ended.out)["error"]


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    sleeps = (SEED, "return", "__import__('time').sleep(60)\n    return")
    folder = write_task(tmp_path / "queue", sleeps, (TOML, "wall_s = 0.5", "wall_s = 90"))
    (tmp_path / "tmp").mkdir()
    words = [sys.executable, "-m", "adrs", "check", str(folder), "--json", "--sandbox", "process"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=environment, stdout=pipe, stderr=pipe) as checking:
        while not list((tmp_path / "tmp").iterdir()):
            assert checking.poll() is None
            time.sleep(0.01)
        checking.send_signal(number)
        out, _ = checking.communicate()
    assert checking.returncode == 130
    assert json.loads(out) == {"error": "given up", "exit_status": 130}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_people_read_what_is_found_and_the_cure(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "queue", (TOML, 'unit = "s"', 'unit = "ms"'))
    ended = adrs(tmp_path, "check", str(folder))
    assert ended.code == 1
    assert "metrics       fault    mean_wait_s is declared" in ended.out
    assert "cure: correct the unit or the name" in ended.out
    assert "queue has faults" in ended.out
