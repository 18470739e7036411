"""Which winners are meant, and whose the task is that judges them."""

from __future__ import annotations

import json
import os
from contextlib import chdir
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from unit.cli.conftest import TASK_TOML, make_task
from unit.cli.door import adrs

from adrs import ConfigError, RunSettings, load_task, new_run, open_store
from adrs.cli._places import local_task, winners_at


def winner_in(folder: Path) -> Path:
    """Something with a certificate, whatever that says."""
    folder.mkdir(parents=True)
    (folder / "certificate.json").write_text("{}")
    return folder


def places(folder: Path, *named: str) -> list[str]:
    with chdir(folder):
        return [winner.place for winner in winners_at(named)]


def test_a_folder_is_searched_for_winners(tmp_path: Path) -> None:
    for place in ("b", "a/deep/er", ".hidden/one"):
        winner_in(tmp_path / place)
    for left_out in (".git", ".venv", "x/node_modules", "y/__pycache__"):
        winner_in(tmp_path / left_out / "winner")
    winner_in(tmp_path / "b/inside")  # belongs to b, which cannot be whole with it
    elsewhere = winner_in(tmp_path.with_name("elsewhere"))
    (tmp_path / "link").symlink_to(elsewhere)
    assert places(tmp_path) == [".hidden/one", "a/deep/er", "b"]
    assert places(tmp_path, "a", "b", "a/deep") == ["a/deep/er", "b"]
    assert places(tmp_path, "link") == ["link"]


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for place, words in {
        "empty": "no winner was found below",
        "file": "is a file",
        "toy-9": "neither a folder nor a run is named toy-9",
    }.items():
        done = adrs(tmp_path, "verify", place, "--junit", "../report.xml")
        assert done.code == 2
        assert words in done.err
        error = ET.parse(tmp_path.with_name("report.xml")).find("testsuite/testcase/error")
        assert error is not None
        assert words in str(error.get("message"))
    assert adrs(tmp_path, "verify").code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


@pytest.mark.parametrize(
    "arguments",
    ["", ". --task ", ". --workloads ", ". --junit ", ". --store ", ". --trusted-keys "],
)
def test_what_the_system_takes_for_no_path_is_said(tmp_path: Path, arguments: str) -> None:
    winner_in(tmp_path / "w")
    done = adrs(tmp_path, "verify", *(arguments + "x" * 5000).split())
    assert done.code == 2
    assert "File name too long" in done.err
    assert "Traceback" not in done.err


def test_a_run_that_ended_otherwise_has_nothing_to_verify(mine: Path) -> None:
    store = open_store(mine / ".adrs")
    task = load_task(mine / "toy")
    run = new_run(store, task, RunSettings(str(task.folder), trials=1)).name
    store.close()
    done = adrs(mine, "verify", run, "--json")
    assert done.code == 2
    assert "has no certificate" in json.loads(done.out)["errors"][0]["error"]
    assert "neither a folder nor a run" in adrs(mine, "verify", "toy-9").err


def test_the_task_is_found_by_name_and_by_what_it_says_itself(tmp_path: Path) -> None:
    winner = winner_in(tmp_path / "w")
    with chdir(tmp_path):
        assert local_task("toy", None, None, winner) is None
        make_task(tmp_path)
        here = local_task("toy", None, None, winner)
        assert here is not None
        assert here.folder == tmp_path / "toy"
        make_task(tmp_path / "tasks")
        first = local_task("toy", None, None, winner)
        assert first is not None
        assert first.folder == tmp_path / "tasks/toy"
        named = load_task(make_task(tmp_path / "named"))
        assert local_task("toy", named, None, winner) is named
        with pytest.raises(ConfigError, match="of the task joy, and --task names toy"):
            local_task("joy", named, None, winner)
        (tmp_path / "toy").rename(tmp_path / "joy")
        assert local_task("joy", None, None, winner) is None  # it calls itself toy


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED: root reads everything")
def test_a_folder_that_cannot_be_searched_is_not_passed_over(tmp_path: Path) -> None:
    winner_in(tmp_path / "a/b")
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(ConfigError, match=r"closed cannot be searched for winners: Permission"):
        places(tmp_path)


def test_a_task_inside_a_winner_is_not_one_of_ours(tmp_path: Path) -> None:
    winner = winner_in(tmp_path / "w")
    make_task(winner).rename(winner / "task")
    declared = TASK_TOML.replace('name = "toy"', 'name = "task"')
    (winner / "task/task.toml").write_text(declared)
    with chdir(winner):
        assert local_task("task", None, None, winner) is None
        assert local_task("task", None, None, winner_in(tmp_path / "other")) is not None


def test_a_task_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (make_task(tmp_path) / "task.toml").write_text("[task")
    winner = winner_in(tmp_path / "w")
    with chdir(tmp_path), pytest.raises(ConfigError):
        local_task("toy", None, None, winner)
