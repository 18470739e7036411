"""What a winner's certificate holds, its canonical bytes and its id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from adrs.errors import ProgramError
from adrs.model.evaluation import Evaluation, Sample, Status
from adrs.model.isolation import Isolation, IsolationLevel
from adrs.model.metric import Aggregate, Constraint, Direction, Meter, Metric, Objective
from adrs.model.program import check_path
from adrs.model.task import Split
from adrs.model.verdict import Interval
from adrs.trust._task_files import file_kind

MAX_BYTES = 16 * 1024 * 1024
MAX_SAMPLES = 20_000
# JSON's whole numbers are floats to many readers; RFC 8785 refuses larger ones.
LARGEST_INT = 2**53 - 1


def _file_path(path: str) -> str:
    try:
        check_path(path)
    except ProgramError as error:
        raise ValueError(str(error)) from None
    return path


# By ranges, since \d is any script's digits.
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FilePath = Annotated[str, Field(min_length=1, max_length=240), AfterValidator(_file_path)]
Whole = Annotated[int, Field(ge=0, le=LARGEST_INT)]
# As large as an evaluation accepts, so that sums stay finite.
Figure = Annotated[float, Field(ge=-1e150, le=1e150)]
Files = Annotated[Mapping[FilePath, Sha256], Field(min_length=1)]


class Part(BaseModel):
    """A record of a certificate: frozen, and strict about types, names and finite numbers."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Span(Part):
    """A value with its two-sided interval; no bounds where nothing is known of the spread."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, interval: Interval | None) -> Span | None:
        """The same as one of ours."""
        if interval is None:
            return None
        return cls(value=interval.value, low=interval.low, high=interval.high)


class TaskPart(Part):
    """The task that the winner was judged with."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    title: str
    digest: Sha256
    """SHA-256 over the files that decide a measurement, as every run records it."""
    root: FilePath
    """The folder of the seed program, within the task."""
    judge: Sha256
    """SHA-256 over the files that are neither declaration, statement, seed nor reference."""
    files: Files
    """Every file that decides a measurement, and the statement, to the SHA-256 of its bytes."""

    def kind(self, path: str) -> str:
        """What a file belongs to: "task", "seed", "reference" or "judge"."""
        return file_kind(path, self.root)


class ProgramPart(Part):
    """The winner."""

    id: Sha256
    files: Files


class MetricPart(Part):
    """A declared figure."""

    name: str
    direction: Direction
    unit: str
    timing: bool
    meter: Meter | None


class ConstraintPart(Part):
    """What must hold on every workload."""

    metric: str
    at_most: Figure | None
    at_least: Figure | None


class ObjectivePart(Part):
    """What was compared, and what would have been too little."""

    metric: str
    direction: Direction
    unit: str
    aggregate: Aggregate
    min_effect: Annotated[float, Field(ge=0)]
    """Relative improvement over the baseline that the whole interval must exceed."""
    reference: str | None
    """The reference program to compare with, beside the baseline."""
    metrics: Annotated[tuple[MetricPart, ...], Field(min_length=1)]
    constraints: tuple[ConstraintPart, ...]


class HeldOutPart(Part):
    """The workloads that decided: drawn from `salt` after the program was frozen."""

    salt: str
    workloads: Sha256
    """Digest of the set, of names and data."""
    source: Sha256 | Literal[""]
    """SHA-256 of the real workloads that the judge was handed; "" if it made its own."""


class IsolationPart(Part):
    """What was in force while something was measured."""

    sandbox: str
    level: IsolationLevel
    enforced: Mapping[str, str]
    missing: Mapping[str, str]


class SamplePart(Part):
    """One run of a program on one workload."""

    workload: str
    unit: str
    """The independent block that the workload belongs to."""
    repeat: Whole
    status: Status
    metrics: Mapping[str, Figure]
    cpu_s: Annotated[Figure, Field(ge=0)]
    wall_s: Annotated[Figure, Field(ge=0)]
    peak_mb: Annotated[Figure, Field(ge=0)]


class Measurement(Part):
    """One program on the held-out workloads."""

    program: Sha256
    isolation: IsolationPart
    samples: Annotated[tuple[SamplePart, ...], Field(min_length=1, max_length=MAX_SAMPLES)]


