"""Nouns to the JSON that the record keeps of them, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from adrs.model.attack import Attack
from adrs.model.calibration import Calibration
from adrs.model.call import Answer
from adrs.model.evaluation import Sample, Status
from adrs.model.isolation import Isolation
from adrs.model.program import Program
from adrs.model.round import Rehearsal, Round
from adrs.model.run import RunSettings
from adrs.model.task import Brief, Environment, EvaluatorChoice, Stage, Task
from adrs.model.trial import Idea, Lineage
from adrs.model.verdict import Finding
from adrs.model.verification import Verification

Row = sa.RowMapping
T = TypeVar("T")

_encode = json.JSONEncoder(separators=(",", ":")).encode
_STATUSES = {str(status): status for status in Status}


def to_json(value: object) -> str:
    """Write plain data compactly."""
    return _encode(value)


def from_json(text: str) -> Any:
    """Read what `to_json` wrote."""
    return json.loads(text)


def record_to_json(record: Any) -> str:
    """Write one of our frozen records, by the names of its fields."""
    return _encode_record(record)


def record_from_json(kind: type[T], text: str) -> T:
    """Read a record; fields that an older ADRS did not write get their defaults."""
    record: T = _ADAPTERS[kind].validate_python(json.loads(text))
    return record


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind)
    for kind in (
        *(RunSettings, Finding, Calibration, Attack, Verification),
        *(Idea, Round, Rehearsal, Answer),
    )
}


def describe(description: Mapping[str, object]) -> tuple[str, str]:
    """Return the digest and the text of a description; equal content gives equal digests."""
    content = json.dumps(description, sort_keys=True, separators=(",", ":"), default=_plain)
    return digest_of(content), content


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _plain(value: object) -> object:
    """What TOML and our records have beyond JSON: records, paths, dates, read-only mappings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, PurePath) or hasattr(value, "isoformat"):
        return str(value)
    raise TypeError(f"the record holds plain data, not {type(value).__name__}")


_encode_record = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def task_description(task: Task) -> dict[str, object]:
    """Everything declared about a task but its programs, which are stored as such."""
    return {
        "brief": asdict(task.brief),
        "evaluator": asdict(task.evaluator),
        "stages": [asdict(stage) for stage in task.stages],
        "environment": asdict(task.environment),
        "generator": dict(task.generator),
        "files": dict(task.files),
    }


def task_from(description: str, folder: Path, programs: Mapping[str, Program], digest: str) -> Task:
    """Put a task together again; its seed is the program without a name."""
    pieces = from_json(description)
    return Task(
        brief=_read(Brief, pieces["brief"]),
        folder=folder,
        seed=programs[""],
        evaluator=_read(EvaluatorChoice, pieces["evaluator"]),
        stages=tuple(_read(Stage, stage) for stage in pieces["stages"]),
        environment=_read(Environment, pieces["environment"]),
        generator=pieces["generator"],
        references={name: program for name, program in programs.items() if name},
        digest=digest,
        files=pieces.get("files", {}),
    )


def _read(kind: type[T], value: object) -> T:
    record: T = TypeAdapter(kind).validate_python(value)
    return record


def isolation_description(isolation: Isolation) -> dict[str, object]:
    return {
        "sandbox": isolation.sandbox,
        "level": isolation.level,
        "enforced": dict(isolation.enforced),
        "missing": dict(isolation.missing),
        "root": dict(isolation.root),
    }


def samples_to_json(samples: Iterable[Sample]) -> str:
    """Write samples as lists by position: they are the bulk of a record."""
    return to_json(
        [
            (
                sample.workload,
                sample.unit,
                sample.repeat,
                sample.status,
                dict(sample.metrics),
                sample.reason,
                sample.cpu_s,
                sample.wall_s,
                sample.peak_mb,
            )
            for sample in samples
        ]
    )


def samples_from_json(text: str) -> tuple[Sample, ...]:
    return tuple(
        Sample(workload, unit, repeat, _STATUSES[status], *rest)
        for workload, unit, repeat, status, *rest in json.loads(text)
    )


def lineage_columns(lineage: Lineage) -> dict[str, object]:
    return {
        "proposer": lineage.proposer,
        "version": lineage.version,
        "parents": to_json(lineage.parents),
        "inspirations": to_json(lineage.inspirations),
        "plan": lineage.plan,
        "prompts": to_json(lineage.prompts),
        "author": lineage.author,
        "operator": lineage.operator,
        "usd": lineage.usd,
        "idea": None if lineage.idea is None else record_to_json(lineage.idea),
    }


def lineage_from(row: Row) -> Lineage:
    return Lineage(
        proposer=row["proposer"],
        version=row["version"],
        parents=tuple(from_json(row["parents"])),
        inspirations=tuple(from_json(row["inspirations"])),
        plan=row["plan"],
        prompts=tuple(from_json(row["prompts"])),
        author=row["author"] or "",
        operator=row["operator"] or "",
        usd=row["usd"] or 0.0,
        idea=None if row["idea"] is None else record_from_json(Idea, row["idea"]),
    )
