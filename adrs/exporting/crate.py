"""The metadata of a research object: RO-Crate 1.1, with the profile Process Run Crate 0.5."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from adrs.exporting.plain import json_file
from adrs.model.run import RunInfo
from adrs.model.task import Task
from adrs.model.text import harmless
from adrs.model.trial import Trial

METADATA = "ro-crate-metadata.json"
_CONTEXT = (
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",  # the term sha256
)
_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".toml": "application/toml",
    ".txt": "text/plain",
}

Entity = dict[str, Any]


class Crate:
    """One research object.

    Args:
        folders: its folders, and what each is.
    """

    def __init__(
        self,
        info: RunInfo,
        task: Task,
        trial: Trial,
        folders: Mapping[str, str],
        *,
        certified: bool,
    ) -> None:
        self._info = info
        self._task = task
        self._trial = trial
        self._folders = folders
        self._certified = certified

    def metadata(self, files: Mapping[str, bytes]) -> bytes:
        """The metadata file of a crate with these files, by path."""
        graph = [
            {
                "@id": METADATA,
                "@type": "CreativeWork",
                "about": _to("./"),
                "conformsTo": _to(_SPECIFICATION),
            },
            self._root(files),
            *self._datasets(files),
            *(_file(path, data) for path, data in sorted(files.items())),
            *self._search(),
        ]
        return json_file({"@context": _CONTEXT, "@graph": graph})

    def _root(self, files: Mapping[str, bytes]) -> Entity:
        parts = [_dataset_id(one) for one in self._folders]
        parts += [_id(path) for path in files if "/" not in path]
        name = f"Trial {self._trial.number} of the run {self._info.name}"
        return {
            "@id": "./",
            "@type": "Dataset",
            "conformsTo": _to(_PROFILE),
            "datePublished": self._info.heartbeat_at.isoformat(timespec="seconds"),
            "description": harmless(
                f"{name}, found by ADRS for the task {self._task.name}: "
                f"{self._task.brief.title}. With the record of the run and how to verify it.",
                500,
            ),
            "hasPart": _all(sorted(parts)),
            "license": _to("#license"),
            "mentions": _to("#search"),
            "name": name,
        }

    def _datasets(self, files: Mapping[str, bytes]) -> list[Entity]:
        return [
            {
                "@id": _dataset_id(folder),
                "@type": "Dataset",
                "hasPart": _all(
                    _id(path) for path in sorted(files) if path.startswith(f"{folder}/")
                ),
                "name": words,
            }
            for folder, words in sorted(self._folders.items())
        ]

    def _search(self) -> list[Entity]:
        """What made it, out of what, and what nobody knows."""
        results = [f"programs/trial-{self._trial.number}", "record"]
        results += ["certificate"] if self._certified else []
        return [
            {
                "@id": "#search",
                "@type": "CreateAction",
                "actionStatus": _to("http://schema.org/CompletedActionStatus"),
                "endTime": self._info.heartbeat_at.isoformat(timespec="seconds"),
                "instrument": _to("#adrs"),
                "name": f"The run {self._info.name}",
                "object": _all(map(_dataset_id, ("task", "programs/trial-0"))),
                "result": _all(map(_dataset_id, results)),
                "startTime": self._info.created_at.isoformat(timespec="seconds"),
            },
            {
                "@id": "#adrs",
                "@type": "SoftwareApplication",
                "name": "ADRS",
                "description": "A search for better programs, whose results can be trusted",
                "softwareVersion": version("adrs-lab"),
            },
            {
                "@id": "#license",
                "@type": "CreativeWork",
                "name": "No licence is stated",
                "description": "The record does not know under which terms its task and its "
                "programs may be used. Ask their authors.",
            },
            {
                "@id": _PROFILE,
                "@type": "CreativeWork",
                "name": "Process Run Crate",
                "version": "0.5",
            },
        ]


def _file(path: str, data: bytes) -> Entity:
    suffix = path[path.rfind(".") :] if "." in path.rpartition("/")[2] else ""
    kind = _TYPES.get(suffix) or "application/octet-stream"
    return {
        "@id": _id(path),
        "@type": "File",
        "contentSize": str(len(data)),
        "encodingFormat": kind,
        "name": path.rpartition("/")[2],
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _id(path: str) -> str:
    """A path as a relative URI."""
    return quote(path)


def _dataset_id(folder: str) -> str:
    return f"{_id(folder)}/"


def _to(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _all(identifiers: Iterable[str]) -> dict[str, str] | list[dict[str, str]]:
    """A single reference stands by itself, as the specification asks."""
    found = [_to(one) for one in identifiers]
    return found[0] if len(found) == 1 else found
