"""The first tables: runs, programs, trials, evaluations, looks, and what belongs to a run."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("packed", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_blobs")),
        sa.UniqueConstraint("digest", name=op.f("uq_blobs_digest")),
    )
    op.create_table(
        "descriptions",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_descriptions")),
    )
    op.create_table(
        "looks",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("workloads", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_looks")),
    )
    op.create_index(op.f("ix_looks_workloads"), "looks", ["workloads"], unique=False)
    op.create_table(
        "programs",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_programs")),
        sa.UniqueConstraint("id", name=op.f("uq_programs_id")),
    )
    op.create_table(
        "run_numbers",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_run_numbers")),
    )
    op.create_table(
        "program_files",
        sa.Column("program_key", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("blob_key", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["blob_key"], ["blobs.key"], name=op.f("fk_program_files_blob_key")
        ),
        sa.ForeignKeyConstraint(
            ["program_key"], ["programs.key"], name=op.f("fk_program_files_program_key")
        ),
        sa.PrimaryKeyConstraint("program_key", "path", name=op.f("pk_program_files")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_program_files_blob_key"), "program_files", ["blob_key"], unique=False)
    op.create_table(
        "runs",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("task_digest", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(), nullable=False),
        sa.Column("elapsed_s", sa.Float(), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("last_ordinal", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("rejections", sa.Integer(), nullable=False),
        sa.Column("by_status", sa.String(), nullable=False),
        sa.Column("evaluation_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["description"], ["descriptions.digest"], name=op.f("fk_runs_description")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_runs")),
        sa.UniqueConstraint("name", name=op.f("uq_runs_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "findings",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_findings_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_run_key"), "findings", ["run_key"], unique=False)
    op.create_table(
        "notes",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_notes_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notes")),
    )
    op.create_index(op.f("ix_notes_run_key"), "notes", ["run_key"], unique=False)
    op.create_table(
        "rejections",
        sa.Column("proposer", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("parents", sa.String(), nullable=False),
        sa.Column("inspirations", sa.String(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("prompts", sa.String(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_rejections_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rejections")),
        sa.UniqueConstraint("run_key", "ordinal", name=op.f("uq_rejections_run_key_ordinal")),
    )
    op.create_table(
        "task_programs",
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("program_key", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_key"], ["programs.key"], name=op.f("fk_task_programs_program_key")
        ),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_task_programs_run_key")),
        sa.PrimaryKeyConstraint("run_key", "name", name=op.f("pk_task_programs")),
    )
    op.create_index(
        op.f("ix_task_programs_program_key"), "task_programs", ["program_key"], unique=False
    )
    op.create_table(
        "trials",
        sa.Column("proposer", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("parents", sa.String(), nullable=False),
        sa.Column("inspirations", sa.String(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("prompts", sa.String(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("program_key", sa.Integer(), nullable=False),
        sa.Column("island", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("worker", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("told_at", sa.Float(), nullable=True),
        sa.Column("told_order", sa.Integer(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("violation", sa.Float(), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=True),
        sa.Column("admission", sa.String(), nullable=True),
        sa.Column("displaced", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["program_key"], ["programs.key"], name=op.f("fk_trials_program_key")
        ),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_trials_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_trials")),
        sa.UniqueConstraint("run_key", "number", name=op.f("uq_trials_run_key_number")),
        sa.UniqueConstraint("run_key", "ordinal", name=op.f("uq_trials_run_key_ordinal")),
        sa.UniqueConstraint("run_key", "told_order", name=op.f("uq_trials_run_key_told_order")),
    )
    op.create_index(
        op.f("ix_trials_run_key_violation_score"), "trials", ["run_key", "violation", "score"]
    )
    op.create_index(op.f("ix_trials_program_key"), "trials", ["program_key"], unique=False)
    op.create_table(
        "evaluations",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("after_tell", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("workloads", sa.String(), nullable=False),
        sa.Column("isolation", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("wall_s", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("samples", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["isolation"], ["descriptions.digest"], name=op.f("fk_evaluations_isolation")
        ),
        sa.ForeignKeyConstraint(
            ["run_key", "trial"],
            ["trials.run_key", "trials.number"],
            name=op.f("fk_evaluations_run_key_trial"),
        ),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_evaluations_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_evaluations")),
    )
    op.create_index(
        op.f("ix_evaluations_run_key_trial"), "evaluations", ["run_key", "trial"], unique=False
    )
    op.create_table(
        "model_calls",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("parameters", sa.String(), nullable=False),
        sa.Column("prompt_key", sa.Integer(), nullable=False),
        sa.Column("answer_key", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("usd", sa.Float(), nullable=True),
        sa.Column("latency_s", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_model_calls_run_key")),
        sa.ForeignKeyConstraint(
            ["prompt_key"], ["blobs.key"], name=op.f("fk_model_calls_prompt_key")
        ),
        sa.ForeignKeyConstraint(
            ["answer_key"], ["blobs.key"], name=op.f("fk_model_calls_answer_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_model_calls")),
    )
    op.create_table(
        "artifacts",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("blob_key", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_artifacts_run_key")),
        sa.ForeignKeyConstraint(["blob_key"], ["blobs.key"], name=op.f("fk_artifacts_blob_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_artifacts")),
        sa.UniqueConstraint(
            "run_key", "trial", "name", name=op.f("uq_artifacts_run_key_trial_name")
        ),
    )
    op.create_table(
        "certificates",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("blob_key", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_certificates_run_key")),
        sa.ForeignKeyConstraint(["blob_key"], ["blobs.key"], name=op.f("fk_certificates_blob_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_certificates")),
        sa.UniqueConstraint("digest", name=op.f("uq_certificates_digest")),
    )
    for name, column in (
        ("model_calls", "run_key"),
        ("model_calls", "prompt_key"),
        ("model_calls", "answer_key"),
        ("artifacts", "blob_key"),
        ("certificates", "run_key"),
        ("certificates", "blob_key"),
    ):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column], unique=False)
