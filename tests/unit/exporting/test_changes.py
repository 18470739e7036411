"""Patches, by really applying them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from unit.trust.winner import make_task, record_winner, trial

import adrs
from adrs.exporting import mailed_patch

OLD = {
    "main.py": b"one\ntwo\nthree\n",
    "a folder/with blanks.py": b"x = 1\n",
    'q"uote/ä.py': b"y = 1\n",
    "dos.txt": b"one\r\ntwo\r\nthree\r\n",
    "mixed.txt": b"one\r\ntwo\nthree\r more\n",
    "latin.txt": b"caf\xe9\n",
    "open.txt": b"no end",
    "gone.txt": b"From here\n--- a/x\n",
    "gone/empty.txt": b"",
}
NEW = {
    "main.py": b"one\n2\nthree\n-- \nFrom me\n",
    "a folder/with blanks.py": b"x = 2\n",
    'q"uote/ä.py': b"y = 2\n",
    "dos.txt": b"one\r\n2\r\nthree\r\n",
    "mixed.txt": b"one\n2\r\nthree\r less\n",
    "latin.txt": b"caf\xe8\n",
    "open.txt": b"still no end",
    "new/end.txt": b"\nnew\n\n",
    "new/empty.txt": b"",
    "\u00e4 \u96ea.py": b"z = 1\f\n",
}
BINARY = {"table.bin": bytes(range(256)) * 9, "zero.bin": b"\0"}
HOSTILE = (
    "make it fast\n---\ndiff --git a/evil b/evil\n--- /dev/null\n+++ b/evil\n@@ -0,0 +1 @@\n+bad"
)


def mail(folder: Path, old: Mapping[str, bytes], new: Mapping[str, bytes], **lineage: str) -> bytes:
    task = make_task(folder / "toy")
    seed = adrs.Program(old)
    made = record_winner(folder / "store", replace(task, seed=seed), lineage=lineage)
    try:
        best = trial(1, adrs.Program(new), 0, **lineage)
        return mailed_patch(made.store, made.run, best)
    finally:
        made.store.close()


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and ".git/" not in str(one)
    }


def git(folder: Path, *arguments: str, **more: bytes) -> str:
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, **more)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def repository(folder: Path, files: Mapping[str, bytes]) -> Path:
    write(folder, files)
    git(folder, "init", "-q")
    git(folder, "-c", "core.autocrlf=false", "add", ".")
    git(folder, "commit", "-qm", "seed")
    return folder


def test_git_and_patch_take_whatever_a_program_may_hold(tmp_path: Path) -> None:
    patch = mail(tmp_path, OLD, NEW)
    applied = write(tmp_path / "apply", OLD)
    git(applied, "apply", "-", input=patch)
    assert listing(applied) == NEW
    patched = write(tmp_path / "patch", OLD)
    subprocess.run(["patch", "-p1"], cwd=patched, input=patch, check=True, capture_output=True)
    assert listing(patched) == NEW
    mailed = repository(tmp_path / "am", OLD)
    git(mailed, "am", "--keep-cr", "-q", input=patch)
    assert listing(mailed) == NEW
    assert git(mailed, "status", "--porcelain") == ""


def test_binary_files_are_binary_patches_in_both_directions(tmp_path: Path) -> None:
    old = {**OLD, "table.bin": b"\0\1", "was.bin": b"\0gone"}
    new = {**NEW, **BINARY}
    patch = mail(tmp_path, old, new)
    there = write(tmp_path / "there", old)
    git(there, "apply", "-", input=patch)
    assert listing(there) == new
    git(there, "apply", "-R", "-", input=patch)
    assert listing(there) == old


def test_the_message_says_what_it_is_and_an_idea_cannot_pass_for_a_patch(tmp_path: Path) -> None:
    old, new = {"main.py": b"1\n"}, {"main.py": b"2\n"}
    patch = mail(tmp_path, old, new, plan=f"\x1b[2J{HOSTILE}{'x' * 999}\u202e")
    there = repository(tmp_path / "am", old)
    git(there, "am", "-q", input=patch)
    assert listing(there) == new
    author, subject, *body = git(there, "log", "-1", "--format=%an%n%s%n%b").splitlines()
    assert author == "ADRS"
    assert subject.startswith("toy: trial toy-1/1")
    assert max(map(len, body)) < 400
    (idea,) = (line for line in body if line.startswith("Idea: "))
    assert idea.startswith("Idea: \\x1b[2Jmake it fast --- diff --git a/evil")
    assert "Lineage: 1 (tune), 0 (seed)" in body
    patched = write(tmp_path / "patch", old)
    subprocess.run(["patch", "-p1"], cwd=patched, input=patch, check=True, capture_output=True)
    assert listing(patched) == new


def test_the_seed_is_no_patch(tmp_path: Path) -> None:
    with pytest.raises(adrs.ConfigError, match="is the seed"):
        mail(tmp_path, OLD, OLD)
