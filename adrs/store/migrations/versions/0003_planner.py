"""Model calls with what they may cost, rounds of proposers that wait, leases, rehearsals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for rows in ("trials", "rejections"):
        op.add_column(rows, sa.Column("author", sa.Text(), nullable=True))
        op.add_column(rows, sa.Column("operator", sa.String(), nullable=True))
        op.add_column(rows, sa.Column("usd", sa.Float(), nullable=True))
        op.add_column(rows, sa.Column("idea", sa.String(), nullable=True))
    op.drop_table("model_calls")  # nothing was ever written into it
    op.create_table(
        "model_calls",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("parameters", sa.String(), nullable=False),
        sa.Column("prompt_key", sa.Integer(), nullable=False),
        sa.Column("reserved_usd", sa.Float(), nullable=False),
        sa.Column("reserved_tokens", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.Float(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("answer_key", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("usd", sa.Float(), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("replayed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_model_calls_run_key")),
        sa.ForeignKeyConstraint(
            ["prompt_key"], ["blobs.key"], name=op.f("fk_model_calls_prompt_key")
        ),
        sa.ForeignKeyConstraint(
            ["answer_key"], ["blobs.key"], name=op.f("fk_model_calls_answer_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_model_calls")),
        sa.UniqueConstraint("run_key", "number", name=op.f("uq_model_calls_run_key_number")),
    )
    for column in ("prompt_key", "answer_key"):
        op.create_index(op.f(f"ix_model_calls_{column}"), "model_calls", [column], unique=False)
    op.create_table(
        "rounds",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("proposer", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_rounds_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rounds")),
        sa.UniqueConstraint("run_key", "ordinal", name=op.f("uq_rounds_run_key_ordinal")),
    )
    op.create_table(
        "leases",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("submitted_at", sa.Float(), nullable=True),
        sa.Column("program_key", sa.Integer(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_leases_run_key")),
        sa.ForeignKeyConstraint(
            ["program_key"], ["programs.key"], name=op.f("fk_leases_program_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_leases")),
        sa.UniqueConstraint("id", name=op.f("uq_leases_id")),
    )
    op.create_index(
        op.f("ix_leases_run_key_ordinal"), "leases", ["run_key", "ordinal"], unique=False
    )
    op.create_index(op.f("ix_leases_program_key"), "leases", ["program_key"], unique=False)
    op.create_table(
        "rehearsals",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_rehearsals_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rehearsals")),
    )
    op.create_index(op.f("ix_rehearsals_run_key"), "rehearsals", ["run_key"], unique=False)
