"""What an environment lacks is built before anything is measured, never unannounced or unasked."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path

import pytest
from unit.cli import shipyard
from unit.cli.conftest import make_task
from unit.cli.door import Ended, adrs
from unit.cli.shipyard import Yard

MORE = """
[evaluator]
use = "costs"
deterministic = true
[environment]
python = ["numpy"]
"""
IMAGE = "an image with numpy==2.4.1"
RUN = ("run", "toy", "--sandbox", "shipyard", "--trials", "6", "--proposer", "tune")


@pytest.fixture
def yard(monkeypatch: pytest.MonkeyPatch) -> Yard:
    return shipyard.install(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    file = make_task(tmp_path) / "task.toml"
    file.write_text(file.read_text() + MORE)
    return tmp_path


@pytest.fixture
def searched(yard: Yard, folder: Path) -> Path:
    """A folder with a run whose environment lacked nothing."""
    done = run(folder)
    assert done.code == 0, done.err
    assert json.loads(done.out)["held_out"]["verdict"] == "WINNER"
    assert yard.built == []
    return folder


def run(folder: Path, *options: str) -> Ended:
    return adrs(folder, *RUN, "--workers", "1", *options, "--json")


def refused(done: Ended) -> str:
    """How it ended that nothing may be built; what the command said."""
    assert done.code == 3
    assert f"would have to be built first: {IMAGE}; leave --no-build out" in done.err
    assert "Traceback" not in done.err
    return done.err


def test_a_search_says_what_it_builds_before_it_does(yard: Yard, folder: Path) -> None:
    yard.lacks = IMAGE
    yard.prints = ("  step 1: \x1b[2J\u202e" + "x" * 5000, *["flood"] * 1000)
    done = run(folder)
    assert done.code == 0, done.err
    assert f"building {IMAGE}" in yard.told_before
    assert "opening sandboxes" not in yard.told_before
    assert [environment.python for environment in yard.built] == [("numpy",)]
    words = [line[9:].strip() for line in done.err.splitlines()]
    first = words.index(f"building {IMAGE}")
    progress, after = words[first + 1 : first + 3]
    assert progress.startswith("building: step 1: \\x1b[2J\\u202exxx")
    assert len(progress) < 150
    assert after == "opening sandboxes", "a flood is not passed on"
    assert not set(done.err) & {"\x1b", "\u202e"}
    assert done.out.count("\n") == 1


def test_a_terminal_shows_it_before_it_begins(
    yard: Yard, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    yard.lacks = IMAGE
    assert adrs(folder, *RUN).code == 0
    assert f"building {IMAGE}" in yard.told_before
    assert "best" in yard.told_before, "this is not the live view"


def test_a_search_that_may_not_build_leaves_no_run(yard: Yard, folder: Path) -> None:
    yard.lacks = IMAGE
    done = run(folder, "--no-build")
    refused(done)
    assert json.loads(done.out)["exit_status"] == 3
    assert yard.built == []
    assert adrs(folder, "runs").out.splitlines()[1:] == []
    assert run(folder).code == 0


def test_nothing_lacking_needs_no_leave(yard: Yard, folder: Path) -> None:
    assert run(folder, "--no-build").code == 0
    assert yard.built == []


def test_a_run_that_goes_on_asks_again(yard: Yard, searched: Path) -> None:
    yard.lacks = IMAGE
    go_on = ("run", "--resume", "toy-1", "--trials", "8", "--json")
    done = adrs(searched, *go_on, "--no-build")
    refused(done)
    assert json.loads(done.out)["trials"] == 6
    assert yard.built == []
    done = adrs(searched, *go_on)
    assert done.code == 0
    assert json.loads(done.out)["trials"] == 8
    assert len(yard.built) == 1


def test_a_build_that_fails_stops_the_search(yard: Yard, folder: Path) -> None:
    yard.lacks, yard.breaks = IMAGE, "no wheel of numpy for Python 3.11\x1b[2J; name another"
    done = run(folder)
    assert done.code == 3
    assert "error: no wheel of numpy for Python 3.11\\x1b[2J; name another" in done.err
    assert adrs(folder, "runs").out.splitlines()[1:] == []


@pytest.mark.parametrize("command", [RUN, ("check", "toy", "--sandbox", "shipyard")])
def test_a_build_can_be_given_up(yard: Yard, folder: Path, command: tuple[str, ...]) -> None:
    yard.lacks, yard.interrupted = IMAGE, True
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert adrs(folder, *command).code == 130
    finally:  # a command that was interrupted is about to end, and hears no other signal
        for one, handler in before.items():
            signal.signal(one, handler)
    assert yard.built == []


def test_a_check_builds_first(yard: Yard, folder: Path) -> None:
    yard.lacks = IMAGE
    arguments = ("check", "toy", "--sandbox", "shipyard")
    assert refused(adrs(folder, *arguments, "--no-build"))
    assert yard.built == []
    done = adrs(folder, *arguments)
    assert done.code in (0, 1), done.err
    assert done.out.startswith(f"building {IMAGE}\n")
    assert yard.told_before == f"building {IMAGE}\n"
    assert len(yard.built) == 1


def test_verifying_builds_first(yard: Yard, searched: Path) -> None:
    yard.lacks = IMAGE
    arguments = ("verify", ".adrs/winners", "--task", "toy", "--sandbox", "shipyard", "--json")
    done = adrs(searched, *arguments, "--no-build")
    assert done.code == 3
    [error] = json.loads(done.out)["errors"]
    assert "leave --no-build out" in error["error"]
    assert yard.built == []
    done = adrs(searched, *arguments)
    assert done.code == 0, done.err
    assert yard.told_before == f"building {IMAGE}\n"
    assert len(yard.built) == 1


def test_what_was_installed_is_shown(searched: Path) -> None:
    found = json.loads(adrs(searched, "status", "--json").out)
    assert found["isolation"]["root"] == shipyard.ROOT
    shown = adrs(searched, "show", "1").out
    assert "installed    image: sha256:5eed; packages: numpy 2.4.1\\x1b[2J" in shown
    trial = json.loads(adrs(searched, "show", "1", "--json").out)
    assert trial["evaluations"][0]["isolation"]["root"] == shipyard.ROOT


def test_a_deleted_run_leaves_no_bytes(searched: Path) -> None:
    """Which is why `adrs store gc` has nothing to do in the record."""
    assert adrs(searched, "delete", "toy-1", "--yes").code == 0
    record = sqlite3.connect(searched / ".adrs/store.sqlite")
    assert record.execute("SELECT count(*) FROM blobs").fetchone() == (0,)
    record.close()
