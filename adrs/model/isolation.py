"""What a sandbox promises, and what it really enforced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Guarantee(StrEnum):
    """One thing that a sandbox can enforce on every process it runs."""

    NAMESPACES = "namespaces"
    SECCOMP = "seccomp"
    WALL = "wall"
    CPU = "cpu"
    MEMORY = "memory"
    PROCESSES = "processes"
    OUTPUT = "output"
    FILES = "files"


NEEDED_FOR_WINNER = (
    Guarantee.NAMESPACES,
    Guarantee.SECCOMP,
    Guarantee.WALL,
    Guarantee.CPU,
    Guarantee.MEMORY,
)


class IsolationLevel(StrEnum):
    """How far candidate and judge are apart.

    SEPARATE: a sandbox each, joined by a pipe. SHARED: one sandbox for both.
    PROCESS: processes of one user on one machine, no wall between them.
    """

    SEPARATE = "separate"
    SHARED = "shared"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a sandbox can do on this machine, found out by trying.

    Attributes:
        holds: guarantee to how it is enforced ("cgroup v1", "NPROC x AS").
        missing: guarantee to why not, with the cure.
        unavailable: why the sandbox cannot run here at all, with the cure; "" if it can.
        facts: what else was found out and may explain a difference: versions, ways, reservations.
    """

    sandbox: str
    level: IsolationLevel
    holds: Mapping[Guarantee, str]
    missing: Mapping[Guarantee, str]
    unavailable: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Isolation:
    """What was in force while something was measured.

    Attributes:
        enforced: guarantee to how.
        missing: guarantee to why not.
        root: what the programs found installed: an image and its digest, versions of packages.
    """

    sandbox: str
    level: IsolationLevel
    enforced: Mapping[str, str]
    missing: Mapping[str, str]
    root: Mapping[str, str] = field(default_factory=dict)

    @property
    def enough_for_winner(self) -> bool:
        """Whether a WINNER may be declared without the user accepting less."""
        return self.level is IsolationLevel.SEPARATE and all(
            guarantee in self.enforced for guarantee in NEEDED_FOR_WINNER
        )
