"""The port for where untrusted code runs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from adrs.model.isolation import Isolation, Probe
from adrs.model.task import Environment, Limits


@dataclass(frozen=True, slots=True)
class Room:
    """What every process of a session finds inside.

    Attributes:
        boot: a Python file of ours, standard library only, loaded once before any process starts.
            In each fresh process its `main(channel: socket, paths: dict[str, str])` is called,
            after every wall is up, in a private working folder that holds the job's files.
        mounts: name to a file or folder outside, read-only inside; `main` gets the inside paths.
        environment: what is installed inside; its Python packages are imported beforehand.
        core: the CPU core that all of its processes stay on; None for any.
        hash_seed: PYTHONHASHSEED inside, 0 to 4294967295: in what order sets of texts come.
    """

    boot: Path
    mounts: Mapping[str, Path] = field(default_factory=dict)
    environment: Environment = field(default_factory=Environment)
    core: int | None = None
    hash_seed: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One process to run.

    Attributes:
        files: relative path to bytes, written into the private working folder.
        limits: enforced from outside on the whole process tree.
        seed: for the `random` module of the process.
    """

    files: Mapping[str, bytes]
    limits: Limits
    seed: int = 0


class ExitReason(StrEnum):
    """Why a process is gone. Exit codes are not among them: a candidate can fake those.

    STOPPED: `Process.stop` was called. ENDED: it ended by itself.
    The others name the limit that it hit.
    """

    STOPPED = "stopped"
    ENDED = "ended"
    WALL = "wall"
    CPU = "cpu"
    MEMORY = "memory"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended and what it used.

    Attributes:
        signal: number of the signal that ended it, 0 if none.
        cpu_s: CPU seconds of the whole process tree.
        peak_mb: largest resident memory seen, MiB.
        output: the last bytes (at most 8 KiB) it wrote to standard output and error.
    """

    reason: ExitReason
    signal: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    output: bytes = b""


class Process(Protocol):
    """A running process of a session."""

    def stop(self) -> None:
        """Ends the whole process tree; harmless when it has ended."""
        ...

    async def wait(self) -> Exit:
        """How it ended; nothing of it is alive when this returns.

        Raises:
            SandboxUnavailable: the sandbox broke.
        """
        ...


class Session(Protocol):
    """An open room in which fresh processes are started, one at a time."""

    isolation: Isolation

    async def run(self, job: Job, channel: socket.socket) -> Process:
        """Starts a fresh process that holds `channel` (a connected stream socket) and nothing else.

        The caller's copy of `channel` is closed. Nothing of an earlier process is visible to it.

        Raises:
            SandboxUnavailable: it could not be started for a reason that is not the program's.
        """
        ...

    async def close(self) -> None:
        """Ends everything in the room."""
        ...


@runtime_checkable
class Sandbox(Protocol):
    """A way to run code that nobody trusts."""

    name: str

    async def probe(self) -> Probe:
        """Tries what holds on this machine; never raises for what does not."""
        ...

    async def open(self, room: Room) -> Session:
        """Makes a room.

        Raises:
            SandboxUnavailable: it cannot be made here; the message has the cure.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """Optional for a sandbox: what an environment needs can be built or installed beforehand."""

    async def lacking(self, environment: Environment) -> str:
        """What has to be built or installed before a room of it opens, in words; "" for nothing.

        Raises:
            SandboxUnavailable: rooms of this environment cannot be had here; the message has the
                cure.
        """
        ...

    async def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        """Builds and installs it; stops when it is cancelled.

        Args:
            tell: given a line of progress now and then, on the thread that awaits this. Others
                wrote it: it is to be made harmless.

        Raises:
            SandboxUnavailable: it cannot be built; the message has the end of what was printed.
        """
        ...


@runtime_checkable
class Sweeping(Protocol):
    """Optional for a sandbox: what engines left that were killed can be found and removed."""

    async def sweep(self, unused: bool = False) -> Sequence[str]:
        """Removes it, never what belongs to a live engine, and says what was removed.

        Args:
            unused: remove prepared environments as well; they are made again when needed.

        Raises:
            SandboxUnavailable: it could not be looked for.
        """
        ...
