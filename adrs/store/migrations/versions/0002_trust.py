"""How sure a score is; calibrations, attacks, and attempts to verify a certificate."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("trials", sa.Column("score_error", sa.Float(), nullable=True))
    op.add_column("trials", sa.Column("score_repeats", sa.Integer(), nullable=True))
    op.create_table(
        "calibrations",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_calibrations_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_calibrations")),
    )
    op.create_index(op.f("ix_calibrations_run_key"), "calibrations", ["run_key"], unique=False)
    op.create_table(
        "attacks",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], name=op.f("fk_attacks_run_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attacks")),
    )
    op.create_index(op.f("ix_attacks_run_key"), "attacks", ["run_key"], unique=False)
    op.create_table(
        "verifications",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_verifications")),
    )
    op.create_index(
        op.f("ix_verifications_certificate"), "verifications", ["certificate"], unique=False
    )
