"""What is exported is there whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adrs import ConfigError, Unavailable
from adrs.exporting import check_place, write_file, write_folder

KILLED_AT_EVERY_STEP = """
import os, signal, sys
from pathlib import Path
from adrs.exporting.place import write_file, write_folder

FILES = {"a.py": b"new" * 99, "deep/er/b.py": b"new", "c.py": b""}
OLD = {"old.py": b"old"}

def listing(place):
    if place.is_file():
        return place.read_bytes()
    return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}

def kill_at(step):
    steps = iter(range(step + 1))
    def stepping(call):
        def stepped(*arguments, **more):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        return stepped
    for name in ("open", "fsync", "rename", "mkdir", "unlink"):
        setattr(os, name, stepping(getattr(os, name)))

def play(folder, write, old, new):
    target, step = folder / "out", 0
    while True:
        if old is not None and not target.exists():
            write(target, old)
        child = os.fork()
        if not child:
            kill_at(step)
            write(target, new)
            os._exit(0)
        done = os.waitpid(child, 0)[1] == 0
        found = listing(target) if target.exists() else None
        assert found in (None, old, new), found
        if done:
            assert found == new
            assert [one.name for one in folder.iterdir()] == ["out"]
            return step
        if found == new:
            __import__("shutil").rmtree(target) if target.is_dir() else target.unlink()
        step += 1

base = Path(sys.argv[1])
for name, write, new, olds in (
    ("folder", lambda target, files: write_folder(files, target, True), FILES, (None, OLD)),
    ("file", lambda target, data: write_file(data, target, True), b"new" * 99, (None, b"old")),
):
    for old in olds:
        place = base / f"{name}-{old is None}"
        place.mkdir()
        print(play(place, write, old, new))
"""


def test_kill_9_at_any_step_leaves_no_half_export_under_its_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_STEP, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert min(map(int, done.stdout.split())) >= 5


def test_nothing_is_replaced_unless_that_is_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write_folder({"a.py": b"1"}, target, force=False)
    with pytest.raises(ConfigError, match="--force"):
        write_folder({"b.py": b"2"}, target, force=False)
    assert [one.name for one in target.iterdir()] == ["a.py"]
    write_folder({"b.py": b"2"}, target, force=True)
    assert [one.name for one in target.iterdir()] == ["b.py"]
    write_file(b"3", target, force=True)
    assert target.read_bytes() == b"3"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_some_places_are_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here/below", "repository/.git", "folder"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    monkeypatch.chdir(tmp_path / "here/below")
    for name, words in {
        "here": "the working folder",
        "here/below": "the working folder",
        "repository": "a git repository",
        "link": "a link",
    }.items():
        with pytest.raises(ConfigError, match=words):
            check_place(tmp_path / name, force=True)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        write_file(b"", tmp_path / "file/out", force=False)
