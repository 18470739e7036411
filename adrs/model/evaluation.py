"""What was measured: samples, one measurement at one stage, and the score made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from adrs.model.isolation import Isolation
from adrs.model.task import Split


class Status(StrEnum):
    """How a measurement ended. Only SCORED has metrics; none of the others is a score of zero."""

    SCORED = "SCORED"
    INVALID = "INVALID"
    CRASHED = "CRASHED"
    TIMED_OUT = "TIMED_OUT"
    OVER_MEMORY = "OVER_MEMORY"
    OVER_OUTPUT = "OVER_OUTPUT"
    JUDGE_FAILED = "JUDGE_FAILED"


@dataclass(frozen=True, slots=True)
class WorkloadRef:
    """What the engine knows of a workload; its data stays with the judge.

    Attributes:
        unit: name of the independent block it belongs to; intervals count units.
        shares: what this unit has in common with others ("days"), or "" if nothing.
        digest: SHA-256 of name and data.
    """

    name: str
    unit: str
    shares: str
    digest: str


def set_digest(workloads: Sequence[WorkloadRef]) -> str:
    """SHA-256 that names a set of workloads: of their digests, in order."""
    return hashlib.sha256("\n".join(ref.digest for ref in workloads).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a program on one workload.

    Attributes:
        metrics: name to value; empty unless SCORED.
        reason: why it is not SCORED; written by judge, candidate or sandbox, so untrusted text.
        cpu_s: CPU seconds of the candidate's process tree.
        wall_s: elapsed seconds of the candidate.
        peak_mb: largest resident memory of one of its processes, MiB.
    """

    workload: str
    unit: str
    repeat: int
    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One measurement of one program at one stage.

    Attributes:
        status: SCORED only if every sample is.
        reason: the first sample's reason that is not SCORED, else "".
        workloads: `set_digest` of the workloads measured.
        feedback: the judge's words for the proposer; "" on held-out.
        output: the end of what the candidate printed in its last run, bounded; untrusted text.
        wall_s: elapsed seconds of the whole measurement.
        fingerprint: SHA-256 of the stored description of judge, machine and sandbox.
    """

    split: Split
    status: Status
    samples: tuple[Sample, ...]
    workloads: str
    isolation: Isolation
    reason: str = ""
    feedback: str = ""
    output: str = ""
    wall_s: float = 0.0
    fingerprint: str = ""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all candidate processes."""
        return sum(sample.cpu_s for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Score:
    """What the archive compares: feasible before infeasible, then the objective.

    Attributes:
        value: the objective, aggregated over workloads.
        violation: sum over workloads of how far constraints are broken; 0.0 means feasible.
    """

    value: float
    violation: float = 0.0

    @property
    def feasible(self) -> bool:
        return self.violation == 0.0
