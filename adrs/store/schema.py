"""The tables of the record. All of them are appended to; few are ever changed.

Times are seconds since 1970 in UTC. Columns named `..._key` point at a row; columns that hold JSON
say so. Programs and other bytes are in `blobs` once, however many rows use them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

REVISION = "0003"
"""The schema that the classes below describe: the newest file in `migrations/versions`."""


class UntrustedText(sa.TypeDecorator[str]):
    """Text that a candidate, a model or a judge wrote: lone surrogates must not stop the engine."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value if value is None else storable(value)


def storable(text: str) -> str:
    """Return a text without what cannot be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class Table(SQLModel):
    """What our tables have in common, apart from those that others define with SQLModel."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RunNumberRow(Table, table=True):
    """How many runs a task ever had, so that a name is never used twice."""

    __tablename__ = "run_numbers"

    task: str = Field(primary_key=True)
    last: int


class DescriptionRow(Table, table=True):
    """JSON by its SHA-256: fingerprints, isolations and tasks, each once. Never deleted."""

    __tablename__ = "descriptions"

    digest: str = Field(primary_key=True)
    content: str


class RunRow(Table, table=True):
    """A run, with counters kept by the transactions that add to it, so that polling is cheap.

    `settings` and `by_status` are JSON; `description` is the digest of the task's description.
    """

    __tablename__ = "runs"
    __table_args__ = {"sqlite_autoincrement": True}

    key: int = Field(primary_key=True)
    name: str = Field(unique=True)
    task: str
    task_digest: str
    description: str = Field(foreign_key="descriptions.digest")
    settings: str
    status: str
    reason: str
    created_at: float
    heartbeat_at: float
    elapsed_s: float
    stop_requested: bool
    last_ordinal: int
    asked: int
    told: int
    rejections: int
    by_status: str
    evaluation_s: float


class BlobRow(Table, table=True):
    """Bytes by their SHA-256, packed with zlib where that pays."""

    __tablename__ = "blobs"

    key: int = Field(primary_key=True)
    digest: str = Field(unique=True)
    size: int
    packed: bool
    content: bytes


class ProgramRow(Table, table=True):
    __tablename__ = "programs"

    key: int = Field(primary_key=True)
    id: str = Field(unique=True)


class ProgramFileRow(Table, table=True):
    __tablename__ = "program_files"
    __table_args__ = {"sqlite_with_rowid": False}

    program_key: int = Field(primary_key=True, foreign_key="programs.key")
    path: str = Field(primary_key=True)
    blob_key: int = Field(foreign_key="blobs.key", index=True)


class TaskProgramRow(Table, table=True):
    """A program that came with a run's task: its seed (name "") or a reference."""

    __tablename__ = "task_programs"

    run_key: int = Field(primary_key=True, foreign_key="runs.key")
    name: str = Field(primary_key=True)
    program_key: int = Field(foreign_key="programs.key", index=True)


class LineageColumns(Table):
    """Where a proposal comes from; `parents`, `inspirations` and `prompts` are JSON lists.

    `idea` is JSON. The last four are empty in what was recorded before there were any.
    """

    proposer: str
    version: str
    parents: str
    inspirations: str
    plan: str = Field(sa_type=UntrustedText)
    prompts: str
    author: str | None = Field(sa_type=UntrustedText)
    operator: str | None
    usd: float | None
    idea: str | None


class TrialRow(LineageColumns, table=True):
    """A trial: waiting until `started_at`, in flight until `told_order`.

    `status` is that of its last evaluation; `displaced` is a JSON list. A score without
    `score_error` and `score_repeats` was recorded before there were any: error 0, one repeat.
    """

    __tablename__ = "trials"
    __table_args__ = (
        sa.UniqueConstraint("run_key", "number"),
        sa.UniqueConstraint("run_key", "ordinal"),
        sa.UniqueConstraint("run_key", "told_order"),
        sa.Index(None, "run_key", "violation", "score"),
    )

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    number: int
    ordinal: int
    program_key: int = Field(foreign_key="programs.key", index=True)
    island: int
    asked_at: float
    started_at: float | None
    worker: int | None
    status: str | None
    told_at: float | None
    told_order: int | None
    score: float | None
    violation: float | None
    score_error: float | None
    score_repeats: int | None
    kept: bool | None
    admission: str | None
    displaced: str | None


class RejectionRow(LineageColumns, table=True):
    __tablename__ = "rejections"
    __table_args__ = (sa.UniqueConstraint("run_key", "ordinal"),)

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    ordinal: int
    at: float
    kind: str
    reason: str = Field(sa_type=UntrustedText)
    program: str


class EvaluationRow(Table, table=True):
    """A measurement of a trial (its number) or of a reference (its name), in the order of keys.

    `after_tell` says that the trial had been told before, so that a replay leaves it out.
    `samples` is a JSON list; `isolation` and `fingerprint` are digests of descriptions.
    """

    __tablename__ = "evaluations"
    __table_args__ = (
        sa.ForeignKeyConstraint(["run_key", "trial"], ["trials.run_key", "trials.number"]),
        sa.Index(None, "run_key", "trial"),
    )

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    trial: int | None
    reference: str | None
    after_tell: bool
    at: float
    split: str
    status: str
    workloads: str
    isolation: str = Field(foreign_key="descriptions.digest")
    fingerprint: str
    wall_s: float
    reason: str = Field(sa_type=UntrustedText)
    feedback: str = Field(sa_type=UntrustedText)
    output: str = Field(sa_type=UntrustedText)
    samples: str


