"""What `adrs new` makes works as it is: installed, tested by its own tests, searched with."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from end_to_end.packages import Site
from unit.cli.door import adrs

from adrs import Verdict

QUICK_OF_A_SANDBOX = "probe or reports or finds_its_files or stop_ends or more_memory or installed"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "prefix")


def made(folder: Path, *arguments: str) -> Path:
    done = adrs(folder, "new", *arguments)
    assert done.code == 0, done.err
    return folder / arguments[1]


def plugged_in(site: Site, folder: Path, name: str) -> dict[str, Any]:
    status, found = site.adrs("plugins", cwd=folder)
    assert status == 0, found
    [mine] = [one for one in found["plugins"] if one["name"] == name]
    assert mine["error"] == ""
    assert mine["version"] == "0.1.0"
    return mine


def test_a_task_is_searched_at_once(tmp_path: Path, site: Site) -> None:
    made(tmp_path, "task", "tidy")
    status, found = site.adrs("run", "tidy", "--trials", "30", cwd=tmp_path)
    assert status == 0
    assert found["held_out"]["verdict"] == Verdict.WINNER
    assert found["held_out"]["units"] >= 20
    assert found["wall_s"] < 120


@pytest.mark.slow
def test_a_task_passes_the_check(tmp_path: Path, site: Site) -> None:
    made(tmp_path, "task", "tidy")
    status, found = site.adrs("check", "tidy", cwd=tmp_path)
    assert status == 0, found


@pytest.mark.slow
@pytest.mark.parametrize("editable", [False, True])
def test_a_task_as_a_package(tmp_path: Path, site: Site, editable: bool) -> None:
    folder = made(tmp_path, "task", "tidy-up", "--package")
    site.install(folder, editable=editable)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mine = plugged_in(site, elsewhere, "tidy-up")
    place = Path(mine["place"])
    assert place == (folder / "tidy-up" if editable else site.packages / "adrs_task_tidy_up")
    assert "passed" in site.pytest(cwd=folder)
    status, found = site.adrs("run", "tidy-up", "--trials", "5", cwd=elsewhere)
    assert status == 0
    assert found["task"] == "tidy-up"


def test_a_proposer(tmp_path: Path, site: Site) -> None:
    folder = made(tmp_path, "proposer", "tidy")
    site.install(folder)
    assert plugged_in(site, tmp_path, "tidy")["group"] == "adrs.proposers"
    assert "passed" in site.pytest(cwd=folder)


def test_what_it_makes_is_used_by_a_search(tmp_path: Path, site: Site) -> None:
    for kind in ("proposer", "sandbox"):
        (tmp_path / kind).mkdir()
        site.install(made(tmp_path / kind, kind, "tidy"))
    made(tmp_path, "task", "retry")
    chosen = ("--proposer", "tidy", "--sandbox", "tidy")
    status, found = site.adrs("run", "retry", *chosen, "--trials", "10", cwd=tmp_path)
    assert status == 0
    assert found["isolation"]["sandbox"] == "tidy"
    assert "at most 512 MiB" in found["isolation"]["enforced"]["memory"]
    assert found["trials"] == 10


def test_an_evaluator(tmp_path: Path, site: Site) -> None:
    folder = made(tmp_path, "evaluator", "tidy")
    site.install(folder)
    assert plugged_in(site, tmp_path, "tidy")["group"] == "adrs.evaluators"
    # One worker: with two the order of tells is the clock's, and 30 trials may find little.
    search = ("run", "tests/task", "--trials", "30", "--workers", "1")
    status, found = site.adrs(*search, cwd=folder)
    assert status == 0
    assert found["held_out"]["verdict"] == Verdict.WINNER


@pytest.mark.slow
def test_an_evaluator_passes_its_own_tests(tmp_path: Path, site: Site) -> None:
    folder = made(tmp_path, "evaluator", "tidy")
    site.install(folder)
    assert "passed" in site.pytest(cwd=folder)


@pytest.mark.slow
def test_a_sandbox(tmp_path: Path, site: Site) -> None:
    folder = made(tmp_path, "sandbox", "tidy")
    site.install(folder)
    assert plugged_in(site, tmp_path, "tidy")["group"] == "adrs.sandboxes"
    assert "passed" in site.pytest("-k", QUICK_OF_A_SANDBOX, cwd=folder)


@pytest.mark.slow
def test_a_sandbox_passes_all_of_its_own_tests(tmp_path: Path, site: Site) -> None:
    folder = made(tmp_path, "sandbox", "tidy")
    site.install(folder)
    assert "passed" in site.pytest(cwd=folder)


@pytest.mark.slow
def test_a_project_is_checked_and_searched(tmp_path: Path, site: Site) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert adrs(tmp_path, "init", "--task", "tidy").code == 0
    status, found = site.adrs("check", "tasks/tidy", cwd=tmp_path)
    assert status == 0, found
    status, found = site.adrs("run", "tasks/tidy", "--trials", "30", cwd=tmp_path)
    assert found["held_out"]["verdict"] == Verdict.WINNER
    changed = ["git", "status", "--porcelain", "--untracked-files=all"]
    listed = subprocess.run(changed, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ".adrs" not in listed.stdout
    assert "tasks/tidy/judge.py" in listed.stdout
