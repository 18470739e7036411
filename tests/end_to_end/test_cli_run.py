"""`adrs run` from outside: what it prints, what it leaves, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from unit.cli.door import Ended, adrs

from adrs import open_store

ADRS = (sys.executable, "-c", "from adrs.cli import main; main()")
TASK_TOML = """
[task]
name = "near_three"
title = "Come close to three"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[evaluator]
deterministic = true
[objective]
metric = "loss"
reference = "rule"
[[metric]]
name = "loss"
direction = "minimize"
unit = "ms"
[limits]
wall_s = 20
cpu_s = 20
memory_mb = 512
processes = 16
[[stage]]
split = "train"
[generator]
pause_s = @pause@
"""
JUDGE = """
import time
from adrs.judging import Workload

def workloads(split, salt, source=None, pause_s=0.0):
    return [Workload(f"{split}{salt}-{n}", [n, pause_s]) for n in range(10)]

async def evaluate(program, workload):
    n, pause_s = workload.data
    time.sleep(pause_s)
    return {"loss": abs(await program.call("answer", 2.0) - 3.0) + 1.0 + n / 100}
"""
SEED = """
def answer(x):
    y = 40.0
    if x > 1.0:
        y = y + x * 3.5
    return y
"""


def make_task(folder: Path, pause_s: float = 0.0, seed: str = SEED) -> Path:
    """A task whose constants a tuner improves at once."""
    task = folder / "near_three"
    for part in ("program", "references/rule"):
        (task / part).mkdir(parents=True)
    (task / "task.toml").write_text(TASK_TOML.replace("@pause@", str(pause_s)))
    (task / "judge.py").write_text(JUDGE)
    (task / "README.md").write_text("Come close to three.\n")
    (task / "program/main.py").write_text(seed)
    (task / "references/rule/main.py").write_text("def answer(x):\n    return 4.0\n")
    return task


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return make_task(tmp_path)


@pytest.fixture
def slow_task(tmp_path: Path) -> Path:
    return make_task(tmp_path, pause_s=0.02)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run that is left to itself; nothing of it is alive afterwards."""
    process = subprocess.Popen(
        [*ADRS, "run", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def wait_for_trials(folder: Path, count: int) -> None:
    """Until the record of a live run has so many."""
    deadline = time.monotonic() + 60
    while not (folder / ".adrs").exists():
        time.sleep(0.02)
    store = open_store(folder / ".adrs")
    while not any(run.told > count for run in store.runs()):
        assert time.monotonic() < deadline, f"no {count} trials in time"
        time.sleep(0.05)
    store.close()


def summary_of(done: Ended) -> dict[str, Any]:
    assert done.out.count("\n") == 1, done.out
    found: dict[str, Any] = json.loads(done.out)
    return found


PROCESS = ("--sandbox", "process")


def test_a_run_says_what_it_found_and_what_to_do_next(task: Path, tmp_path: Path) -> None:
    done = adrs(tmp_path, "run", "near_three", "--trials", "12", *PROCESS)
    assert done.code == 0, done.err
    assert done.err == ""
    assert "baseline: 45.05 ms" in done.out
    assert "new best" in done.out
    assert "near_three-1  finished: 12 trials" in done.out
    assert "REFUSED: candidate and judge were not apart" in done.out
    assert "\x1b" not in done.out
    commands = [line for line in done.out.splitlines() if line.startswith("adrs ")]
    for command in commands[:2]:
        words = command.partition("   ")[0].split()[1:]
        assert adrs(tmp_path, *words).code == 0, command
    assert commands[2].startswith("adrs run --resume near_three-1 --trials 24")


def test_json_is_the_last_line_and_the_rest_is_for_people(task: Path, tmp_path: Path) -> None:
    options = ("--trials", "6", "--archive", "greedy", "--proposer", "tune", "--json", *PROCESS)
    done = adrs(tmp_path, "run", "near_three", *options, "--accept-isolation", "process")
    assert done.code == 0, done.err
    found = summary_of(done)
    assert found["status"] == "finished"
    assert found["trials"] == 6
    assert found["held_out"]["verdict"] == "WINNER"
    assert found["isolation"]["level"] == "process"
    assert "near_three-1  finished" in done.err


def test_the_same_seed_gives_the_same_search(task: Path, tmp_path: Path) -> None:
    programs = []
    for run in ("near_three-1", "near_three-2"):
        options = ("--trials", "6", "--workers", "1", "--seed", "5", *PROCESS)
        assert adrs(tmp_path, "run", "near_three", *options).code == 0
        trials = summary_of(adrs(tmp_path, "trials", run, "--json"))["trials"]
        programs.append([trial["program"] for trial in trials])
    assert programs[0] == programs[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_everything_and_a_second_one_changes_nothing(
    slow_task: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with started(tmp_path, "near_three", "--trials", "500", "--json", *PROCESS) as process:
        wait_for_trials(tmp_path, 1)
        process.send_signal(number)
        time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "adrs run --resume near_three-1" in err
    ended = json.loads(out)
    assert (ended["status"], ended["reason"]) == ("interrupted", number.name)
    status = summary_of(adrs(tmp_path, "status", "--json"))
    assert not status["live"]
    assert not status["killed"]

    more = str(ended["trials"] + 3)
    done = adrs(tmp_path, "run", "--resume", "near_three-1", "--trials", more, "--json")
    assert done.code == 0, done.err
    assert summary_of(done)["trials"] == ended["trials"] + 3


def test_stop_from_elsewhere(slow_task: Path, tmp_path: Path) -> None:
    with started(tmp_path, "near_three", "--trials", "500", *PROCESS) as process:
        wait_for_trials(tmp_path, 1)
        assert adrs(tmp_path, "delete", "near_three-1", "--yes").code == 2
        assert adrs(tmp_path, "run", "--resume", "near_three-1").code == 2
        stopped = adrs(tmp_path, "stop")
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stopped.code == 0
    assert "near_three-1 stopped after" in stopped.out
    assert "interrupted (`adrs stop` asked for it)" in out
    assert "no engine at work; it is interrupted" in adrs(tmp_path, "stop").out


def test_a_killed_run_is_recognised_and_can_go_on(slow_task: Path, tmp_path: Path) -> None:
    with started(tmp_path, "near_three", "--trials", "500", *PROCESS) as process:
        wait_for_trials(tmp_path, 1)
        process.kill()
        process.wait(timeout=30)
    words = adrs(tmp_path, "status").out
    assert "its engine was killed" in words
    assert "adrs run --resume near_three-1" in words
    assert "killed" in adrs(tmp_path, "runs").out
    done = summary_of(adrs(tmp_path, "status", "--json"))["trials"]
    more = adrs(tmp_path, "run", "--resume", "near_three-1", "--trials", str(done + 2))
    assert more.code == 0, more.err
    assert adrs(tmp_path, "store", "check").out == "the store is whole\n"


def test_nobody_reads_what_it_says(slow_task: Path, tmp_path: Path) -> None:
    with started(tmp_path, "near_three", "--trials", "500", *PROCESS) as process:
        assert process.stdout is not None
        while "searching" not in process.stdout.readline():
            pass
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert err == ""
    assert summary_of(adrs(tmp_path, "status", "--json"))["status"] == "interrupted"


def test_a_seed_that_does_not_score(tmp_path: Path) -> None:
    make_task(tmp_path, seed="def answer(x):\n    raise ValueError('\\x1b[2Jno')\n")
    done = adrs(tmp_path, "run", "near_three", "--json", *PROCESS)
    assert done.code == 2
    found = summary_of(done)
    assert found["status"] == "unavailable"
    assert found["exit_status"] == 2
    assert "must score before a search can start" in found["error"]
    assert "next: adrs show near_three-1/0" in done.err
    assert "Traceback (most recent call last)" not in done.err.replace("error:", "")
    assert "\x1b" not in done.err + adrs(tmp_path, "show", "0").out


def test_workloads_that_the_judge_refuses_are_named_without_its_code(
    task: Path, tmp_path: Path
) -> None:
    (task / "judge.py").write_text(
        JUDGE.replace(
            "    return [Workload",
            "    if source:\n        raise ValueError('expected numbers, got text')\n"
            "    return [Workload",
            1,
        )
    )
    mine = tmp_path / "mine.csv"
    mine.write_text("text")
    done = adrs(tmp_path, "run", "near_three", "--workloads", str(mine), *PROCESS)
    assert done.code == 2
    assert f"the workloads of train from {mine}: expected numbers, got text" in done.err
    assert "File " not in done.err


def test_time_that_runs_out(slow_task: Path, tmp_path: Path) -> None:
    options = ("--trials", "500", "--max-minutes", "0.04", *PROCESS)
    done = adrs(tmp_path, "run", "near_three", *options)
    assert done.code == 0, done.err
    assert "budget (0.04 minutes are over)" in done.out
    assert "adrs run --resume near_three-1 --max-minutes 0.08" in done.out


def test_what_cannot_start_leaves_no_run(task: Path, tmp_path: Path) -> None:
    done = adrs(tmp_path, "run", "near_three", "--sandbox", "nowhere", "--json")
    assert done.code == 2
    assert "nowhere" in summary_of(done)["error"]
    assert json.loads(adrs(tmp_path, "runs", "--json").out) == {"runs": []}


def test_a_winner_is_written_down_and_signed(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key.pem"
    key.touch(0o600)
    key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    monkeypatch.setenv("ADRS_SIGNING_KEY", str(key))
    asked = ("--trials", "12", *PROCESS, "--accept-isolation", "process")
    done = adrs(tmp_path, "run", "near_three", *asked, "--json")
    assert done.code == 0, done.err
    found = summary_of(done)
    assert found["held_out"]["verdict"] == "WINNER"
    folder = tmp_path / found["certificate"]["folder"]
    assert folder == tmp_path / ".adrs/winners" / f"near_three-1-{found['best']['trial']}"
    assert json.loads((folder / "certificate.json").read_text())["id"] == found["certificate"]["id"]
    assert (folder / "signature.json").exists()
    assert "adrs verify .adrs/winners/near_three-1-" in done.err


def test_a_key_that_cannot_be_used_is_known_before_the_search(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADRS_SIGNING_KEY", str(tmp_path / "nowhere.pem"))
    done = adrs(tmp_path, "run", "near_three", "--json")
    assert done.code == 2
    assert "nowhere.pem" in summary_of(done)["error"]
    assert json.loads(adrs(tmp_path, "runs", "--json").out) == {"runs": []}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "name a TASK"),
        (["run", "nowhere"], "nowhere"),
        (["run", "near_three", "--trials", "0"], "--trials must be at least 1"),
        (["run", "near_three", "--trials", "many"], "--trials"),
        (["run", "near_three", "--max-minutes", "0"], "--max-minutes must be a number above 0"),
        (["run", "near_three", "--proposer", "nobody"], "nobody"),
        (["run", "near_three", "--workloads", "nowhere"], "no such file"),
        (["run", "near_three", "--accept-isolation", "all"], "--accept-isolation"),
        (["run", "near_three", "--modell", "x"], "No such option"),
        (["run", "near_three", "--model", "x=y"], "NAME=WEIGHT"),
        (["run", "near_three", "--model", "sk-abcdefghijk"], "looks like a key"),
        (["run", "near_three", "--model", "x=0"], "NAME=WEIGHT above 0"),
        (["run", "near_three", "--model", "x", "--model", "x=2"], "named twice"),
        (["run", "near_three", "--model", "record:x-1", "--model", "x"], "one run"),
        (["run", "near_three", "--model", "record:x-1"], "found none"),
        (["run", "near_three", "--model", "x", "--base-url", "http://a:secret@b/v1"], "base"),
        (["run", "near_three", "--model", "x", "--base-url", "ftp://b/v1"], "http"),
        (["run", "near_three", "--proposer", "planner"], "needs a model"),
        (
            [*("run", "near_three", "--model", "x", "--max-usd", "1"), "--base-url", "http://h/v1"],
            "none of x",
        ),
        (["run", "near_three", "--max-usd", "-1"], "--max-usd must be above 0"),
        (["run", "near_three", "--ideas", "0"], "--ideas must be above 0"),
        (["run", "near_three", "--calls-in-flight", "0"], "--calls-in-flight must be above 0"),
        (["run", "near_three", "--max-usd", "inf"], "--max-usd must be above 0, and finite"),
        (["run", "near_three", "--call-timeout", "nan"], "--call-timeout must be above 0"),
        (["run", "near_three", "--max-tokens", "-" + 400 * "9"], "--max-tokens must be above 0"),
        (["run", "near_three", "--model", "x=1e308", "--model", "y=1e308"], "up to 1e+09"),
        (["run", "near_three", "--model", "a\x1b[2Jb"], "must be printable"),
        (["run", "near_three", "--model", "a\udcffb"], "must be printable"),
        (
            ["run", "near_three", "--model", "x", "--strong-model", "a\nb"],
            "--strong-model must be printable",
        ),
        (
            ["run", "near_three", "--model", "x", "--temperature", "nan"],
            "--temperature must be finite",
        ),
        (
            ["run", "near_three", "--model", "x", "--reasoning-effort", "\udcff"],
            "--reasoning-effort must be printable",
        ),
        (["run", "near_three", "--model", "gpt-5", "--prices", "nowhere.toml"], "cannot be read"),
        (["run", "--resume", "nothing-1"], "found none"),
        (["run", "near_three", "--resume", "x-1"], "TASK cannot be given with --resume"),
        (["run", "--resume", "x-1", "--seed", "1"], "--seed cannot be given with --resume"),
    ],
)
def test_bad_input_is_an_error_of_one_kind(
    task: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = adrs(tmp_path, *arguments, "--json")
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    assert words in done.err
    failed = summary_of(done)
    assert failed["exit_status"] == 2
    assert words in failed["error"]


def test_on_a_terminal_it_is_drawn(task: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [*ADRS, "run", "near_three", "--trials", "8", *PROCESS],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the terminal is gone when its last user is
                break
            drawn += piece
            if not piece:
                break
        assert process.wait(timeout=60) == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.decode())
    for words in ("searching", "8/8", "proposers", "against", "━━━━", "adrs run --resume"):
        assert words in text
    assert text.rstrip().splitlines()[-1].strip().endswith("search on")


def test_a_search_without_a_model_loads_nothing_that_only_models_need(
    task: Path, tmp_path: Path
) -> None:
    code = (
        "import atexit, sys; from adrs.cli import main; "
        "atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr)); main()"
    )
    arguments = ["run", str(task), "--proposer", "tune", "--trials", "2", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--store", str(tmp_path / "store")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"] == 2
    loaded = set(done.stderr.splitlines()[-1].split())
    assert {"adrs.search.run", "adrs_agents.tune"} <= loaded
    heavy = {"openai", "langgraph", "langchain_core", "langsmith", "jinja2", "mcp", "httpx"}
    assert not heavy & loaded
