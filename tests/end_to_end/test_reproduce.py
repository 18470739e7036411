"""Runs that come out the same again, and those of which something was changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from end_to_end.winners import made_once, make_task
from unit.cli.door import adrs

from adrs import RunSettings, Submission, assemble, load_task, new_run, open_store
from adrs.testing.fakes import Silent
from adrs.testing.model_server import ScriptedServer

STORE = "record/store.sqlite"
RUN = "near-1"


def reproduced(folder: Path, *arguments: str, run: str = RUN) -> tuple[int, dict[str, Any]]:
    """Exit status, and the JSON object."""
    done = adrs(folder, "reproduce", run, "--store", "record", *arguments, "--json")
    answer = json.loads(done.out)
    assert isinstance(answer, dict)
    return done.code, answer


def difference(folder: Path, *arguments: str, run: str = RUN) -> dict[str, str]:
    """The one that is named."""
    code, answer = reproduced(folder, *arguments, run=run)
    assert (code, answer["same"]) == (1, False)
    found = answer["difference"]
    assert found.keys() == {"where", "expected", "came", "cause", "cure"}
    assert all(found.values())
    return dict(found)


def searched(folder: Path, *arguments: str) -> None:
    done = adrs(folder, "run", *arguments, "--store", "record", "--json")
    assert done.code == 0, done.err


@contextmanager
def edited(folder: Path) -> Iterator[sqlite3.Connection]:
    """The store's file, opened by somebody who has no business there."""
    with closing(sqlite3.connect(folder / STORE)) as connection:
        yield connection
        connection.commit()


def content_of(folder: Path) -> str:
    """Everything in the store, as SQL."""
    with edited(folder) as connection:
        return "\n".join(connection.iterdump())


def copied(folder: Path, to: Path) -> Path:
    """A copy to change, in which the runs know where their task is."""
    place = Path(shutil.copytree(folder, to / "here"))
    with edited(place) as connection:
        for key, settings in connection.execute("SELECT key, settings FROM runs").fetchall():
            moved = {**json.loads(settings), "task": str(place / "near")}
            connection.execute(
                "UPDATE runs SET settings = ? WHERE key = ?", (json.dumps(moved), key)
            )
    return place


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one worker."""

    def make(folder: Path) -> None:
        make_task(folder, count=4)
        proposers = ("--proposer", "tune", "--proposer", "mutate")
        searched(folder, "near", "--trials", "8", "--workers", "1", *proposers)

    return made_once(tmp_path_factory, "reproduced_alone", make)


@pytest.fixture
def folder(alone: Path, tmp_path: Path) -> Path:
    return copied(alone, tmp_path)


# --- the same ------------------------------------------------------------------------------


def test_a_run_comes_out_the_same_and_its_record_is_only_read(alone: Path) -> None:
    before = content_of(alone)
    code, answer = reproduced(alone)
    assert content_of(alone) == before
    rejected = json.loads(adrs(alone, "status", RUN, "--store", "record", "--json").out)
    assert (code, answer) == (
        0,
        {
            "run": RUN,
            "same": True,
            "proposals": 8 + rejected["rejections"],
            "measured": 9,
            "difference": None,
            "notes": [],
        },
    )
    done = adrs(alone, "reproduce", RUN, "--store", "record", "--trials", "2")
    assert done.code == 0
    assert "near-1  comes out the same" in done.out
    assert "3 measured trials" in done.out
    assert "measuring trials again" in done.err


def test_runs_of_two_workers_that_went_on_come_out_the_same(tmp_path: Path) -> None:
    make_task(tmp_path, count=2)
    searched(tmp_path, "near", "--trials", "12", "--workers", "2")
    searched(tmp_path, "--resume", RUN, "--trials", "25")
    code, answer = reproduced(tmp_path, "--trials", "3")
    assert (code, answer["same"], answer["measured"]) == (0, True, 4)
    assert answer["proposals"] >= 25


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a planner, whose server is gone."""

    def make(folder: Path) -> None:
        make_task(folder, count=2)
        with ScriptedServer() as server, pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_API_KEY", "sk-none")
            searched(
                folder, "near", "--trials", "6", "--workers", "2", "--ideas", "2",
                "--proposer", "planner", "--proposer", "mutate",
                "--model", "scripted", "--base-url", server.base_url,
            )  # fmt: skip

    return made_once(tmp_path_factory, "reproduced_asked", make)