class FindingPart(Part):
    """The verdict and the figures that it rests on."""

    trial: Whole
    verdict: Literal["WINNER"]
    reason: str
    effect: Span
    """Relative improvement over the baseline; 0.1 is 10 % better."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Confidence of `effect`, corrected for the number of looks."""
    looks: Annotated[int, Field(ge=1, le=LARGEST_INT)]
    units: Whole
    shares: str
    """What units have in common, so that they are not quite independent."""
    baseline: Span | None
    best: Span | None


class Comparison(Part):
    """Baseline and winner on a split that the search saw; beside held-out, the gap shows."""

    split: Split
    baseline: Span | None
    winner: Span | None


class Ancestor(Part):
    """A trial that the winner descends from, or the winner itself."""

    trial: Whole
    program: Sha256
    proposer: str
    version: str
    parents: tuple[Whole, ...]
    plan: str
    """Untrusted text of the proposer, cut."""
    prompts: tuple[str, ...]
    """Hashes of the prompts that led to it."""


class RunPart(Part):
    """The search that found the winner."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,80}$")]
    seed: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,40}$")]
    """Decimal digits: a seed may be larger than JSON's whole numbers."""
    told: Whole
    """Trials whose result was accepted, the seed included."""
    proposers: tuple[str, ...]


class CalibrationPart(Part):
    """How far the seed differed from itself where it was measured."""

    repeats: Whole
    deterministic: bool
    spread: Figure
    cpu_spread: Figure
    wall_spread: Figure
    contradiction: str


class Certificate(Part):
    """Why a program is a WINNER: everything that somebody else needs to check it."""

    format: Literal["adrs-certificate/1"]
    id: Sha256
    """SHA-256 of the canonical JSON (RFC 8785) of everything else."""
    made_at: Annotated[str, StringConstraints(pattern=_TIME)]
    adrs: str
    """Version that made it."""
    task: TaskPart
    program: ProgramPart
    objective: ObjectivePart
    held_out: HeldOutPart
    winner: Measurement
    baseline: Measurement
    """The task's seed program."""
    references: Mapping[str, Measurement]
    """The task's other programs; `objective.reference` names the one to beat."""
    finding: FindingPart
    search: tuple[Comparison, ...]
    accepted_isolation: Literal["", "shared", "process"]
    """The level below separate sandboxes that the user accepted."""
    fingerprint: Mapping[str, JsonValue]
    """Machine and versions that the winner was measured with."""
    lineage: Annotated[tuple[Ancestor, ...], Field(min_length=1)]
    """The winner and its ancestors, the nearest first."""
    lineage_omitted: Whole
    """Ancestors further away that are not listed."""
    proposer_confined: bool
    """No proposer that the winner owes anything to could read the task's files."""
    unconfined: tuple[str, ...]
    """The proposers that could, or of which it is not known."""
    run: RunPart
    calibration: CalibrationPart | None
    how_to_verify: str
    """The text of VERIFY.md."""

    def canonical(self) -> bytes:
        """The bytes of certificate.json: canonical JSON after RFC 8785."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    def own_id(self) -> str:
        """The id that the content has, whatever it claims."""
        content = self.model_dump(mode="json", exclude={"id"})
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()

    def plain_objective(self) -> Objective:
        """The objective as the rest of the library knows it.

        Raises:
            KeyError: it names a metric that is not declared.
        """
        this = self.objective
        metrics = {
            one.name: Metric(one.name, one.direction, one.unit, one.timing, one.meter)
            for one in this.metrics
        }
        return Objective(metrics[this.metric], this.aggregate, this.min_effect, this.reference)

    def plain_constraints(self) -> tuple[Constraint, ...]:
        """The constraints as the rest of the library knows them."""
        return tuple(
            Constraint(one.metric, one.at_most, one.at_least) for one in self.objective.constraints
        )

    def evaluation(self, measurement: Measurement) -> Evaluation:
        """A program's held-out samples as one evaluation."""
        samples = tuple(
            Sample(
                one.workload, one.unit, one.repeat, one.status, one.metrics,
                cpu_s=one.cpu_s, wall_s=one.wall_s, peak_mb=one.peak_mb,
            )
            for one in measurement.samples
        )  # fmt: skip
        failed = (one.status for one in samples if one.status is not Status.SCORED)
        isolation = measurement.isolation
        return Evaluation(
            split=Split.HELD_OUT,
            status=next(failed, Status.SCORED),
            samples=samples,
            workloads=self.held_out.workloads,
            isolation=Isolation(
                isolation.sandbox, isolation.level, isolation.enforced, isolation.missing
            ),
        )


def certificate_schema() -> str:
    """The published JSON schema of a certificate."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Certificate.model_json_schema(),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
