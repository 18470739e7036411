"""The record of a run as plain files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from adrs.exporting.plain import json_file, jsonl_file, plain
from adrs.model.call import RecordedCall
from adrs.model.evaluation import Evaluation
from adrs.model.task import Task
from adrs.model.trial import Trial
from adrs.ports.store import Record
from adrs.search import summarize
from adrs.trust import Impersonal

# What ADRS itself writes of a machine; what task, judge, program and model say stays as it is.
_IMPERSONAL = frozenset(
    {"settings", "plan", "reason", "isolation", "description", "missing", "enforced", "root"}
)


def fact_files(record: Record, run: str, redact: bool) -> dict[str, bytes]:
    """Everything that is recorded of a run but programs and certificates, by path.

    Args:
        redact: leave out what models were asked and answered, but for hashes and lengths.
    """
    return _Facts(record, run, redact).files()


class _Facts:
    """The facts of one run."""

    def __init__(self, record: Record, run: str, redact: bool) -> None:
        self._record = record
        self._run = run
        self._redact = redact
        self._info = record.run(run)
        self._task = record.task(run)
        self._trials = record.trials(run)
        settings = self._info.settings
        folder = self._task.folder
        self._impersonal = Impersonal(
            map(str, (folder, folder.parent, settings.task, settings.workloads))
        )

    def files(self) -> dict[str, bytes]:
        record, run = self._record, self._run
        info = plain(self._info)
        del info["live"], info["stop_requested"]  # of now, not of the run
        objects = {
            "run": info,
            "summary": summarize(record, run, self._task),
            "task": _declared(self._task),
            "finding": record.finding(run),
            "calibration": record.calibration(run),
            "adversary": record.attack(run),
            "environment": {
                "declared": self._task.environment,
                "fingerprints": self._fingerprints(),
            },
        }
        lines = {
            "trials": [_without_evaluations(trial) for trial in self._trials],
            "evaluations": list(self._evaluations()),
            "rejections": [
                {"ordinal": ordinal, **plain(one)} for ordinal, one in record.rejections(run)
            ],
            "notes": record.notes(run),
            "rounds": record.rounds(run),
            "rehearsals": record.rehearsals(run),
            "calls": [self._call(call) for call in record.calls(run)],
            "prompts": list(self._prompts()),
        }
        files = {
            f"record/{name}.json": json_file(self._clean(one)) for name, one in objects.items()
        }
        for name, several in lines.items():
            files[f"record/{name}.jsonl"] = jsonl_file(map(self._clean, several))
        return files

    def _evaluations(self) -> Iterator[dict[str, Any]]:
        for trial in self._trials:
            for evaluation in trial.evaluations:
                yield {"trial": trial.number, **plain(evaluation)}
        for name, evaluation in self._record.references(self._run):
            yield {"reference": name, **plain(evaluation)}

    def _fingerprints(self) -> dict[str, Any]:
        evaluations: list[Evaluation] = [one for t in self._trials for one in t.evaluations]
        evaluations += [one for _, one in self._record.references(self._run)]
        digests = sorted({one.fingerprint for one in evaluations if one.fingerprint})
        return {digest: {"description": self._record.fingerprint(digest)} for digest in digests}

    def _call(self, call: RecordedCall) -> dict[str, Any]:
        found: dict[str, Any] = plain(call)
        if self._redact and call.answer is not None:
            for name in ("text", "reason"):
                found["answer"][name] = _measure(found["answer"][name].encode("utf-8", "replace"))
        return found

    def _prompts(self) -> Iterator[dict[str, object]]:
        """Each prompt once; its SHA-256 is that of its content in UTF-8."""
        for digest in sorted({call.prompt for call in self._record.calls(self._run)}):
            content = self._record.prompt(digest)
            text = {} if self._redact else {"content": content.decode("utf-8", "replace")}
            yield {**_measure(content), **text}

    def _clean(self, value: object) -> Any:
        """Without paths and names of this machine in what ADRS itself wrote."""
        value = plain(value)
        if isinstance(value, list):
            return [self._clean(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            key: self._impersonal.value(one) if key in _IMPERSONAL else self._clean(one)
            for key, one in value.items()
        }


def _declared(task: Task) -> dict[str, Any]:
    """A task without its programs, and without the place where it was."""
    found: dict[str, Any] = plain(
        {
            name: getattr(task, name)
            for name in ("brief", "evaluator", "stages", "environment", "generator", "digest")
        }
    )
    programs = {"seed": task.seed, **{f"references/{n}": one for n, one in task.references.items()}}
    return {**found, "files": plain(task.files), "programs": {n: p.id for n, p in programs.items()}}


def _without_evaluations(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "program": trial.program.id,
        "island": trial.island,
        "status": trial.status,
        "score": trial.score,
        "admission": trial.admission,
        "lineage": trial.lineage,
    }


def _measure(content: bytes) -> dict[str, object]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