def test_models_are_answered_by_the_record(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    code, answer = reproduced(asked, "--trials", "0")
    assert (code, answer["same"], answer["measured"]) == (0, True, 1)
    with closing(open_store(asked / "record")) as store:
        assert len(store.calls(RUN)) > 2


def test_what_agents_handed_in_is_taken_from_the_record(tmp_path: Path) -> None:
    task = load_task(make_task(tmp_path, count=2))
    folder = tmp_path / "record"
    with closing(open_store(folder)) as store:
        settings = RunSettings(
            str(task.folder), trials=3, proposers=("external",), workers=2, calls_in_flight=2
        )
        name = new_run(store, task, settings).name

        def agent() -> None:
            with closing(open_store(folder)) as mine:
                for number in range(3):
                    while (lease := mine.lease(name, "external", "me", 60)) is None:
                        over.wait(0.02)
                    text = f"def answer(x):\n    return {7 - number}.5\n".encode()
                    program = task.seed.replacing({"main.py": text})
                    mine.submit(name, lease.id, Submission("me", program, "nearer"))

        async def search() -> None:
            await (await assemble(store, name, Silent())).go()

        over = threading.Event()
        thread = threading.Thread(target=agent)
        thread.start()
        asyncio.run(asyncio.wait_for(search(), 60))
        over.set()
        thread.join(10)
        assert [trial.lineage.author for trial in store.told(name)[1:]] == ["me"] * 3
    code, answer = reproduced(tmp_path)
    assert (code, answer["same"], answer["proposals"], answer["measured"]) == (0, True, 3, 4)
    with edited(tmp_path) as connection:
        connection.execute("UPDATE leases SET submitted_at = NULL")
    found = difference(tmp_path)
    assert (found["expected"], found["came"]) == ("what an agent handed in", "nothing")


# --- inputs --------------------------------------------------------------------------------


def test_a_changed_byte_of_a_program_is_named(folder: Path) -> None:
    spoil(
        folder,
        "SELECT b.key FROM blobs b JOIN program_files f ON f.blob_key = b.key "
        "JOIN trials t ON t.program_key = f.program_key WHERE t.number = 5",
    )
    found = difference(folder)
    assert found["where"] == "the program of trial 5, file main.py"
    assert found["came"] == "stored bytes do not match their hash"


def test_a_changed_byte_of_an_answer_is_named(asked: Path, tmp_path: Path) -> None:
    folder = copied(asked, tmp_path)
    spoil(folder, "SELECT answer_key FROM model_calls WHERE number = 0")
    found = difference(folder)
    assert re.fullmatch(r"the answer of call 0 \(proposal \d+, step plan\)", found["where"])


def spoil(folder: Path, query: str) -> None:
    """Changes one byte of what a query finds."""
    with edited(folder) as connection:
        [key] = connection.execute(query).fetchone()
        packed, content = connection.execute(
            "SELECT packed, content FROM blobs WHERE key = ?", (key,)
        ).fetchone()
        data = bytearray(zlib.decompress(content) if packed else content)
        data[len(data) // 2] ^= 1
        change = "UPDATE blobs SET packed = 0, content = ? WHERE key = ?"
        connection.execute(change, (bytes(data), key))


def test_changed_files_of_the_task_are_named(folder: Path) -> None:
    judge = folder / "near/judge.py"
    judge.write_text(judge.read_text() + "\n# kinder\n")
    (folder / "near/more.py").write_text("")
    found = difference(folder)
    assert found["where"] == "the task's judge.py, more.py (it is new)"
    # A record from before there was a list of files knows programs and declarations.
    with edited(folder) as connection:
        [digest] = connection.execute("SELECT description FROM runs").fetchone()
        [text] = connection.execute(
            "SELECT content FROM descriptions WHERE digest = ?", (digest,)
        ).fetchone()
        older = {key: value for key, value in json.loads(text).items() if key != "files"}
        content = json.dumps(older, sort_keys=True, separators=(",", ":"))
        name = hashlib.sha256(content.encode()).hexdigest()
        connection.execute("INSERT INTO descriptions VALUES (?, ?)", (name, content))
        connection.execute("UPDATE runs SET description = ?", (name,))
    assert difference(folder)["where"] == "the task's judge.py, or another file beside it"
    (folder / "near/program/main.py").write_text("def answer(x):\n    return 1.0\n")
    assert difference(folder)["where"] == "the task's seed program, main.py"


def test_a_changed_statement_is_a_note(folder: Path) -> None:
    (folder / "near/README.md").write_text("Come very close to three.\n")
    code, answer = reproduced(folder, "--trials", "0")
    assert code == 0
    assert any("README.md, was changed since" in note for note in answer["notes"])


def test_unusable_input(folder: Path) -> None:
    assert reproduced(folder, run="near-9")[0] == 2
    with closing(open_store(folder / "record")) as store, store.claim(RUN):
        code, answer = reproduced(folder)
    assert code == 2
    assert "an engine works on near-1" in answer["error"]
    shutil.move(folder / "near", folder / "elsewhere")
    code, answer = reproduced(folder)
    assert code == 2
    assert "that folder is not there" in answer["error"]
    code, answer = reproduced(folder, "--sandbox", "none")
    assert code == 2


def test_no_sandbox_is_no_difference(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adrs import IsolationLevel, Probe

    async def gone(_: object) -> Probe:
        return Probe("bubblewrap", IsolationLevel.SEPARATE, {}, {}, "not here; install it")

    monkeypatch.setattr("adrs_sandboxes.bubblewrap.Bubblewrap.probe", gone)
    code, answer = reproduced(alone, "--sandbox", "bubblewrap")
    assert code == 3
    assert "install it" in answer["error"]


# --- proposals -----------------------------------------------------------------------------


def test_another_version_of_a_proposer_is_a_note_and_the_cause_if_it_proposes_otherwise(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adrs_agents.mutate.Mutate.version", "2.1")
    code, answer = reproduced(alone, "--trials", "0")
    words = "another version of the proposer mutate: 2.1, recorded is 2"
    assert (code, answer["notes"]) == (0, [words])
    monkeypatch.setattr("adrs_agents.mutate._MORE", (0.0, 0.1, 0.9))
    found = difference(alone)
    assert found["where"].startswith("proposal ")
    assert found["cause"] == words


def test_another_answer_under_a_hash_that_fits_gives_another_program(
    asked: Path, tmp_path: Path
) -> None:
    folder = copied(asked, tmp_path)
    replace_blob(
        folder,
        "SELECT c.answer_key FROM model_calls c JOIN trials t ON t.ordinal = c.ordinal "
        "WHERE c.step = 'write-1' AND t.proposer = 'planner'",
        lambda data: data.replace(b"=======\n", b"=======\n# mine\n", 1),
    )
    found = difference(folder)
    assert found["where"].endswith("its program")
    assert "# mine" in found["came"]


def test_an_answer_that_is_missing_is_named(asked: Path, tmp_path: Path) -> None:
    folder = copied(asked, tmp_path)
    with edited(folder) as connection:
        connection.execute("UPDATE model_calls SET status = NULL, answer_key = NULL")
    found = difference(folder)
    assert found["where"].endswith("the prompt of step plan for scripted")
    assert found["expected"] == "an answer of scripted"


def test_another_prompt_is_named_where_it_differs(asked: Path, tmp_path: Path) -> None:
    folder = copied(asked, tmp_path)
    replace_blob(
        folder,
        "SELECT prompt_key FROM model_calls WHERE step = 'plan' ORDER BY number",
        lambda data: data.replace(b"Come close to three", b"Stay away from three", 1),
    )
    found = difference(folder)
    assert found["where"].endswith("the prompt of step plan for scripted")
    assert "Stay away" in found["expected"]
    assert "Come close" in found["came"]


def replace_blob(folder: Path, query: str, change: Callable[[bytes], bytes]) -> None:
    """Stores other bytes with the hash that fits them."""
    with edited(folder) as connection:
        [key] = connection.execute(query).fetchone()
        packed, content = connection.execute(
            "SELECT packed, content FROM blobs WHERE key = ?", (key,)
        ).fetchone()
        before = zlib.decompress(content) if packed else content
        after = change(before)
        assert after != before
        name = hashlib.sha256(after).hexdigest()
        update = "UPDATE blobs SET packed = 0, content = ?, size = ?, digest = ? WHERE key = ?"
        connection.execute(update, (after, len(after), name, key))


# --- figures -------------------------------------------------------------------------------


def test_a_changed_metric_does_not_fit_its_score(folder: Path) -> None:
    rescale(folder, 4, "loss", 0.5)
    found = difference(folder)
    assert found["where"] == "trial 4, the score of its recorded figures"
    assert "Score(value=" in found["expected"]


def test_a_changed_metric_that_fits_its_score_does_not_come_out_of_the_program(
    folder: Path,
) -> None:
    """The last trial is no parent, and what the archive said of it is kept."""
    rescale(folder, 8, "loss", 1.0000001)
    with edited(folder) as connection:
        connection.execute("UPDATE trials SET score = score * 1.0000001 WHERE number = 8")
        connection.execute("DELETE FROM findings")
    found = difference(folder)
    assert found["where"] == "trial 8, loss on w00 (train), repeat 0"


def rescale(folder: Path, trial: int, metric: str, factor: float) -> None:
    """Changes what was measured of a trial on train."""
    with edited(folder) as connection:
        place = (trial,)
        rows = connection.execute(
            "SELECT key, samples FROM evaluations WHERE trial = ? AND split = 'train'", place
        ).fetchall()
        for key, text in rows:
            samples = json.loads(text)
            for sample in samples:
                sample[4][metric] *= factor
            change = "UPDATE evaluations SET samples = ? WHERE key = ?"
            connection.execute(change, (json.dumps(samples), key))


def test_another_verdict_is_named(folder: Path) -> None:
    with edited(folder) as connection:
        [text] = connection.execute("SELECT content FROM findings").fetchone()
        finding = json.loads(text)
        finding["effect"]["low"] *= 1.5
        connection.execute("UPDATE findings SET content = ?", (json.dumps(finding),))
    found = difference(folder)
    assert found["where"] == f"the verdict on trial {finding['trial']}, its effect"


def test_a_judge_that_changed_where_no_hash_is_looked_at_is_found_out(folder: Path) -> None:
    (folder / "near/.mercy").touch()
    found = difference(folder)
    assert found["where"].startswith("the seed, loss on w00 (train)")
    assert "does not always do the same" in found["cause"]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a judge whose figures vary."""

    def make(folder: Path) -> None:
        make_task(folder, deterministic=False, noise=1.02, count=2)
        searched(folder, "near", "--trials", "4", "--workers", "2")

    return made_once(tmp_path_factory, "reproduced_noisy", make)


def test_figures_that_vary_agree_within_their_noise_or_do_not(noisy: Path, tmp_path: Path) -> None:
    code, answer = reproduced(noisy)
    assert (code, answer["same"], answer["measured"]) == (0, True, 5)
    folder = copied(noisy, tmp_path)
    (folder / "near/.mercy").touch()
    found = difference(folder)
    assert found["where"] == "the seed, its loss on train"
    assert "with a standard error of" in found["came"]
