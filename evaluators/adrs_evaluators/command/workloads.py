"""Where the workloads of a task without a judge.py come from."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adrs import ConfigError, Limits, Request, Session, Setting, Split, WorkloadRef
from adrs_evaluators.building import Command, run_command
from adrs_evaluators.judge.judge_boot import Refused, decode
from adrs_evaluators.named import check_names

_MB = 1 << 20
_MAX_FILE_MB = 64
_MAX_NAME = 200
# Sets kept in memory: the splits of a run and some more; others are made again.
_KEPT_SETS = 6
_LIMITS = Limits(wall_s=120, cpu_s=1e7, memory_mb=8192, processes=64, output_mb=64, files_mb=256)
_KEYS = ("name", "data", "unit", "shares")


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing to run a program on.

    Attributes:
        data: what the program gets on standard input.
    """

    ref: WorkloadRef
    data: bytes

    @classmethod
    def of(cls, name: str, data: bytes, unit: str = "", shares: str = "") -> Workload:
        digest = hashlib.sha256(f"[{json.dumps(name)}, ".encode() + data + b"]").hexdigest()
        return cls(WorkloadRef(name, unit or name, shares, digest, len(data)), data)

    @property
    def content(self) -> bytes:
        """Its data as JSON: of a file that is not JSON, the text."""
        try:
            decode(self.data)
        except Refused:
            return json.dumps(self.data.decode("utf-8", "backslashreplace")).encode()
        return self.data


class Workloads:
    """A task's workloads: of a command in the judge's room, else files, else a single one.

    Args:
        argv: the command; empty if there is none.
        judge: a room made with `command_room`, if there is a command.

    Raises:
        ConfigError: workloads are files, and a split that will be needed has no folder.
    """

    def __init__(self, setting: Setting, argv: tuple[str, ...], judge: Session | None) -> None:
        self._task = setting.task
        self._argv = argv
        self._judge = judge
        self._folder = setting.source or setting.task.folder / "workloads"
        self._kept: dict[tuple[str, str, str], tuple[Workload, ...]] = {}
        if self._folder.is_dir() and not argv:
            stages = [stage.split for stage in self._task.stages]
            for split in (*stages, Split.VALIDATION, Split.HELD_OUT):
                if not (self._folder / split).is_dir():
                    raise ConfigError(
                        f"{self._folder} has no folder {split}/ with the workloads of that split, "
                        "one a file"
                    )

    async def of(self, request: Request) -> tuple[Workload, ...]:
        """The workloads that a request asks for.

        Raises:
            ConfigError: the command failed or printed nonsense; the message has its words.
            ConfigError: a file that cannot be read, or none.
            ConfigError: there is no workload of a name that was asked for.
            SandboxUnavailable: the sandbox broke.
        """
        asked = self._task.generator if request.parameters is None else request.parameters
        parameters = json.dumps(dict(asked), sort_keys=True)
        key = (request.split.value, request.salt, parameters)
        found = self._kept.pop(key, None)
        if found is None:
            found = await self._make(request, parameters)
        self._kept[key] = found
        if len(self._kept) > _KEPT_SETS:
            del self._kept[next(iter(self._kept))]
        if not request.names:
            return found
        check_names(request, [workload.ref.name for workload in found], self._task.name)
        return tuple(workload for workload in found if workload.ref.name in request.names)

    async def _make(self, request: Request, parameters: str) -> tuple[Workload, ...]:
        if self._judge is not None and self._argv:
            argv = (*self._argv, request.split.value, request.salt)
            command = Command(argv, _LIMITS, {}, parameters.encode())
            finished = await run_command(self._judge, command, "the command workloads")
            if finished.failure is not None:
                raise ConfigError(
                    f"{self._task.name} has no workloads of {request.split}: "
                    f"{finished.failure.reason}"
                )
            return self._printed(finished.output, request.split)
        if request.parameters:
            raise ConfigError(
                f"{self._task.name} has no command workloads, so its workloads have no "
                "parameters that could be varied"
            )
        if self._folder.is_dir():
            return await asyncio.to_thread(_files, self._folder / request.split)
        return (Workload.of("all", b"null"),)

    def _printed(self, output: bytes, split: Split) -> tuple[Workload, ...]:
        """The workloads that the command printed."""
        where = f"the command workloads of {self._task.name}, asked for {split},"
        try:
            rows = decode(output)
        except Refused as error:
            raise ConfigError(f"{where} must print a JSON array: {error}") from None
        if not isinstance(rows, list) or not rows:
            raise ConfigError(f"{where} must print a JSON array that is not empty")
        found: dict[str, Workload] = {}
        for row in rows:
            if fault := _fault(row):
                raise ConfigError(f"{where} printed {row!r:.80}; {fault}")
            name = row["name"]
            if name in found:
                raise ConfigError(f"{where} printed two workloads of the name {name!r}")
            unit, shares = row.get("unit", ""), row.get("shares", "")
            found[name] = Workload.of(name, _given(row["data"]), unit, shares)
        return tuple(found.values())


def _given(data: object) -> bytes:
    """What a program gets of a workload's data: a text as it is, anything else as JSON."""
    text = data if isinstance(data, str) else json.dumps(data, sort_keys=True)
    return text.encode("utf-8", "backslashreplace")


def _fault(row: object) -> str:
    """What is wrong with a workload as it was printed; "" if nothing is."""
    if not isinstance(row, Mapping) or not {"name", "data"} <= row.keys() <= {*_KEYS}:
        return "a workload is an object with name and data, and maybe unit and shares"
    texts = [row[key] for key in ("name", "unit", "shares") if key in row]
    if not all(isinstance(text, str) and len(text) <= _MAX_NAME for text in texts):
        return f"name, unit and shares are texts of at most {_MAX_NAME} characters"
    if not all(text.isprintable() for text in texts) or not row["name"]:
        return "name, unit and shares are printable, and a name is not empty"
    return ""


def _files(folder: Path) -> tuple[Workload, ...]:
    """The files of a folder as workloads, in order of their names; none that a dot hides."""
    found = []
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is not a regular file; each workload is one")
            if status.st_size > _MAX_FILE_MB * _MB:
                raise ConfigError(
                    f"{path} has {status.st_size >> 20} MiB; a workload has at most {_MAX_FILE_MB}"
                )
            found.append(Workload.of(path.name, path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read: {error.strerror}") from error
    if not found:
        raise ConfigError(f"{folder} has no file, so there is no workload")
    return tuple(found)
