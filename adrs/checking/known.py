"""The programs of a task's checks/ folder: their authors know how they must come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adrs.config import read_program
from adrs.errors import ConfigError
from adrs.model.program import Program
from adrs.model.task import Task

_KINDS = ("good", "bad", "cheats")
_SKIPPED = ("README.md", "__pycache__")


@dataclass(frozen=True, slots=True)
class KnownPrograms:
    """Programs by name.

    Attributes:
        good: better than the seed and than every bad one.
        bad: valid, or nearly, and worse than every good one.
        cheats: must not score, or be no better than the seed.
    """

    good: Mapping[str, Program]
    bad: Mapping[str, Program]
    cheats: Mapping[str, Program]

    @classmethod
    def read(cls, task: Task) -> KnownPrograms:
        """Those of checks/good/NAME/, checks/bad/NAME/ and checks/cheats/NAME/.

        A folder needs only the files that differ from the seed.

        Raises:
            ConfigError: something there is not a folder of program files.
            ConfigError: checks/ has a folder of another name.
            ProgramError: the files in one are not a program.
        """
        root = task.folder / "checks"
        for path in root.iterdir() if root.is_dir() else ():
            if path.is_dir() and path.name not in (*_KINDS, *_SKIPPED) and path.name[0] != ".":
                raise ConfigError(
                    f"{path} is looked at by nobody; programs are in {', '.join(_KINDS)}: rename it"
                )
        return cls(*(_read(task, kind) for kind in _KINDS))

    @property
    def all(self) -> Iterator[tuple[str, Program]]:
        """Each program with the folder that it is from."""
        for kind, programs in (("good", self.good), ("bad", self.bad), ("cheats", self.cheats)):
            for name, program in programs.items():
                yield f"checks/{kind}/{name}", program


def _read(task: Task, kind: str) -> dict[str, Program]:
    root = task.folder / "checks" / kind
    if not root.is_dir():
        return {}
    return {
        path.name: task.seed.replacing(read_program(_folder(path)).files)
        for path in sorted(root.iterdir())
        if not path.name.startswith(".") and path.name not in _SKIPPED
    }


def _folder(path: Path) -> Path:
    if path.is_symlink() or not path.is_dir():
        raise ConfigError(
            f"{path} is not a folder; a program to check with is a folder of program files, "
            f"{path.parent.name}/{path.stem}/"
        )
    return path
