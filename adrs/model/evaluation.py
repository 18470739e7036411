"""What was measured: samples, one measurement at one stage, and the score made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from adrs.model.isolation import Isolation
from adrs.model.metric import Direction
from adrs.model.task import Split

# One-sided 84 %: a program measured once has to look better by this much than one measured often.
CAUTION = 1.0


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
        size: bytes of its data as JSON.
    """

    name: str
    unit: str
    shares: str
    digest: str
    size: int = 0


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

    @property
    def repeats(self) -> int:
        """How often every workload was measured."""
        return len({sample.repeat for sample in self.samples})

    def joined(self, later: Evaluation) -> Evaluation:
        """This one and further repeats of the same program on the same workloads, as one.

        Raises:
            ValueError: the later one was measured on other workloads.
        """
        if (self.split, self.workloads) != (later.split, later.workloads):
            raise ValueError("repeats are of the same workloads; the judge made others")
        return replace(
            later,
            samples=self.samples + later.samples,
            feedback=later.feedback or self.feedback,
            wall_s=self.wall_s + later.wall_s,
        )


def merged(evaluations: Iterable[Evaluation]) -> tuple[Evaluation, ...]:
    """Evaluations in order, those that go on with the repeats of the one before as one with it."""
    found: list[Evaluation] = []
    for evaluation in evaluations:
        last = found[-1] if found else None
        first = evaluation.samples[0].repeat if evaluation.samples else 0
        if first and last is not None and last.split is evaluation.split and first == last.repeats:
            found[-1] = last.joined(evaluation)
        else:
            found.append(evaluation)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Score:
    """What the archive compares: feasible before infeasible, then the objective.

    Attributes:
        value: the objective, aggregated over workloads.
        violation: sum over workloads of how far constraints are broken; 0.0 means feasible.
        error: standard error of `value` from repeat to repeat; 0.0 where figures do not vary.
        repeats: how often every workload was measured.
    """

    value: float
    violation: float = 0.0
    error: float = 0.0
    repeats: int = 1

    @property
    def feasible(self) -> bool:
        return self.violation == 0.0

    def cautious(self, direction: Direction) -> float:
        """The bound that archives compare: worse than `value` by CAUTION standard errors."""
        return self.value + CAUTION * self.error * (1 if direction is Direction.MINIMIZE else -1)
