"""`adrs plugins`: what is installed, from where, and what of it is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.cli.door import adrs
from unit.test_plugins import install

import adrs as library
from adrs.plugins import Plugin, place_of

TASK_TOML = """
[task]
name = "queue"
title = "Serve"
[program]
editable = ["*.py"]
entry = "policy"
[objective]
metric = "p99"
[[metric]]
name = "p99"
direction = "minimize"
unit = "ms"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def listed(folder: Path) -> tuple[int, dict[str, dict[str, str]]]:
    done = adrs(folder, "plugins", "--json")
    found = json.loads(done.out)
    assert found["ok"] == (done.code == 0)
    return done.code, {one["name"]: one for one in found["plugins"]}


def test_ours_are_whole_and_say_where_they_are(tmp_path: Path) -> None:
    code, found = listed(tmp_path)
    assert code == 0
    assert found["greedy"]["place"] == str(Path(library.__file__).parent / "archives/__init__.py")
    assert found["judge"]["distribution"] == "adrs-lab"
    assert all(Path(one["place"]).exists() for one in found.values())
    done = adrs(tmp_path, "plugins")
    assert done.code == 0
    assert "broken" not in done.out


def test_what_is_broken_is_said_and_is_a_fault(site: Path, tmp_path: Path) -> None:
    install(
        site,
        "cages",
        "[adrs.sandboxes]\ncage = cages_p:Cage\nlost = cages_absent.deep:Cage\n",
        cages_p="import no_such_library",
    )
    code, found = listed(tmp_path)
    assert code == 1
    assert "No module named 'no_such_library'; reinstall or remove cages" in found["cage"]["error"]
    assert found["cage"]["place"] == str(site / "cages_p.py")
    assert found["lost"]["place"] is None
    assert found["bubblewrap"]["error"] == ""
    done = adrs(tmp_path, "plugins")
    assert done.code == 1
    assert "sandboxes cage is broken" in done.out
    assert "no_such_library" in done.out
    assert str(site) in done.out


def test_a_plug_in_that_leaves_does_not_take_the_command_along(site: Path, tmp_path: Path) -> None:
    install(site, "leavers", "[adrs.sandboxes]\nleaver = leavers_a:X\n", leavers_a="exit('bye')")
    code, found = listed(tmp_path)
    assert code == 1
    assert "SystemExit: bye" in found["leaver"]["error"]


def test_a_task_is_read(site: Path, tmp_path: Path) -> None:
    install(site, "queues", "[adrs.tasks]\nqueue = queues_p.queue\n")
    folder = site / "queues_p" / "queue"
    (folder / "program").mkdir(parents=True)
    (folder / "README.md").write_text("Serve.")
    (folder / "program" / "policy.py").write_text("")
    (folder / "task.toml").write_text(TASK_TOML)
    code, found = listed(tmp_path)
    assert code == 1
    assert "has no judge.py" in found["queue"]["error"]
    assert "remove queues" in found["queue"]["error"]
    assert found["queue"]["place"] == str(folder)
    (folder / "judge.py").write_text("")
    code, found = listed(tmp_path)
    assert code == 0
    assert found["queue"]["error"] == ""


def test_what_strangers_wrote_has_no_power(site: Path, tmp_path: Path) -> None:
    hostile = "raise RuntimeError('\\x1b[2J\\n[red]x[/red] \\u202e' + 'y' * 9999)"
    install(site, "cages", "[adrs.sandboxes]\ncage = cages_q:Cage\n", cages_q=hostile)
    out = adrs(tmp_path, "plugins").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[red]x[/red]" in out
    assert len(out) < 9000


@pytest.mark.parametrize("value", ["", ":", "...", "no such module", ".relative:X", "json.no:X"])
def test_a_place_of_nonsense_is_none(value: str) -> None:
    assert place_of(Plugin("adrs.sandboxes", "x", value, "y", "1")) is None


def test_a_place_is_found_without_importing(site: Path) -> None:
    package = site / "quiet_p"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "inner.py").write_text("raise SystemExit('imported')")
    found = place_of(Plugin("adrs.sandboxes", "x", "quiet_p.inner:X", "y", "1"))
    assert found == package / "inner.py"
