"""kill -9 while a lineage is written: what is left is never wrong, and is completed later."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from unit.store.lineage_runs import a_run, branches, lineage_at, tell_many

from adrs import open_store
from adrs.errors import Unavailable

WRITER = """
import sys
from pathlib import Path
from adrs import open_store
from unit.store.lineage_runs import lineage_at, tell_many

folder, run = Path(sys.argv[1]), sys.argv[2]
store, lineage = open_store(folder), lineage_at(folder)
told = store.run(run).told
print("ready", flush=True)
while True:
    tell_many(store, run, range(told, told + 7))
    told += 7
    lineage.catch_up(run)
"""
TESTS = Path(__file__).parents[2]


def is_whole(folder: Path, run: str) -> None:
    """It has no fault, and once it is caught up it is what a new one would be."""
    lineage = lineage_at(folder)
    assert lineage.faults() == []
    lineage.catch_up(run)
    assert lineage.faults() == []
    found = branches(lineage.folder)
    shutil.rmtree(lineage.folder)
    lineage.catch_up(run)
    assert branches(lineage.folder) == found
    lineage.close()


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_process_that_is_killed_leaves_nothing_wrong(tmp_path: Path, kills: int) -> None:
    store = open_store(tmp_path)
    run = a_run(store)
    moments = random.Random()
    for _ in range(kills):
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        command = [sys.executable, "-c", WRITER, str(tmp_path), run]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.25))
            process.send_signal(signal.SIGKILL)
        lineage = lineage_at(tmp_path)
        assert lineage.faults() == []
        lineage.close()
    assert store.run(run).told > 0
    store.close()
    is_whole(tmp_path, run)


@pytest.mark.parametrize("follows", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_git_that_is_killed_leaves_nothing_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follows: int
) -> None:
    real = shutil.which("git")
    fatal = tmp_path / "bin/git"
    fatal.parent.mkdir()
    fatal.write_text(f'#!/bin/sh\nexec timeout -s KILL "$LONGEST_S" {real} "$@"\n')
    fatal.chmod(0o755)
    store = open_store(tmp_path)
    run = a_run(store)
    lineage = lineage_at(tmp_path)
    moments = random.Random()
    failed: list[str] = []
    with monkeypatch.context() as dangerous:
        dangerous.setenv("PATH", f"{fatal.parent}{os.pathsep}{os.environ['PATH']}")
        for told in range(0, 10 * follows, 10):
            longest = moments.uniform(0.001, moments.choice([0.006, 0.02, 0.3]))
            dangerous.setenv("LONGEST_S", f"{longest:.4f}")
            tell_many(store, run, range(told, told + 10))
            try:
                lineage.follow(run)
            except Unavailable as error:
                failed.append(str(error))
    assert failed
    assert all("failed (137)" in words or "failed (-9)" in words for words in failed), failed
    lineage.close()
    store.close()
    is_whole(tmp_path, run)
