"""`adrs store gc` and what `adrs doctor` tells of a sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.cli import shipyard
from unit.cli.door import adrs
from unit.cli.shipyard import Yard


@pytest.fixture
def yard(monkeypatch: pytest.MonkeyPatch) -> Yard:
    return shipyard.install(monkeypatch)


def test_left_overs_are_removed_and_said(yard: Yard, tmp_path: Path) -> None:
    yard.left = ("container 5eed of process 7", "folder \x1b[2J/tmp/x")
    yard.unused = ("image with numpy",)
    done = adrs(tmp_path, "store", "gc")
    assert (done.code, done.err) == (0, "")
    assert done.out == "container 5eed of process 7\nfolder \\x1b[2J/tmp/x\n"
    found = json.loads(adrs(tmp_path, "store", "gc", "--environments", "--json").out)
    assert found == {"removed": [*yard.left, *yard.unused], "unavailable": {}}
    assert list(tmp_path.iterdir()) == [], "it has no need of a store"


def test_nothing_left_over_is_said(yard: Yard, tmp_path: Path) -> None:
    assert adrs(tmp_path, "store", "gc").out == "nothing was left over\n"
    done = adrs(tmp_path, "store", "gc", "--json")
    assert json.loads(done.out) == {"removed": [], "unavailable": {}}
    assert done.err == "nothing was left over\n"


def test_a_sandbox_that_is_unavailable_is_no_fault(yard: Yard, tmp_path: Path) -> None:
    yard.unavailable = "no engine answers;\nstart one"
    done = adrs(tmp_path, "store", "gc")
    assert done.code == 0
    assert "shipyard was not looked at: no engine answers; start one\n" in done.out
    found = json.loads(adrs(tmp_path, "store", "gc", "--json").out)
    assert found == {"removed": [], "unavailable": {"shipyard": yard.unavailable}}


def test_a_doctor_tells_all_that_was_found_out(yard: Yard, tmp_path: Path) -> None:
    shown = adrs(tmp_path, "doctor").out
    assert "  engine      20.10\\x1b[2J\n" in shown
    [found] = json.loads(adrs(tmp_path, "doctor", "--json").out)["sandboxes"]
    assert found["facts"] == {"engine": "20.10\x1b[2J", "storage": "overlay2"}
