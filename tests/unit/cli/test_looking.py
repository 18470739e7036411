"""The commands that look, over a recorded search."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.cli.conftest import HOSTILE
from unit.cli.door import Ended, adrs

from adrs import (
    Admission,
    Candidate,
    Evaluation,
    Isolation,
    IsolationLevel,
    Lineage,
    Split,
    Status,
    Trial,
    load_task,
    open_store,
)
from adrs.cli._looking import scored

LOOKS = ["runs", "status", "trials", "show 3", "lineage 8", "diff 3", "store check"]


def plain(done: Ended) -> dict[str, Any]:
    """The one JSON object of a command."""
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    found: dict[str, Any] = json.loads(done.out)
    return found


@pytest.mark.parametrize("command", LOOKS)
def test_what_looks_has_json_and_prints_nothing_else(recorded: Path, command: str) -> None:
    assert plain(adrs(recorded, *command.split(), "--json"))


@pytest.mark.parametrize("command", [look for look in LOOKS if not look.startswith("diff")])
def test_untrusted_text_has_no_power(recorded: Path, command: str) -> None:
    done = adrs(recorded, *command.split())
    assert done.code == 0, done.err
    assert not set(done.out) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize("command", LOOKS)
def test_looking_never_makes_a_store(tmp_path: Path, command: str) -> None:
    done = adrs(tmp_path, *command.split())
    assert done.code == 2
    assert "found none" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["status", "trials", "show 3", "lineage 8"])
def test_a_task_that_is_gone_does_not_matter(mine: Path, command: str) -> None:
    store = open_store(mine / ".adrs")
    folder = store.run("toy-1").settings.task
    store.close()
    assert Path(folder).name == "toy"
    before = adrs(mine, *command.split(), "--json")
    moved = Path(folder).rename(f"{folder}-gone")
    try:
        assert plain(adrs(mine, *command.split(), "--json")).keys() == plain(before).keys()
    finally:
        shutil.move(moved, folder)


def test_runs(recorded: Path) -> None:
    header, line = adrs(recorded, "runs").out.splitlines()
    assert header.split() == ["run", "status", "trials", "worked", "begun", "verdict"]
    assert line.startswith("toy-1  finished  8/8 ")
    assert "WINNER (trial 8, 54.4 % better on train, 54.4 % better on validation, " in line


def test_status_counts_what_the_record_counts(recorded: Path) -> None:
    found = plain(adrs(recorded, "status", "--json"))
    assert (found["run"], found["trials"], found["asked"]) == ("toy-1", 8, 8)
    assert (found["live"], found["killed"], found["in_flight"]) == (False, False, 0)
    assert found["by_status"] == {"SCORED": 7, "CRASHED": 2}
    words = adrs(recorded, "status", "toy-1").out
    assert "7 SCORED, 2 CRASHED" in words
    assert "WINNER" in words


def test_trials(recorded: Path) -> None:
    _, *rows = adrs(recorded, "trials").out.splitlines()
    assert [row.split()[0] for row in rows] == [str(number) for number in range(9)]
    assert rows[0].split()[1:5] == ["-", "seed", "SCORED", "200.4"]
    assert "CRASHED  -" in rows[4]
    found = plain(adrs(recorded, "trials", "--json"))
    assert found["trials"][0]["gains"] == {}
    assert found["trials"][8]["gains"].keys() == {"train", "validation", "held_out"}
    assert found["best"] == 8
    assert found["trials"][4]["score"] is None
    assert found["trials"][8]["lineage"]["parents"] == [7]


def test_show(recorded: Path) -> None:
    words = adrs(recorded, "show", "toy-1/8").out
    for expected in (
        "toy-1/8  SCORED",
        "plan         step \\x1b[2J",
        "score        91.45 (54.4 % better)",
        "kept: new best",
        "main.py (",
        "train-0 ",
        "held_out  SCORED",
        "and 12 more; --all shows them",
        "isolation    separate, fake",
        "fingerprint  ",
    ):
        assert expected in words
    assert words.count("isolation ") == 1
    assert "train-9 " not in words
    assert "train-9 " in adrs(recorded, "show", "8", "--all").out
    found = plain(adrs(recorded, "show", "8", "--json", "--program"))
    assert found["evaluations"][0]["samples"][0]["metrics"] == {"cost_usd": 91.0}
    assert found["evaluations"][0]["fingerprint_of"]["task"] == "toy"
    assert HOSTILE in found["files"]["main.py"]


def test_show_says_why_a_trial_failed(recorded: Path) -> None:
    words = adrs(recorded, "show", "4").out
    assert "toy-1/4  CRASHED" in words
    assert "as the function said" in words
    assert "not kept: not scored" in words


def test_lineage_goes_from_the_seed_to_the_trial(recorded: Path) -> None:
    _, *rows = adrs(recorded, "lineage", "8").out.splitlines()
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "3", "5", "7", "8"]


@pytest.mark.parametrize(
    ("trials", "source", "target"), [("3", 2, 3), ("0 8", 0, 8), ("8 2", 8, 2)]
)
def test_a_diff_in_a_pipe_is_a_patch(
    recorded: Path, tmp_path: Path, trials: str, source: int, target: int
) -> None:
    store = open_store(recorded / ".adrs")
    before, after = (store.trial("toy-1", n).program.files["main.py"] for n in (source, target))
    store.close()
    (tmp_path / "main.py").write_bytes(before)
    code = "from adrs.cli import main; main()"
    command = [sys.executable, "-c", code, "diff", *trials.split()]
    patch = subprocess.run(command, cwd=recorded, capture_output=True, check=True, timeout=60)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.stdout, check=True, timeout=60)
    assert (tmp_path / "main.py").read_bytes() == after


def test_the_seed_has_nothing_to_differ_from(recorded: Path) -> None:
    done = adrs(recorded, "diff", "0")
    assert done.code == 2
    assert "toy-1/0 has no parent" in done.err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("show 99", "no trial 99 in run toy-1"),
        ("show toy-9/1", "no run toy-9"),
        ("show first", "a trial is RUN/NUMBER"),
        ("show toy-1/-3", "a trial is RUN/NUMBER"),
        ("show 99999999999999999999", "a trial is RUN/NUMBER"),
        ("status toy-7", "no run toy-7"),
        ("stop toy-7", "no run toy-7"),
        ("diff", "Missing argument"),
        ("delete toy-1", "needs --yes"),
        ("config", "Usage: adrs config"),
        ("nonsense", "No such command"),
        ("status --store postgresql://somewhere", "a store is a folder"),
    ],
)
def test_what_is_not_there_is_said(recorded: Path, command: str, words: str) -> None:
    done = adrs(recorded, *command.split(), "--json")
    assert done.code == 2
    assert words in done.err
    assert json.loads(done.out.splitlines()[-1])["exit_status"] == 2


def test_delete_forgets_a_run_once_it_is_allowed_to(mine: Path) -> None:
    assert "toy-1 and its 8 trials are forgotten" in adrs(mine, "delete", "toy-1", "--yes").out
    assert plain(adrs(mine, "runs", "--json")) == {"runs": []}
    assert "no run yet" in adrs(mine, "status").err + adrs(mine, "runs").out


def test_a_damaged_store_is_a_fault(mine: Path) -> None:
    with sqlite3.connect(mine / ".adrs/store.sqlite") as connection:
        connection.execute("UPDATE runs SET told = told + 1")
    connection.close()
    done = adrs(mine, "store", "check")
    assert done.code == 1
    assert "told says 10, but it is 9" in done.out


def test_stop_says_that_nothing_is_at_work(mine: Path) -> None:
    assert adrs(mine, "stop").out == "toy-1 has no engine at work; it is finished\n"


def test_a_reader_that_leaves_is_no_error(recorded: Path) -> None:
    command = f"'{sys.executable}' -c 'from adrs.cli import main; main()' trials | true; "
    done = subprocess.run(
        ["bash", "-c", command + 'echo "${PIPESTATUS[0]}"'],
        cwd=recorded,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_a_trial_that_a_stage_stopped_says_so(tmp_path: Path) -> None:
    """It was SCORED, so a dash in place of its score would be a riddle."""
    task = load_task(Path(__file__).parents[3] / "tasks" / "spot_single")
    isolation = Isolation("fake", IsolationLevel.SEPARATE, {}, {})
    smoke = Evaluation(Split.SMOKE, Status.SCORED, (), "", isolation)
    trial = Trial(
        3,
        Candidate(task.seed, Lineage("mutate", "1", (0,))),
        evaluations=(smoke,),
        admission=Admission(False, "stopped after smoke"),
    )
    assert scored(trial, None, task) == "stopped after smoke"
    crashed = replace(trial, evaluations=(replace(smoke, status=Status.CRASHED),))
    assert scored(crashed, None, task) == "-"