class LookRow(Table, table=True):
    """A look at a held-out set. It outlives its run: that is why it has the name, not the key.

    `run` is "verify:ID" for the look of an attempt to verify a certificate.
    """

    __tablename__ = "looks"

    key: int = Field(primary_key=True)
    workloads: str = Field(index=True)
    salt: str
    run: str
    trial: int
    at: float


class FindingRow(Table, table=True):
    """A verdict; `content` is JSON."""

    __tablename__ = "findings"

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key", index=True)
    at: float
    trial: int
    verdict: str
    content: str


class CalibrationRow(Table, table=True):
    """How far the seed differed from itself; `content` is JSON."""

    __tablename__ = "calibrations"

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key", index=True)
    at: float
    content: str


class AttackRow(Table, table=True):
    """What an adversary found; `content` is JSON."""

    __tablename__ = "attacks"

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key", index=True)
    at: float
    trial: int
    content: str


class NoteRow(Table, table=True):
    __tablename__ = "notes"

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key", index=True)
    at: float
    origin: str
    text: str = Field(sa_type=UntrustedText)


class ModelCallRow(Table, table=True):
    """A call of a model: about to be made, then answered or failed. Prompt and answer are blobs.

    `ordinal` is the proposal that it served; `parameters` is JSON; `content` is JSON: the answer
    but for its text. Without `status` it is in flight, or its engine was killed.
    """

    __tablename__ = "model_calls"
    __table_args__ = (sa.UniqueConstraint("run_key", "number"),)

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    number: int
    ordinal: int
    step: str
    at: float
    model: str
    parameters: str
    prompt_key: int = Field(foreign_key="blobs.key", index=True)
    reserved_usd: float
    reserved_tokens: int
    answered_at: float | None
    status: str | None
    answer_key: int | None = Field(foreign_key="blobs.key", index=True)
    content: str | None = Field(sa_type=UntrustedText)
    usd: float | None
    tokens_in: int | None
    tokens_out: int | None
    replayed: bool | None


class RoundRow(Table, table=True):
    """A turn of a proposer that waits; open until its ordinal has a trial or a rejection.

    `content` is JSON.
    """

    __tablename__ = "rounds"
    __table_args__ = (sa.UniqueConstraint("run_key", "ordinal"),)

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    ordinal: int
    proposer: str
    at: float
    content: str = Field(sa_type=UntrustedText)


class LeaseRow(Table, table=True):
    """An agent's right to answer an open round; with a program once it was answered."""

    __tablename__ = "leases"
    __table_args__ = (sa.Index(None, "run_key", "ordinal"),)

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    id: str = Field(unique=True)
    ordinal: int
    agent: str = Field(sa_type=UntrustedText)
    at: float
    expires_at: float
    submitted_at: float | None
    program_key: int | None = Field(foreign_key="programs.key", index=True)
    plan: str | None = Field(sa_type=UntrustedText)


class RehearsalRow(Table, table=True):
    """A draft that was tried before it was proposed; `content` is JSON."""

    __tablename__ = "rehearsals"

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key", index=True)
    at: float
    content: str = Field(sa_type=UntrustedText)


class ArtifactRow(Table, table=True):
    """A named file that came out of a trial's evaluation, or of the run when `trial` is empty."""

    __tablename__ = "artifacts"
    __table_args__ = (sa.UniqueConstraint("run_key", "trial", "name"),)

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key")
    trial: int | None
    name: str
    media_type: str
    at: float
    blob_key: int = Field(foreign_key="blobs.key", index=True)


class CertificateRow(Table, table=True):
    """A winner's certificate: `digest` is its id, the blob its canonical JSON."""

    __tablename__ = "certificates"

    key: int = Field(primary_key=True)
    run_key: int = Field(foreign_key="runs.key", index=True)
    trial: int
    at: float
    digest: str = Field(unique=True)
    blob_key: int = Field(foreign_key="blobs.key", index=True)


class VerificationRow(Table, table=True):
    """An attempt to verify a certificate, of any store; `content` is JSON. Never deleted."""

    __tablename__ = "verifications"

    key: int = Field(primary_key=True)
    at: float
    certificate: str = Field(sa_type=UntrustedText, index=True)
    task: str = Field(sa_type=UntrustedText)
    standing: str
    content: str


def table(row: type[Table]) -> Any:
    """Find the SQL table that a class describes."""
    return Table.metadata.tables[str(row.__tablename__)]


REVISIONS = sa.Table(
    "alembic_version",
    Table.metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
RUN_NUMBERS = table(RunNumberRow)
DESCRIPTIONS = table(DescriptionRow)
RUNS = table(RunRow)
BLOBS = table(BlobRow)
PROGRAMS = table(ProgramRow)
PROGRAM_FILES = table(ProgramFileRow)
TASK_PROGRAMS = table(TaskProgramRow)
TRIALS = table(TrialRow)
REJECTIONS = table(RejectionRow)
EVALUATIONS = table(EvaluationRow)
LOOKS = table(LookRow)
FINDINGS = table(FindingRow)
CALIBRATIONS = table(CalibrationRow)
ATTACKS = table(AttackRow)
NOTES = table(NoteRow)
MODEL_CALLS = table(ModelCallRow)
ROUNDS = table(RoundRow)
LEASES = table(LeaseRow)
REHEARSALS = table(RehearsalRow)
ARTIFACTS = table(ArtifactRow)
CERTIFICATES = table(CertificateRow)
VERIFICATIONS = table(VerificationRow)
