"""A winner's folder: whole or not there, and refused if one byte of it is not as certified."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from unit.trust.winner import FASTER, FILES, Winner, renamed, with_own_id

from adrs import CertificateChanged, ConfigError, Unavailable, load_task
from adrs.trust import (
    Certificate,
    folder_name,
    parse_certificate,
    read_folder,
    read_task_files,
    task_faults,
    write_folder,
    write_task,
)


@pytest.fixture(scope="session")
def written(
    kept: Winner, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    program, place = kept.program(certificate), tmp_path_factory.mktemp("written")
    return write_folder(certificate, program, kept.task.folder, place)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    return shutil.copytree(written, tmp_path / "winners" / written.name)


def changed(folder: Path) -> tuple[str, ...]:
    with pytest.raises(CertificateChanged) as refused:
        read_folder(folder)
    assert str(refused.value).isprintable()
    return refused.value.changed


def listing(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and not one.is_symlink()
    }


# --- writing -----------------------------------------------------------------------------------


def test_what_was_written_is_read(kept: Winner, certificate: Certificate, folder: Path) -> None:
    assert folder.name == folder_name(certificate) == "toy-1-1"
    bundle = read_folder(folder)
    assert bundle.certificate == certificate
    assert bundle.program == kept.program(certificate)
    assert bundle.program.text("solve.py") == FASTER
    texts = {path: data.decode() for path, data in bundle.task_files.items()}
    assert texts == {path: text for path, text in FILES.items() if path != "checks/notes.txt"}
    assert bundle.signature is None
    assert (folder / "VERIFY.md").read_text() == certificate.how_to_verify
    assert os.listdir(folder.parent) == ["toy-1-1"]


def test_the_bundled_task_is_the_task(folder: Path, kept: Winner, tmp_path: Path) -> None:
    assert load_task(folder / "task").digest == kept.task.digest
    write_task(tmp_path / "unpacked", read_folder(folder).task_files)
    unpacked = load_task(tmp_path / "unpacked")
    assert unpacked.digest == kept.task.digest
    assert (unpacked.seed, unpacked.references) == (kept.task.seed, kept.task.references)


def test_the_record_keeps_what_it_takes_to_write_the_folder(
    kept: Winner, certificate: Certificate, folder: Path, tmp_path: Path
) -> None:
    same = parse_certificate(certificate.canonical())
    again = write_folder(same, kept.program(same), kept.task.folder, tmp_path / "again")
    assert listing(again) == listing(folder)


def test_a_folder_that_is_there_is_left(
    kept: Winner, certificate: Certificate, folder: Path
) -> None:
    before = os.stat(folder / "certificate.json").st_ino
    program = kept.program(certificate)
    assert write_folder(certificate, program, kept.task.folder, folder.parent) == folder
    assert os.stat(folder / "certificate.json").st_ino == before


@pytest.mark.parametrize("kind", ["damaged", "other", "file", "link"])
def test_something_else_of_that_name_is_not_touched(
    kept: Winner, certificate: Certificate, folder: Path, kind: str, tmp_path: Path
) -> None:
    if kind == "damaged":
        (folder / "VERIFY.md").write_text("mine")
    elif kind == "other":
        certificate = kept.certificate(confined={})
    else:
        folder.rename(tmp_path / "moved")
        if kind == "file":
            folder.write_text("mine")
        else:
            folder.symlink_to("nowhere")
    before = listing(folder.parent)
    with pytest.raises(ConfigError, match="toy-1-1 is there already"):
        write_folder(certificate, kept.program(certificate), kept.task.folder, folder.parent)
    assert listing(folder.parent) == before


def test_what_a_killed_writer_left_is_cleared_away_and_nothing_else(
    kept: Winner, certificate: Certificate, tmp_path: Path
) -> None:
    place = tmp_path / "winners"
    left = place / ".toy-9-9.0a0b0c0d.adrs-partial" / "task"
    left.mkdir(parents=True)
    (left / "task.toml").write_text("half")
    (place / ".mine.partial").mkdir()
    write_folder(certificate, kept.program(certificate), kept.task.folder, place)
    assert sorted(os.listdir(place)) == [".mine.partial", "toy-1-1"]


def test_writers_at_the_same_time_do_not_clear_each_other_away(
    kept: Winner, certificate: Certificate, tmp_path: Path
) -> None:
    program, task, place = kept.program(certificate), kept.task.folder, tmp_path / "winners"
    winners = [renamed(certificate, f"toy-{number % 8}") for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: write_folder(one, program, task, place), winners))
    assert sorted(os.listdir(place)) == [f"toy-{number}-1" for number in range(8)]
    assert all(read_folder(folder) for folder in place.iterdir())


def test_another_program_or_task_is_not_written(winner: Winner, tmp_path: Path) -> None:
    certificate = winner.certificate()
    place = tmp_path / "winners"
    with pytest.raises(ValueError, match="not the one certified"):
        write_folder(certificate, winner.task.seed, winner.task.folder, place)
    (winner.task.folder / "judge.py").write_text("# mended\n")
    with pytest.raises(ConfigError, match=r"certified any more \(judge: judge\.py\)"):
        write_folder(certificate, winner.program(certificate), winner.task.folder, place)
    assert not place.exists()


def test_a_place_that_cannot_be_written_is_said_and_left_clean(
    kept: Winner, certificate: Certificate, tmp_path: Path
) -> None:
    program = kept.program(certificate)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written: Not a directory"):
        write_folder(certificate, program, kept.task.folder, tmp_path / "file" / "winners")
    place = tmp_path / "winners"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(Unavailable, match="cannot be written: File too large"):
            write_folder(certificate, program, kept.task.folder, place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert os.listdir(place) == []


def test_a_task_that_is_too_large_is_refused(winner: Winner) -> None:
    with (winner.task.folder / "trace.bin").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(ConfigError, match="hand large data in with --workloads"):
        read_task_files(winner.task.folder)


# --- reading: what is not as certified ----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("program/solve.py", "program: solve.py"),
        ("program/.style", "program: .style"),
        ("task/judge.py", "judge: judge.py"),
        ("task/rules.py", "judge: rules.py"),
        ("task/task.toml", "task: task.toml"),
        ("task/README.md", "task: README.md"),
        ("task/program/solve.py", "seed: program/solve.py"),
        ("task/references/steady/solve.py", "reference: references/steady/solve.py"),
        ("VERIFY.md", "certificate: VERIFY.md is not the text that is in the certificate"),
    ],
)
def test_a_changed_or_missing_file_is_named(folder: Path, path: str, said: str) -> None:
    file = folder / path
    file.write_bytes(file.read_bytes() + b"\n")
    assert changed(folder) == (said,)
    file.unlink()
    missing = said if path == "VERIFY.md" else f"{said} is missing"
    assert missing in changed(folder)


def test_all_that_is_wrong_is_said_at_once(folder: Path) -> None:
    content = json.loads((folder / "certificate.json").read_bytes())
    content["finding"]["units"] += 1
    content["task"]["judge"] = "0" * 64
    (folder / "certificate.json").write_text(json.dumps(content))
    (folder / "task" / "judge.py").write_text("def evaluate(*_): return {'cost_usd': 0}\n")
    (folder / "program" / "solve.py").unlink()
    (folder / "program" / "other.py").write_text("")
    (folder / "notes.txt").write_text("")
    (folder / "task" / "link.py").symlink_to("judge.py")
    (folder / "signature.json").write_text("{}")
    assert set(changed(folder)) >= {
        "certificate: it is not written as canonical JSON (RFC 8785)",
        "certificate: its content does not have the id that it claims",
        "certificate: the judge's files do not have the judge's digest",
        "judge: judge.py",
        "program: solve.py is missing",
        "program: other.py is not part of what was certified",
        "task: task/link.py is a link, or cannot be read",
        "folder: notes.txt does not belong here",
        "signature: schema: key: Field required",
    }


def test_a_certificate_that_is_missing_or_unreadable_is_said(folder: Path) -> None:
    (folder / "certificate.json").write_bytes(b"{")
    assert changed(folder)[0].startswith("certificate: it is not JSON")
    (folder / "certificate.json").unlink()
    assert changed(folder) == ("certificate: certificate.json is missing",)
    with pytest.raises(ConfigError, match="not a winner's folder"):
        read_folder(folder / "nowhere")
    with pytest.raises(ConfigError, match="not a winner's folder"):
        read_folder(folder / "VERIFY.md")


def test_no_flipped_byte_goes_unseen(folder: Path, tmp_path: Path) -> None:
    chance = random.Random()
    files = [one for one in folder.rglob("*") if one.is_file()]
    certificate = folder / "certificate.json"
    for file in [certificate] * 150 + [one for one in files if one != certificate] * 3:
        whole = file.read_bytes()
        at, flip = chance.randrange(len(whole)), chance.randrange(1, 256)
        file.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        assert changed(folder), (file, at, flip)
        file.write_bytes(whole)
    for cut in (0, 1, len(certificate.read_bytes()) // 2):
        whole = certificate.read_bytes()
        certificate.write_bytes(whole[:cut])
        assert changed(folder)
        certificate.write_bytes(whole + b"\n")
        assert changed(folder)
        certificate.write_bytes(whole)
    read_folder(folder)


# --- reading: what a stranger may put there -------------------------------------------------------


def link(folder: Path) -> None:
    (folder / "program" / "solve.py").rename(folder.parent / "kept")
    (folder / "program" / "solve.py").symlink_to(folder.parent / "kept")


def linked_folder(folder: Path) -> None:
    (folder / "program").rename(folder.parent / "kept")
    (folder / "program").symlink_to(folder.parent / "kept")


def linked_certificate(folder: Path) -> None:
    (folder / "certificate.json").rename(folder.parent / "kept")
    (folder / "certificate.json").symlink_to(folder.parent / "kept")


def pipe(folder: Path) -> None:
    (folder / "program" / "solve.py").unlink()
    os.mkfifo(folder / "program" / "solve.py")


def huge(folder: Path) -> None:
    with (folder / "program" / "solve.py").open("wb") as file:
        file.truncate(1 << 40)


def huge_certificate(folder: Path) -> None:
    with (folder / "certificate.json").open("r+b") as file:
        file.truncate(17 << 20)


def deep(folder: Path) -> None:
    (folder / "certificate.json").write_bytes(b'{"fingerprint":' + b'{"a":' * 100_000)


def many(folder: Path) -> None:
    for number in range(7000):
        os.mkdir(folder / "task" / f"d{number}")


def nested(folder: Path) -> None:
    here = os.open(folder / "task", os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def cached(folder: Path) -> None:
    (folder / "program" / "__pycache__").mkdir()
    (folder / "program" / "__pycache__" / "solve.cpython-311.pyc").write_bytes(b"x")


def odd_name(folder: Path) -> None:
    (folder / "\x1b[2J\u202e\udcff").write_text("")


def empty(folder: Path) -> None:
    (folder / "program" / "nothing").mkdir()


def folder_for_file(folder: Path) -> None:
    (folder / "VERIFY.md").unlink()
    (folder / "VERIFY.md").mkdir()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (link, "program: program/solve.py is a link, or cannot be read"),
        (linked_folder, "program: program is a link, or cannot be read"),
        (linked_certificate, "folder: certificate.json is a link, or cannot be read"),
        (pipe, "program: program/solve.py is not a regular file"),
        (huge, "program: program/solve.py is too large, alone or with the others"),
        (huge_certificate, "certificate: it has more than 16777216 bytes"),
        (deep, "certificate: it is nested too deeply"),
        pytest.param(many, "files and folders", marks=pytest.mark.slow),
        (nested, "is nested too deeply"),
        (cached, "program: __pycache__/solve.cpython-311.pyc is not part of what was certified"),
        (odd_name, "folder: \\x1b[2J\\u202e\\udcff does not belong here"),
        (empty, "folder: program/nothing/ does not belong here"),
        (folder_for_file, "certificate: VERIFY.md is not the text that is in the certificate"),
    ],
)
def test_a_hostile_folder_is_refused(folder: Path, harm: Callable[[Path], None], said: str) -> None:
    harm(folder)
    found = changed(folder)
    assert any(said in fault for fault in found), found
    assert all(fault.isprintable() for fault in found)
    shutil.rmtree(folder)


def test_a_file_without_permission_is_a_fault(folder: Path) -> None:
    file = folder / "program" / "solve.py"
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("NOT TESTED: root reads everything")
    assert "program: program/solve.py is a link, or cannot be read" in changed(folder)


@pytest.mark.parametrize(
    "path", ["../../outside.py", "/outside.py", "a/../../outside.py", ".git/hooks/x", "a\\b", ""]
)
def test_no_path_leads_out_of_the_folder(folder: Path, path: str) -> None:
    file = folder / "certificate.json"
    content = json.loads(file.read_bytes())
    content["program"]["files"] = {path: "0" * 64}
    file.write_bytes(with_own_id(content))
    (folder.parent / "outside.py").write_text("")
    assert any(fault.startswith("schema: program.files") for fault in changed(folder))


def test_figures_are_another_question(folder: Path) -> None:
    """Whole and with an id of its own: only `figures_fault` sees through this."""
    file = folder / "certificate.json"
    content: dict[str, Any] = json.loads(file.read_bytes())
    content["finding"]["effect"]["value"] = 0.9
    file.write_bytes(with_own_id(content))
    assert read_folder(folder).certificate.finding.effect.value == 0.9


def test_a_task_on_this_machine_is_compared_in_the_same_words(
    certificate: Certificate, kept: Winner
) -> None:
    files = read_task_files(kept.task.folder)
    assert task_faults(certificate, files) == []
    files["judge.py"] += b"#"
    files["extra.py"] = b""
    del files["task.toml"]
    assert task_faults(certificate, files) == [
        "judge: extra.py is not part of what was certified",
        "judge: judge.py",
        "task: task.toml is missing",
    ]
