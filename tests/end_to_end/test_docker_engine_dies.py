"""An engine that dies, and an adrs that dies: what was accepted stays, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from end_to_end.private_engine import PrivateEngine
from end_to_end.test_cli_run import ADRS, make_task, wait_for_trials

import adrs

TRIALS = 60


@pytest.fixture
def engine() -> Iterator[PrivateEngine]:
    made = PrivateEngine(Path(tempfile.mkdtemp(prefix="adrs-engine-", dir="/tmp")))
    made.start()
    yield made
    made.close()


class Searches:
    """Commands of adrs that use an engine, in a folder."""

    def __init__(self, folder: Path, engine: PrivateEngine) -> None:
        self.folder = folder
        self._environment = {**os.environ, "DOCKER_HOST": engine.address}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*ADRS, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trials(self) -> list[adrs.Trial]:
        with closing(adrs.open_store(self.folder / ".adrs")) as store:
            [run] = store.runs()
            return [trial for trial in store.trials(run.name) if trial.admission is not None]


@contextmanager
def search(folder: Path, engine: PrivateEngine) -> Iterator[tuple[Searches, subprocess.Popen[str]]]:
    """A search that has told a few trials and goes on; not beyond the test."""
    task = make_task(folder, pause_s=0.02)
    searches = Searches(folder, engine)
    begun = searches.start(
        *("run", str(task), "--sandbox", "docker", "--trials", str(TRIALS)),
        *("--workers", "1", "--seed", "3", "--json"),
    )
    try:
        wait_for_trials(folder, 4)
        yield searches, begun
    finally:
        begun.kill()
        begun.communicate(timeout=30)


def finished(searches: Searches, process: subprocess.Popen[str]) -> dict[str, Any]:
    """The summary of a run that ends, after being resumed if it had to be."""
    out, err = process.communicate(timeout=120)
    if process.returncode == 3:
        assert "docker" in err.lower()
        assert "--resume" in err
        process = searches.start("run", "--resume", json.loads(out)["run"], "--json")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    summary: dict[str, Any] = json.loads(out.splitlines()[-1])
    return summary


@pytest.mark.slow
@pytest.mark.parametrize("dies", ["engine", "engine with its containers"])
def test_engine_killed_in_mid_run(tmp_path: Path, engine: PrivateEngine, dies: str) -> None:
    with search(tmp_path, engine) as (searches, process):
        if dies == "engine":
            engine.kill()
        else:
            engine.kill_with_all()
        accepted = [(trial.number, trial.program.id) for trial in searches.trials()]
        time.sleep(1.0)
        engine.start()
        summary = finished(searches, process)
        assert (summary["status"], summary["trials"]) == ("finished", TRIALS)
        assert set(summary["by_status"]) == {"SCORED"}, "an engine's death was blamed on a program"
        trials = [(trial.number, trial.program.id) for trial in searches.trials()]
        assert trials[: len(accepted)] == accepted


@pytest.mark.slow
def test_engine_that_stays_dead_ends_the_run(tmp_path: Path, engine: PrivateEngine) -> None:
    with search(tmp_path, engine) as (searches, process):
        engine.kill_with_all()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert "no container engine answers" in err
        assert json.loads(out.splitlines()[-1])["status"] == "unavailable"
        assert {trial.status for trial in searches.trials()} == {adrs.Status.SCORED}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["killed", "killed with a container that does not notice"])
def test_killed_adrs_leaves_no_container(tmp_path: Path, engine: PrivateEngine, way: str) -> None:
    with search(tmp_path, engine) as (searches, process):
        assert engine.containers()
        if way != "killed":
            _stop_all_containers(engine)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        sweep = searches.start("store", "gc")
        out, err = sweep.communicate(timeout=60)
        assert sweep.returncode == 0, err
        assert engine.containers() == []
        if way != "killed":
            assert "of a run that was killed" in out


def _stop_all_containers(engine: PrivateEngine) -> None:
    """As a debugger or a machine without memory might: they notice nothing any more."""
    from docker import APIClient

    client = APIClient(engine.address, version="auto")
    for container in engine.containers():
        client.pause(container)
    client.close()
