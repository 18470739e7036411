"""What works on this machine, what is plugged in, what is in effect, and what a bug looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.cli.conftest import make_task
from unit.cli.door import adrs

from adrs import NEEDED_FOR_WINNER, IsolationLevel, Probe
from adrs.cli.doctor import good_enough

HOLDS = dict.fromkeys(NEEDED_FOR_WINNER, "by trying")


def test_good_enough_is_what_a_winner_needs() -> None:
    separate = IsolationLevel.SEPARATE
    assert good_enough(Probe("s", separate, HOLDS, {}))
    assert not good_enough(Probe("s", separate, HOLDS, {}, "no kernel"))
    assert not good_enough(Probe("s", IsolationLevel.PROCESS, HOLDS, {}))
    for lacking in HOLDS:
        held = {guarantee: how for guarantee, how in HOLDS.items() if guarantee != lacking}
        assert not good_enough(Probe("s", separate, held, {lacking: "why"}))


def test_doctor_tries_every_sandbox_and_makes_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADRS_SECRET", "not to be seen")
    done = adrs(tmp_path, "doctor", "--json")
    found = json.loads(done.out)
    assert done.code == (0 if found["ok"] else 1)
    assert {"bubblewrap", "process"} <= {one["sandbox"] for one in found["sandboxes"]}
    assert found["ok"] == any(one["good_enough"] for one in found["sandboxes"])
    assert "ADRS_SECRET" in found["variables"]
    assert "not to be seen" not in done.out
    assert list(tmp_path.iterdir()) == []


def test_doctor_fails_where_no_result_could_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_good() -> list[Probe]:
        held, lacking = NEEDED_FOR_WINNER[0], NEEDED_FOR_WINNER[1]
        probe = Probe("walls", IsolationLevel.SEPARATE, {held: "so"}, {lacking: "install \x1bit"})
        return [probe, Probe("gone", IsolationLevel.SEPARATE, {}, {}, "not here; get it")]

    monkeypatch.setattr("adrs.cli.doctor._probes", none_good)
    done = adrs(tmp_path, "doctor")
    assert done.code == 1
    for words in (
        "not enough for a WINNER",
        "install \\x1bit",
        "gone  not here; get it",
        "no sandbox",
    ):
        assert words in done.out


def test_plugins(tmp_path: Path) -> None:
    found = json.loads(adrs(tmp_path, "plugins", "--json").out)["plugins"]
    names = {(one["group"], one["name"]): one["error"] for one in found}
    assert names["adrs.proposers", "tune"] == ""
    assert names["adrs.archives", "greedy"] == ""
    assert "greedy" in adrs(tmp_path, "plugins").out


def test_config_shows_what_a_run_would_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADRS_STORE", "elsewhere")
    task = make_task(tmp_path)
    words = adrs(tmp_path, "config", "show", "toy").out
    for expected in (
        "trials            200",
        "elsewhere (ADRS_STORE)",
        str(task),
        "minimize cost_usd",
    ):
        assert expected in words
    found = json.loads(adrs(tmp_path, "config", "show", "toy", "--json").out)
    assert found["settings"]["proposers"] == ["tune", "mutate", "cross"]
    assert found["task"]["generator"] == {"spread": [1.0, 2.0]}
    assert adrs(tmp_path, "config", "show", "nowhere").code == 2
    assert "task" not in json.loads(adrs(tmp_path, "config", "show", "--json").out)


def test_only_a_bug_shows_a_traceback(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("adrs.cli._looking.run_named", broken)
    done = adrs(recorded, "status", "--json")
    assert done.code == 70
    assert "Traceback" in done.err
    assert "error: this is a bug in ADRS, please report it: ZeroDivisionError: ours" in done.err
    assert json.loads(done.out)["exit_status"] == 70
