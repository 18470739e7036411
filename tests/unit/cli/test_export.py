"""The command that exports."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from unit.cli.door import adrs

from adrs import read_program
from adrs.trust import read_folder


def test_each_form(mine: Path) -> None:
    for form, out in (("tree", "t"), ("patch", "p"), ("certificate", "c"), ("bundle", "b")):
        done = adrs(mine, "export", "8", "--as", form, "--out", out, "--json")
        assert done.code == 0, done.err
        found = json.loads(done.out)
        assert (found["trial"], found["as"], found["out"]) == ("toy-1/8", form, out)
    program = read_program(mine / "t")
    assert b"cost = 91" in program.files["main.py"]
    assert (mine / "p").read_bytes().startswith(b"From 000")
    assert read_folder(mine / "c").program == program
    assert (mine / "b/ro-crate-metadata.json").is_file()
    assert read_folder(mine / "b/certificate").program == program


def test_a_bundle_may_be_a_zip_file(mine: Path) -> None:
    for name in ("one.zip", "two.zip"):
        assert adrs(mine, "export", "8", "--as", "bundle", "--out", name).code == 0
    assert (mine / "one.zip").read_bytes() == (mine / "two.zip").read_bytes()
    with zipfile.ZipFile(mine / "one.zip") as archive:
        assert archive.testzip() is None
        assert "ro-crate-metadata.json" in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("7 --as certificate --out new", "toy-1/7 has no certificate"),
        ("0 --as patch --out new", "nothing to patch"),
        ("8 --as tree --out toy", "--force"),
        ("8 --as tree --out new --redact", "--redact is for --as bundle"),
        ("99 --as tree --out new", "99"),
        ("8 --as branch --out new", "branch"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    mine: Path, arguments: str, words: str
) -> None:
    done = adrs(mine, "export", *arguments.split())
    assert done.code == 2
    assert words in done.err
    assert not (mine / "new").exists()


def test_force_replaces(mine: Path) -> None:
    for _ in range(2):
        done = adrs(mine, "export", "8", "--as", "tree", "--out", "new", "--force")
        assert done.code == 0, done.err
    assert [one.name for one in (mine / "new").iterdir()] == ["main.py"]
