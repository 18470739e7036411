"""The git lineage from the command line, and beside a search."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.cli import shipyard
from unit.cli.conftest import make_task
from unit.cli.door import adrs
from unit.cli.shipyard import Yard
from unit.store.lineage_runs import a_run, branches, git, lineage_at, tell, tell_many

from adrs import Store, open_store
from adrs.search import following
from adrs.search.following import Follower
from adrs.store.lineage import GitLineage

RUN = "toy-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / ".adrs")
    assert a_run(made) == RUN
    tell_many(made, RUN, range(6))
    yield made
    made.close()


@pytest.fixture
def repository(store: Store, tmp_path: Path) -> Path:
    """Made by a first look at it."""
    assert adrs(tmp_path, "lineage", "5").code == 0
    return tmp_path / ".adrs/lineage.git"


@pytest.fixture
def yard(monkeypatch: pytest.MonkeyPatch) -> Yard:
    """`adrs store gc` finds a sandbox that has nothing left."""
    return shipyard.install(monkeypatch)


def plain(folder: Path, *arguments: str) -> dict[str, Any]:
    done = adrs(folder, *arguments, "--json")
    found: dict[str, Any] = json.loads(done.out)
    return found


# --- adrs lineage ----------------------------------------------------------------------------


def test_lineage_names_the_commits(repository: Path, tmp_path: Path) -> None:
    found = plain(tmp_path, "lineage", "5")
    chain = [step["commit"] for step in found["lineage"]]
    assert git(repository, "rev-list", "--first-parent", "--reverse", chain[-1]).split() == chain
    assert (found["repository"], found["unavailable"]) == (str(repository), None)
    header, *rows = adrs(tmp_path, "lineage", "5").out.splitlines()
    assert header.split()[-2:] == ["commit", "plan"]
    assert [row.split()[-3] for row in rows] == [commit[:10] for commit in chain]


def test_lineage_catches_up(repository: Path, store: Store, tmp_path: Path) -> None:
    tell(store, RUN, 6)
    assert plain(tmp_path, "lineage", "6")["lineage"][-1]["commit"]


def test_lineage_goes_without_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = adrs(tmp_path, "lineage", "5")
    assert done.code == 0
    assert done.out.splitlines()[-1].split()[-3] == "-"
    assert "note: no commits are shown: " in done.err
    assert "apt-get install git" in done.err
    assert "apt-get install git" in plain(tmp_path, "lineage", "5")["unavailable"]


# --- adrs store check ------------------------------------------------------------------------


def test_check_finds_a_wrong_commit(repository: Path, tmp_path: Path) -> None:
    assert plain(tmp_path, "store", "check") == {"whole": True, "faults": [], "unchecked": None}
    git(repository, "update-ref", f"refs/heads/{RUN}/best", f"{RUN}/all")
    done = adrs(tmp_path, "store", "check")
    assert done.code == 1
    assert f"{RUN}/best is not where it was" in done.out
    assert "is made again from the record" in done.out
    shutil.rmtree(repository)
    assert adrs(tmp_path, "store", "check").out == "the store is whole\n"
    assert not repository.exists(), "a check makes nothing"


def test_check_says_what_it_could_not_check(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = adrs(tmp_path, "store", "check")
    assert (done.code, done.out) == (0, "the store is whole\n")
    assert "note: the commits were not checked: " in done.err
    assert "apt-get install git" in plain(tmp_path, "store", "check")["unchecked"]


def test_a_damaged_record_is_said_first(repository: Path, store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / ".adrs/store.sqlite") as connection:
        connection.execute("UPDATE blobs SET content = x'00'")
    connection.close()
    done = adrs(tmp_path, "store", "check")
    assert done.code == 1
    assert "holds other bytes than its hash says" in done.out
    assert "lineage.git" not in done.out


# --- adrs delete, adrs store gc --------------------------------------------------------------


def test_delete_removes_the_commits(repository: Path, store: Store, tmp_path: Path) -> None:
    assert adrs(tmp_path, "delete", RUN, "--yes").code == 0
    assert branches(repository) == {}
    assert git(repository, "count-objects", "-v").splitlines()[0] == "count: 0"
    assert git(repository, "cat-file", "--batch-all-objects", "--batch-check") == ""


def test_delete_goes_without_git_and_gc_makes_up_for_it(
    repository: Path, yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        done = adrs(tmp_path, "delete", RUN, "--yes")
        assert done.code == 0
        assert "until the next `adrs store gc`" in done.err
        assert "lineage.git" in plain(tmp_path, "store", "gc")["unavailable"]
    assert branches(repository)
    assert "KiB of lineage.git" in adrs(tmp_path, "store", "gc").out
    assert branches(repository) == {}


def test_gc_without_a_record_leaves_the_commits(
    repository: Path, yard: Yard, tmp_path: Path
) -> None:
    before = branches(repository)
    (tmp_path / ".adrs/store.sqlite").rename(tmp_path / "elsewhere")
    assert "found none" in plain(tmp_path, "store", "gc")["unavailable"]["lineage.git"]
    assert branches(repository) == before


# --- beside a search -------------------------------------------------------------------------


def followed(store: Store, lineage: GitLineage, beside: bool, late: int = 0) -> Follower:
    """A search of six trials, during which the follower has time, and some at its very end."""
    follower = Follower(lineage, RUN, beside)

    async def search() -> None:
        async with follower:
            deadline = time.monotonic() + 10
            while beside and not lineage.exists() and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            assert lineage.exists() is beside
            tell_many(store, RUN, range(6, 6 + late))

    asyncio.run(search())
    return follower


def test_a_search_is_followed_while_it_goes_on_and_to_its_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PERIOD_S", 0.01)
    assert followed(store, lineage_at(tmp_path / ".adrs"), beside=True, late=5).trouble == ""
    assert len(branches(tmp_path / ".adrs/lineage.git")) == 5
    said = git(tmp_path / ".adrs/lineage.git", "log", "-1", "--format=%s", f"{RUN}/all")
    assert said == f"{RUN}: trials told 0 to 10"


def test_timings_are_left_alone_until_the_search_is_over(store: Store, tmp_path: Path) -> None:
    assert followed(store, lineage_at(tmp_path / ".adrs"), beside=False).trouble == ""
    assert branches(tmp_path / ".adrs/lineage.git")


def test_a_search_goes_on_without_git(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PERIOD_S", 0.001)
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        follower = Follower(lineage_at(tmp_path / ".adrs"), RUN, beside=True)

        async def search() -> str:
            async with follower:
                await asyncio.sleep(0.05)
                return "done"

        assert asyncio.run(search()) == "done"
    assert "apt-get install git" in follower.trouble
    assert followed(store, lineage_at(tmp_path / ".adrs"), beside=False).trouble == ""


def test_a_bug_of_ours_does_not_end_a_search(store: Store, tmp_path: Path) -> None:
    class Broken(GitLineage):
        def follow(self, run: str) -> bool:
            raise ZeroDivisionError

    follower = followed(store, Broken(tmp_path / ".adrs/store.sqlite"), beside=False)
    assert follower.trouble == "ZeroDivisionError"


JUDGE = """
from adrs.judging import Workload

def workloads(split, salt, source=None, spread=None):
    return [Workload(f"{split}{salt}{n}", n) for n in range(8)]

async def evaluate(program, workload):
    return {"cost_usd": await program.call("cost") + workload.data}
"""


def test_an_engine_on_the_command_line_is_followed(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    (task / "judge.py").write_text(JUDGE)
    for program in ("program", "references/rule"):
        (task / program / "main.py").write_text("def cost():\n    return 40 + 2\n")
    done = adrs(tmp_path, "run", str(task), "--trials", "3", "--sandbox", "process")
    assert done.code == 0, done.err
    repository = tmp_path / ".adrs/lineage.git"
    assert git(repository, "log", "-1", "--format=%s", f"{RUN}/best").startswith(f"{RUN}/")
    assert len(git(repository, "rev-list", f"{RUN}/all").split()) == 5
    assert adrs(tmp_path, "store", "check").out == "the store is whole\n"
