"""kill -9 while winners' folders are written: each of them is whole or not there."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from unit.trust.winner import Winner, make_task, record_winner, renamed, write_for_ever

import adrs
from adrs.trust import figures_fault, read_folder, write_folder

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["unit.trust.winner", "adrs.trust._certificate_folder"])


@pytest.fixture
def winner(tmp_path: Path) -> Iterator[Winner]:
    """Its folder has so many files that most of the time one is being written."""
    folder = make_task(tmp_path / "toy").folder
    for number in range(30):
        (folder / f"rules_{number}.py").write_text(f"PRICE = {number}\n" * 50)
    made = record_winner(tmp_path / "store", adrs.load_task(folder))
    yield made
    made.store.close()


def play(winner: Winner, place: Path, kills: int) -> dict[str, int]:
    """Kills writers at random moments, and reads all that is there after each."""
    certificate = winner.certificate()
    program, task = winner.program(certificate), winner.task.folder
    chance = random.Random()
    seen: set[str] = set()
    said: set[str] = set()
    interrupted = 0
    for _ in range(kills):
        content = renamed(certificate, f"toy-{len(seen) + 1}").canonical()
        hears, says = FORKED.Pipe(duplex=False)
        writer = FORKED.Process(target=write_for_ever, args=(content, program, task, place, says))
        writer.start()
        says.close()
        said.add(hears.recv())
        time.sleep(chance.uniform(0.0, 0.3))
        assert writer.is_alive()
        writer.kill()
        writer.join()
        with suppress(EOFError):
            while True:
                said.add(hears.recv())
        hears.close()
        left = [name for name in os.listdir(place) if name.startswith(".")]
        assert len(left) <= 1
        interrupted += len(left)
        for name in set(os.listdir(place)) - seen - set(left):
            bundle = read_folder(place / name)
            assert bundle.program == program
            assert f"{bundle.certificate.run.name}-1" == name
            seen.add(name)
        assert said <= seen
    last = renamed(certificate, "toy-last")
    write_folder(last, program, task, place)
    assert set(os.listdir(place)) == seen | {"toy-last-1"}
    for name in seen:
        assert figures_fault(read_folder(place / name).certificate) == []
    return {"kills": kills, "interrupted": interrupted, "folders": len(seen)}


def test_ten_kills_leave_no_half_written_folder(winner: Winner, tmp_path: Path) -> None:
    assert play(winner, tmp_path / "winners", kills=10)["interrupted"] > 0


@pytest.mark.slow
def test_a_hundred_kills_leave_no_half_written_folder(winner: Winner, tmp_path: Path) -> None:
    report = play(winner, tmp_path / "winners", kills=120)
    print(json.dumps(report))
    assert report["interrupted"] >= 50
