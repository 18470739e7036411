"""A task: everything declared about one problem. Data, never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from adrs.model.metric import Constraint, Metric, Objective
from adrs.model.program import Program


class Split(StrEnum):
    """The four sets of workloads. Search sees SMOKE and TRAIN; the few best see VALIDATION."""

    SMOKE = "smoke"
    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one candidate process (one workload, one repeat) may use; enforced from outside.

    Attributes:
        wall_s: elapsed seconds.
        cpu_s: CPU seconds of the whole process tree.
        memory_mb: memory in MiB.
        processes: processes and threads at the same time.
        output_mb: bytes written to standard output and error, in MiB.
        files_mb: bytes in its private temporary folder, in MiB.
    """

    wall_s: float = 60.0
    cpu_s: float = 60.0
    memory_mb: int = 1024
    processes: int = 16
    output_mb: int = 4
    files_mb: int = 64


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of an evaluation: the split that is measured, cheap ones first.

    Attributes:
        repeats: how often every workload is measured before anything is decided.
        window: a program whose objective here is worse than the best's by more than this share
            goes no further; None finds from the data what is clearly bad.
    """

    split: Split
    repeats: int = 1
    window: float | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What candidate and judge find installed.

    Attributes:
        base: the image a container sandbox starts from.
        debian: Debian packages, for container sandboxes.
        python: requirements; imported before the first candidate starts.
        from_source: Python packages may be built where there is no wheel, which runs their code.
    """

    base: str = ""
    debian: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    from_source: bool = False


@dataclass(frozen=True, slots=True)
class EvaluatorChoice:
    """Which evaluator measures, and what the author declares about it.

    Attributes:
        use: an entry point of the group adrs.evaluators.
        deterministic: the same program on the same workload always gives the same metrics.
        wall_s: elapsed seconds that the judge may take for one workload beyond the candidate's own.
        options: what this evaluator alone knows; it reads them with `adrs.read_options`.
    """

    use: str = "judge"
    deterministic: bool = False
    wall_s: float = 120.0
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brief:
    """The part of a task that a proposer may see."""

    name: str
    title: str
    statement: str
    editable: tuple[str, ...]
    entry: str
    objective: Objective
    metrics: tuple[Metric, ...]
    constraints: tuple[Constraint, ...]
    limits: Limits

    def may_edit(self, path: str) -> bool:
        """Whether a candidate may add, change or remove the file at `path`."""
        return any(fnmatchcase(path, glob) for glob in self.editable)


@dataclass(frozen=True, slots=True)
class Task:
    """A problem, as read from its folder.

    Attributes:
        folder: where it was read; the judge's code stays there and is never imported by the engine.
        seed: the program that the search starts from; trial 0 and the baseline.
        references: programs to compare with, by name; never shown to a proposer.
        generator: parameters handed to the judge's `workloads`.
        digest: SHA-256 over the folder's files that decide a measurement.
        files: those files, by relative path, to the SHA-256 of their bytes; empty in a task that
            was recorded before they were.
    """

    brief: Brief
    folder: Path
    seed: Program
    evaluator: EvaluatorChoice
    stages: tuple[Stage, ...]
    environment: Environment
    generator: Mapping[str, object]
    references: Mapping[str, Program]
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.brief.name

    @property
    def objective(self) -> Objective:
        return self.brief.objective

    @property
    def timed(self) -> bool:
        """Whether what decides is a timing, so that nothing else may run beside a measurement."""
        constrained = {constraint.metric for constraint in self.brief.constraints}
        return self.objective.metric.timed or any(
            metric.timed for metric in self.brief.metrics if metric.name in constrained
        )

    @property
    def search_split(self) -> Split:
        """The split whose figures decide who survives: the last stage's."""
        return self.stages[-1].split
