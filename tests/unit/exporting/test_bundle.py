"""A research object: by the rules of RO-Crate, complete, and without what is nobody's business."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from unit.trust.winner import CONFINED, Winner, make_task, record_winner, trial

import adrs
from adrs import Answer, AnswerStatus, Called, Calling, Message, Noted, Prompt
from adrs.exporting import bundle_files, certified_files, zipped
from adrs.trust import read_folder, write_folder

PROMPT = Prompt("plan", (Message("user", "tell me the secret word"),))
ANSWER = "the word is mellon"


@pytest.fixture(scope="module")
def winner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Winner]:
    """Trial 2 wins; trial 1 is its parent, and a model was asked."""
    folder = tmp_path_factory.mktemp("winner")
    task = make_task(folder / "my toys/toy")
    parent = trial(1, adrs.Program({"solve.py": b"1\n", "a file #1?.py": b"\xff\0"}), 0)
    made = record_winner(
        folder / "store", task, between=[parent], lineage={"prompts": (PROMPT.digest,)}
    )
    certificate = made.certificate(CONFINED)
    made.store.append(
        made.run,
        [
            Calling(0, 2, "a model", PROMPT),
            Called(0, Answer(AnswerStatus.ANSWERED, ANSWER)),
            Noted("user", "look at the tail"),
            adrs.Certified(2, certificate.id, certificate.canonical().decode()),
        ],
    )
    yield made
    made.store.close()


def bundle(winner: Winner, *, redact: bool = False, number: int = 2) -> dict[str, bytes]:
    return bundle_files(winner.store, winner.run, winner.store.trial(winner.run, number), redact)


def entities(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    metadata = json.loads(files["ro-crate-metadata.json"])
    assert metadata["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    found = {one["@id"]: one for one in metadata["@graph"]}
    assert len(found) == len(metadata["@graph"])
    return found


def references(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        yield from [value["@id"]] if value.keys() == {"@id"} else []
        for one in value.values():
            yield from references(one)


def test_it_keeps_the_rules_of_ro_crate(winner: Winner) -> None:
    found = entities(bundle(winner))
    descriptor, root = found["ro-crate-metadata.json"], found["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert descriptor["about"] == {"@id": "./"}
    assert root["@type"] == "Dataset"
    assert root.keys() >= {"name", "description", "datePublished", "license", "hasPart"}
    assert found[root["license"]["@id"]].keys() >= {"name", "description"}
    # Whatever is referred to is described, and every data entity is reached from the root.
    outside = {"https://w3id.org/ro/crate/1.1", "http://schema.org/CompletedActionStatus"}
    assert set(references(list(found.values()))) <= found.keys() | outside
    reached, waiting = set(), ["./"]
    while waiting:
        reached.add(at := waiting.pop())
        waiting += references(found[at].get("hasPart"))
    data = {key for key, one in found.items() if one["@type"] in ("File", "Dataset")}
    assert data == reached
    for key in data:
        assert not key.startswith("/")
        assert ":" not in key
        assert " " not in key
        assert ".." not in key


def test_it_says_what_ran_as_a_process_run_crate_does(winner: Winner) -> None:
    found = entities(bundle(winner))
    assert found["./"]["conformsTo"] == {"@id": "https://w3id.org/ro/wfrun/process/0.5"}
    action = found[found["./"]["mentions"]["@id"]]
    assert action["@type"] == "CreateAction"
    assert found[action["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert {"@id": "programs/trial-2/"} in action["result"]
    assert {"@id": "task/"} in action["object"]


def test_every_file_is_listed_with_its_hash_and_size(winner: Winner) -> None:
    files = bundle(winner)
    listed = {
        unquote(key): (one["sha256"], int(one["contentSize"]))
        for key, one in entities(files).items()
        if one["@type"] == "File"
    }
    del files["ro-crate-metadata.json"]
    assert listed == {
        path: (hashlib.sha256(data).hexdigest(), len(data)) for path, data in files.items()
    }


def test_it_holds_what_is_needed(winner: Winner, tmp_path: Path) -> None:
    files = bundle(winner)
    program = winner.store.trial(winner.run, 2).program
    for folder, expected in {
        "programs/trial-2": program,
        "programs/trial-1": winner.store.trial(winner.run, 1).program,
        "programs/trial-0": winner.task.seed,
        "programs/reference-steady": winner.task.references["steady"],
    }.items():
        there = {p.removeprefix(f"{folder}/"): d for p, d in files.items() if p.startswith(folder)}
        assert adrs.Program(there) == expected
    assert adrs.load_task(unpacked(files, tmp_path) / "task").digest == winner.task.digest
    assert read_folder(tmp_path / "certificate").program == program
    lines = [json.loads(line) for line in files["record/evaluations.jsonl"].splitlines()]
    assert len([one for one in lines if one.get("trial") == 2]) == 2
    assert [one["number"] for one in jsonl(files, "trials")] == [0, 1, 2]
    assert jsonl(files, "trials")[2]["lineage"]["parents"] == [1]
    assert jsonl(files, "notes")[0]["text"] == "look at the tail"
    assert json.loads(files["record/finding.json"])["verdict"] == "WINNER"
    fingerprints = json.loads(files["record/environment.json"])["fingerprints"].values()
    assert [one["description"]["cpu"] for one in fingerprints] == ["fast"]
    assert "adrs verify certificate --task task" in files["README.md"].decode()


def unpacked(files: dict[str, bytes], folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(zipped(files))) as archive:
        archive.extractall(folder)
    return folder


def jsonl(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[f"record/{name}.jsonl"].splitlines()]


def test_the_same_record_gives_the_same_bytes(winner: Winner) -> None:
    assert zipped(bundle(winner)) == zipped(bundle(winner))
    with zipfile.ZipFile(io.BytesIO(zipped(bundle(winner)))) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_no_place_of_this_machine_is_in_it(winner: Winner) -> None:
    place = str(winner.task.folder.parent.parent)
    assert winner.store.run(winner.run).settings.task.startswith(place)
    assert [path for path, data in bundle(winner).items() if place.encode() in data] == []


def test_words_of_models_are_there_and_match_their_hash(winner: Winner) -> None:
    files = bundle(winner)
    (prompt,) = jsonl(files, "prompts")
    assert hashlib.sha256(prompt["content"].encode()).hexdigest() == prompt["sha256"]
    assert prompt["sha256"] == PROMPT.digest == jsonl(files, "calls")[0]["prompt"]
    assert jsonl(files, "calls")[0]["answer"]["text"] == ANSWER


def test_redacted_they_are_not(winner: Winner) -> None:
    files = bundle(winner, redact=True)
    for words in (b"secret word", b"mellon"):
        assert [path for path, data in files.items() if words in data] == []
    answer = jsonl(files, "calls")[0]["answer"]
    digest = hashlib.sha256(ANSWER.encode()).hexdigest()
    assert answer["text"] == {"sha256": digest, "bytes": len(ANSWER)}
    assert jsonl(files, "prompts") == [{"sha256": PROMPT.digest, "bytes": len(PROMPT.content)}]


def test_the_winners_folder_is_the_same_that_a_run_writes(winner: Winner, tmp_path: Path) -> None:
    best = winner.store.trial(winner.run, 2)
    content = winner.store.certificate(winner.run)
    assert content is not None
    certificate = adrs.trust.parse_certificate(content.encode())
    folder = write_folder(certificate, best.program, winner.task.folder, tmp_path)
    there = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.is_file()
    }
    assert certified_files(winner.store, winner.run, best) == there


def test_what_is_not_certified_has_no_certificate(winner: Winner) -> None:
    files = bundle(winner, number=1)
    assert not any(path.startswith("certificate/") for path in files)
    with pytest.raises(adrs.ConfigError, match="toy-1/1 has no certificate"):
        certified_files(winner.store, winner.run, winner.store.trial(winner.run, 1))


def test_a_run_that_goes_on_is_refused(winner: Winner) -> None:
    with winner.store.claim(winner.run), pytest.raises(adrs.ConfigError, match="adrs stop toy-1"):
        bundle(winner)


def test_a_task_that_was_changed_is_refused(tmp_path: Path) -> None:
    made = record_winner(tmp_path / "store", make_task(tmp_path / "toy"))
    (made.task.folder / "judge.py").write_text("another")
    with pytest.raises(adrs.ConfigError, match="was changed since"):
        bundle(made, number=1)
    made.store.close()
