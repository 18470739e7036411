"""Hints for a run."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from unit.cli.door import adrs
from unit.search.waiting import Waiting

from adrs import Noted, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_store(tmp_path / ".adrs")) as store:
        Waiting.made(store)
    return tmp_path


def notes(folder: Path) -> list[Noted]:
    with closing(open_store(folder / ".adrs")) as store:
        return list(store.notes("toy-1"))


def test_a_hint_is_kept_as_the_users(folder: Path) -> None:
    done = adrs(folder, "note", "toy-1", " try sorting first \n")
    assert (done.code, done.err) == (0, "")
    assert "noted in toy-1" in done.out
    assert notes(folder) == [Noted("user", "try sorting first")]
    done = adrs(folder, "note", "toy-1", "then merge", "--json")
    assert json.loads(done.out)["notes"] == [
        {"origin": "user", "text": "try sorting first"},
        {"origin": "user", "text": "then merge"},
    ]


def test_notes_are_listed_with_who_wrote_them(folder: Path) -> None:
    with closing(open_store(folder / ".adrs")) as store:
        store.append("toy-1", [Noted("user", "one"), Noted("agent:x", "two\x1b[2J\nlines")])
    done = adrs(folder, "note")
    assert done.code == 0
    assert done.out.splitlines() == ["from     note", "user     one", "agent:x  two\\x1b[2J lines"]


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "my key is sk-12345678, use it"])
def test_what_is_no_note_is_refused(
    folder: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-12345678")
    done = adrs(folder, "note", "toy-1", text)
    assert done.code == 2
    assert "sk-12345678" not in done.out + done.err
    assert notes(folder) == []


def test_a_placeholder_of_a_key_is_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    assert adrs(folder, "note", "toy-1", "EMPTY queues starve").code == 0


def test_no_such_run(folder: Path) -> None:
    assert adrs(folder, "note", "toy-9", "words").code == 2
