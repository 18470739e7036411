"""A disk that is full, a file that is held or damaged: said in our words, nothing accepted lost."""

from __future__ import annotations

import os
import re
import resource
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adrs import (
    Attacked,
    Calibrated,
    Certified,
    Finding,
    Found,
    Looked,
    Measured,
    Standing,
    Store,
    StoreUnavailable,
    Verdict,
    open_store,
)
from adrs.store import sqlite
from adrs.testing.store_contract import (
    CALIBRATION,
    SETTINGS,
    a_program,
    a_task,
    a_verification,
    an_attack,
    an_evaluation,
    one_trial,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as store:
        store.create_run(a_task(), SETTINGS)
        yield store


def fill_up(store: Store, run: str) -> int:
    """Append until the medium refuses; return how many trials were accepted."""
    for number in range(100_000):
        try:
            store.append(run, one_trial(number))
        except StoreUnavailable:
            with pytest.raises(StoreUnavailable, match="go on with: adrs run --resume"):
                store.append(run, one_trial(number))
            return number
    raise AssertionError("the medium never was full")


def check_it_goes_on(store: Store, run: str, accepted: int) -> None:
    assert [trial.number for trial in store.told(run)] == list(range(accepted))
    store.append(run, one_trial(accepted))
    assert store.run(run).told == accepted + 1
    assert store.check() == []


def test_what_was_accepted_survives_a_full_disk(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: mounting a small disk needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: this machine mounts no small disk")
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(bytes(1 << 20))
        with closing(open_store(tmp_path)) as store:
            run = store.create_run(a_task(), SETTINGS).name
            accepted = fill_up(store, run)
            assert accepted > 10
            assert len(store.told(run)) == accepted
            with closing(open_store(tmp_path, create=False)) as reader:
                assert len(reader.told(run)) == accepted
            ballast.unlink()
            check_it_goes_on(store, run, accepted)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_what_was_accepted_survives_a_file_that_may_not_grow(store: Store) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        accepted = fill_up(store, "toy-1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert accepted > 10
    check_it_goes_on(store, "toy-1", accepted)


def test_a_store_held_by_another_program_is_said(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.1)
    with (
        closing(open_store(tmp_path)) as other,
        closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as holder,
    ):
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="end the process that holds it"):
            other.append("toy-1", one_trial(0))
        assert other.run("toy-1").asked == 0
        holder.execute("ROLLBACK")
        other.append("toy-1", one_trial(0))


def test_a_look_in_progress_does_not_hold_up_the_engine(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM trials").fetchone()
        store.append("toy-1", one_trial(0))
        assert reader.execute("SELECT count(*) FROM trials").fetchone() == (0,)


def test_threads_may_share_a_store(store: Store) -> None:
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(len(store.told("toy-1")) - store.run("toy-1").told)

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(30):
        store.append("toy-1", one_trial(number))
    done.set()
    watcher.join()
    assert seen
    assert max(seen) <= 0


@contextmanager
def tampering(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        yield connection


PROGRAM = a_program(1).id


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE blobs SET content = x'00' WHERE size > 1000", "blob .* other bytes"),
        ("UPDATE blobs SET packed = 1 WHERE packed = 0 AND size > 0", "blob .* other bytes"),
        ("UPDATE blobs SET packed = 0 WHERE packed = 1", "blob .* other bytes"),
        (f"UPDATE programs SET id = '{'0' * 64}' WHERE id = '{PROGRAM}'", "program 000"),
        ("UPDATE program_files SET path = 'moved.py' WHERE path = 'program.py'", "program "),
        ("DELETE FROM program_files", "program "),
        ("DELETE FROM blobs", "program_files names a row of blobs"),
        ("DELETE FROM programs", "trials names a row of programs"),
        ("UPDATE trials SET told_order = 5 WHERE told_order = 1", "order of tells has holes"),
        ("UPDATE runs SET told = 9", "told says 9, but it is 2"),
        ("UPDATE runs SET by_status = '{}'", "by_status says"),
        ("DELETE FROM trials WHERE number = 1", "evaluations names a row of trials"),
        ("UPDATE descriptions SET content = '{}'", "description .* other text"),
        ("UPDATE evaluations SET fingerprint = 'f0'", "fingerprint f0 .* never stored"),
        ("UPDATE findings SET verdict = 'WINNER'", "findings: verdict is not"),
        ("UPDATE findings SET trial = 7", "row 1 of findings names trial 7, never asked"),
        ("UPDATE calibrations SET content = '{}'", "row 1 of calibrations cannot be read"),
        ("UPDATE calibrations SET run_key = 7", "calibrations names a row of runs"),
        ("UPDATE attacks SET trial = 1", "attacks: trial is not"),
        ("UPDATE attacks SET content = '{'", "row 1 of attacks cannot be read"),
        ("UPDATE certificates SET trial = 7", "certificates names trial 7, never asked"),
        ("DELETE FROM blobs WHERE size = 11", "certificates names a row of blobs"),
        ("UPDATE verifications SET standing = 'HOLDS'", "verification 1: standing is not"),
        ("UPDATE verifications SET content = '[]'", "verification 1 cannot be read"),
        ("DELETE FROM looks WHERE run LIKE 'verify:%'", "verification 1: its look .* missing"),
    ],
)
def test_check_finds_what_was_tampered_with(
    store: Store, tmp_path: Path, change: str, fault: str
) -> None:
    store.append("toy-1", [*one_trial(0), *one_trial(1), Measured("optimum", an_evaluation())])
    finding = Finding(0, Verdict.NOT_CONFIRMED, "no", None, None, None, 0.95, 1, 1, "s", "a" * 64)
    store.append("toy-1", [Found(finding), Calibrated(CALIBRATION), Attacked(an_attack(0))])
    store.append("toy-1", [Looked(0, "a" * 64, "s"), Certified(0, "c" * 64, '"certified"')])
    store.keep_verification(replace(a_verification(), standing=Standing.CHANGED))
    assert store.check() == []
    with tampering(tmp_path) as connection:
        connection.execute(change)
    assert any(re.search(fault, found) for found in store.check())


def test_a_damaged_program_is_not_handed_out(store: Store, tmp_path: Path) -> None:
    store.append("toy-1", one_trial(1))
    with tampering(tmp_path) as connection:
        connection.execute("UPDATE blobs SET content = x'00' WHERE size > 1000")
    looks: list[Callable[[], object]] = [
        lambda: store.program(PROGRAM),
        lambda: store.trial("toy-1", 1),
    ]
    for look in looks:
        with pytest.raises(StoreUnavailable, match="adrs store check"):
            look()


def test_a_damaged_certificate_is_not_handed_out(store: Store, tmp_path: Path) -> None:
    store.append("toy-1", [*one_trial(0), Certified(0, "c" * 64, '"certified"')])
    with tampering(tmp_path) as connection:
        connection.execute(
            "UPDATE blobs SET content = CAST('\"worthless\"' AS BLOB) WHERE size = 11"
        )
    with pytest.raises(StoreUnavailable, match=r"certificate c+, got another.*adrs store check"):
        store.certificate("toy-1")


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Store]:
    """A store whose file lost all but its first pages, as a broken disk leaves it."""
    with closing(open_store(tmp_path)) as store:
        store.create_run(a_task(), SETTINGS)
        for number in range(50):
            store.append("toy-1", one_trial(number))
    path = tmp_path / "store.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[: 68 * 4096] + b"\xff" * (len(content) - 68 * 4096))
    with closing(open_store(tmp_path)) as store:
        yield store


def test_a_damaged_file_is_said(damaged: Store) -> None:
    with pytest.raises(StoreUnavailable, match="restore a copy"):
        damaged.told("toy-1")


def test_check_says_that_a_file_is_damaged(damaged: Store) -> None:
    faults = damaged.check()
    assert faults
    assert all(fault.startswith("the file is damaged: ") for fault in faults)
