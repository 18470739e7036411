"""A stranger's package: in by the same doors, with what is broken about it shown and harmless."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end.packages import Site

from adrs import Verdict

SOURCE = Path(__file__).parents[1] / "third_party_plugin"
QUICK = "not Terse and (Halve or turns or claims or choose)"
MINE = {
    ("adrs.evaluators", "tour"),
    ("adrs.proposers", "halve"),
    ("adrs.sandboxes", "terse"),
    ("adrs.tasks", "stranger-order"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("stranger"))
    made.install(SOURCE)
    return made


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_it_uses_the_public_door_alone() -> None:
    used = {name for file in SOURCE.rglob("*.py") for name in imported(file)}
    assert "adrs" in used
    ours = {name for name in used if name.split(".")[0] == "adrs"}
    assert ours <= {"adrs", "adrs.judging", "adrs.testing"}
    assert not {name for name in used if name.startswith(("adrs_agents", "adrs_sandboxes"))}


def test_what_it_has_is_listed_with_where_it_is_from(site: Site, tmp_path: Path) -> None:
    status, found = site.adrs("plugins", cwd=tmp_path)
    assert status == 1
    mine = [one for one in found["plugins"] if one["distribution"] == "adrs-stranger"]
    whole = [one for one in mine if not one["error"]]
    assert {(one["group"], one["name"]) for one in whole} == MINE
    for one in whole:
        assert one["version"] == "2.3"
        assert Path(one["place"]).is_relative_to(site.packages / "adrs_stranger")
        assert Path(one["place"]).exists()


def test_what_is_broken_says_why_and_what_to_do(site: Site, tmp_path: Path) -> None:
    _, found = site.adrs("plugins", cwd=tmp_path)
    broken = {one["name"]: one["error"] for one in found["plugins"] if one["error"]}
    assert broken.keys() == {"mislaid", "stranger-draft"}
    assert "No module named 'a_library_that_nobody_installed'" in broken["mislaid"]
    assert "reinstall or remove adrs-stranger" in broken["mislaid"]
    assert "[task] needs 'title'" in broken["stranger-draft"]
    status, said = site.adrs("run", "stranger-order", "--sandbox", "mislaid", cwd=tmp_path)
    assert status == 2
    assert "a_library_that_nobody_installed" in said["error"]


def test_a_search_with_nothing_but_its_own(site: Site, tmp_path: Path) -> None:
    chosen = ("--proposer", "halve", "--sandbox", "terse")
    status, found = site.adrs("run", "stranger-order", *chosen, "--trials", "12", cwd=tmp_path)
    assert status == 0
    assert found["trials"] == 12
    assert found["isolation"]["sandbox"] == "terse"
    assert found["held_out"]["verdict"] == Verdict.WINNER


def test_evaluator_and_proposer_hold_their_contracts(site: Site) -> None:
    assert "passed" in site.pytest("contracts.py", "-k", QUICK, cwd=SOURCE)


@pytest.mark.slow
def test_all_hold_their_contracts(site: Site) -> None:
    assert "passed" in site.pytest("contracts.py", cwd=SOURCE)
