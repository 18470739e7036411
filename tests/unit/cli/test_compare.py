"""Two runs side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.cli.conftest import HOSTILE, make_task
from unit.cli.door import adrs as command
from unit.trust.winner import make_task as another_task
from unit.trust.winner import record_winner

import adrs


def record(
    folder: Path, task: adrs.Task, *, trials: int, scores: list[float], **place: Any
) -> None:
    """A run whose trials have these scores, the seed's first."""
    store = adrs.open_store(folder / ".adrs")
    run = store.create_run(task, adrs.RunSettings(str(task.folder), trials, seed=trials)).name
    isolation = adrs.Isolation("fake", adrs.IsolationLevel.SEPARATE, {}, {})
    described = {"cpu": "slow", "cores": 2, "root": {"numpy": "2.4.1"}, "adrs": "0.1.0", **place}
    digest = store.keep_fingerprint(described)
    facts: list[adrs.Fact] = []
    for number, score in enumerate(scores):
        program = task.seed.replacing({"main.py": f"cost = {score}".encode()})
        lineage = adrs.Lineage("tune" if number else "seed", "1", (0,) if number else ())
        samples = tuple(
            adrs.Sample(f"w{at}", f"w{at}", 0, adrs.Status.SCORED, {"cost_usd": score})
            for at in range(3)
        )
        measured = adrs.Evaluation(
            adrs.Split.TRAIN, adrs.Status.SCORED, samples, "set", isolation, fingerprint=digest
        )
        facts.append(adrs.Asked(number, adrs.Trial(number, adrs.Candidate(program, lineage))))
        facts.append(adrs.Measured(number, measured))
        facts.append(adrs.Told(number, adrs.Score(score), adrs.Admission(True, "better")))
    store.append(run, facts)
    store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    task = adrs.load_task(make_task(tmp_path))
    record(tmp_path, task, trials=3, scores=[200.0, 100.5, 150.0, 100.0])
    place = {"cpu": f"fast{HOSTILE}", "root": {"numpy": "2.4.2"}}
    record(tmp_path, task, trials=5, scores=[200.0, 120.0], **place)
    return tmp_path


def compared(folder: Path, *runs: str) -> dict[str, Any]:
    done = command(folder, "compare", *runs, "--json")
    assert (done.code, done.err) == (0, ""), done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_figures_settings_and_surroundings_side_by_side(folder: Path) -> None:
    found = compared(folder, "toy-1", "toy-2")
    one, two = found["runs"]
    assert (one["best"]["objective"]["value"], two["best"]["objective"]["value"]) == (100, 120)
    assert (one["trials_until_near"], two["trials_until_near"]) == (1, 1)
    assert one["curve"] == [[0, 200.0], [1, 100.5], [3, 100.0]]
    assert found["same_task"] is True
    assert found["remarks"] == []
    assert found["settings"] == {"trials": [3, 5], "seed": [3, 5]}
    assert [one["what"] for one in found["surroundings"]] == ["CPU model", "installed numpy"]
    assert found["surroundings"][1]["values"] == ["2.4.1", "2.4.2"]


def test_people_see_the_same_and_untrusted_text_has_no_power(folder: Path) -> None:
    done = command(folder, "compare", "toy-1", "toy-2")
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    for expected in (
        "run toy-1 toy-2",
        "trials 3 1",
        "within 1 % of best after 1 trials after 1 trials",
        "is 50.0 % better 40.0 % better",
        "installed numpy 2.4.1 2.4.2",
    ):
        assert expected in lines
    assert "cores" not in done.out
    assert not set(done.out) & {"\x1b", "\x07", "\u202e"}


def test_a_task_that_was_changed_in_between_is_named(folder: Path) -> None:
    (folder / "toy/judge.py").write_text("# stricter")
    record(folder, adrs.load_task(folder / "toy"), trials=3, scores=[200.0])
    found = compared(folder, "toy-1", "toy-3")
    assert found["same_task"] is False
    assert found["remarks"][0].startswith("the task was changed between these runs (judge.py)")


def test_runs_of_different_tasks_are_shown_and_said_not_to_be_comparable(folder: Path) -> None:
    task = another_task(folder / "other")
    record_winner(
        folder / ".adrs", replace(task, brief=replace(task.brief, name="b"))
    ).store.close()
    assert "figures cannot be compared" in compared(folder, "toy-1", "b-1")["remarks"][0]
    assert "figures cannot be compared" in command(folder, "compare", "toy-1", "b-1").out


@pytest.mark.parametrize("runs", [["toy-1"], ["toy-1", "toy-1"], ["toy-1", "toy-9"]])
def test_what_cannot_be_compared_is_said(folder: Path, runs: list[str]) -> None:
    done = command(folder, "compare", *runs)
    assert done.code == 2
    assert "runs" in done.err


def test_a_run_that_found_nothing_yet(folder: Path) -> None:
    record(folder, adrs.load_task(folder / "toy"), trials=3, scores=[])
    assert compared(folder, "toy-1", "toy-3")["runs"][1]["best"] is None
    assert command(folder, "compare", "toy-1", "toy-3").code == 0


def test_a_terminal_gets_curves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = command(folder, "compare", "toy-1", "toy-2")
    assert done.code == 0, done.err
    assert "\u2809" in done.out or any("\u2800" < one <= "\u28ff" for one in done.out)
