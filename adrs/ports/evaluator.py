"""The ports for measuring programs, and for where that happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from adrs.model.evaluation import Evaluation, WorkloadRef
from adrs.model.program import Program
from adrs.model.task import Split, Task
from adrs.ports.sandbox import Sandbox

# How feedback begins that says why there is none.
NO_FEEDBACK = "(no feedback: "


@dataclass(frozen=True, slots=True)
class Setting:
    """Where measuring happens.

    Attributes:
        source: path of real workloads handed to the judge, or None for its generator.
        core: the CPU core to stay on; None for any.
        hash_seed: of all rooms; another one than 0 only to find out whether figures depend on it.
    """

    task: Task
    sandbox: Sandbox
    source: Path | None = None
    core: int | None = None
    hash_seed: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure a program on.

    Attributes:
        salt: what held-out workloads are drawn with; "" for the other splits.
        repeats: how often every workload is measured.
        feedback: whether the judge's words are wanted; never on held-out.
        first: number of the first repeat; those before it were measured earlier.
        parameters: handed to the judge's `workloads` in place of the task's [generator].
        names: only the workloads of these names; all of the split if empty.
    """

    split: Split
    salt: str = ""
    repeats: int = 1
    feedback: bool = False
    first: int = 0
    parameters: Mapping[str, object] | None = None
    names: tuple[str, ...] = ()


class Bench(Protocol):
    """A warm place that measures one program at a time."""

    async def workloads(self, request: Request) -> tuple[WorkloadRef, ...]:
        """Names, units and digests of the workloads that a request asks for.

        Raises:
            ConfigError: the judge raised or answered nonsense; the message has its reason.
            SandboxUnavailable: the sandbox broke.
        """
        ...

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Measures a program; whatever the program does becomes a status.

        Raises:
            SandboxUnavailable: the sandbox broke; nothing is known about the program.
        """
        ...

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        """Measures programs in turns, with nothing else of ADRS running on the machine meanwhile.

        Repeat by repeat and workload by workload each program has its turn, in an order that is
        reversed every time, so that a machine that gets slower or faster is so for all of them.
        Once a program is not SCORED its turns end; the others go on.

        Raises:
            SandboxUnavailable: the sandbox broke; nothing is known about the programs.
        """
        ...

    async def close(self) -> None:
        """Ends its processes."""
        ...


@runtime_checkable
class Showing(Protocol):
    """A bench that can show what its workloads hold: `adrs check` compares splits with it."""

    async def contents(self, request: Request) -> tuple[bytes, ...]:
        """The data of each workload that `Bench.workloads` lists, in its order, as JSON.

        Raises:
            ConfigError: the judge raised or answered nonsense; the message has its reason.
            SandboxUnavailable: the sandbox broke.
        """
        ...


@runtime_checkable
class Evaluator(Protocol):
    """A way to measure programs."""

    name: str

    async def open(self, setting: Setting) -> Bench:
        """Makes a bench.

        Raises:
            ConfigError: the task's judge cannot be loaded; the message has its reason.
            SandboxUnavailable: there is no sandbox for it.
        """
        ...


@runtime_checkable
class Executor(Protocol):
    """Runs evaluations somewhere: on this machine, or on many."""

    capacity: int

    async def open(self, evaluator: Evaluator, setting: Setting) -> Bench:
        """A bench that takes up to `capacity` calls of `measure` at the same time."""
        ...
