"""Runs, their features and their budgets."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
TEXT = sa.Text()
DIGEST = sa.String(length=64)
NAME = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "runs",
        sa.Column("id", NAME, nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("spec_digest", DIGEST, nullable=False),
        sa.Column("harvest_id", NAME, nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["harvest_id"], ["harvests.id"], name=op.f("fk_runs_harvest_id_harvests")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_runs_idempotency_key")),
    )
    op.create_index(op.f("ix_runs_harvest_id"), "runs", ["harvest_id"])
    op.create_index(op.f("ix_runs_spec_digest"), "runs", ["spec_digest"])
    op.create_index(op.f("ix_runs_state"), "runs", ["state"])
    op.create_table(
        "run_features",
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("feature_id", KEY, autoincrement=False, nullable=False),
        sa.Column("chunk", BIG, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name=op.f("ck_run_features_state")),
        sa.ForeignKeyConstraint(["feature_id"], ["features.id"], name=op.f("fk_run_features_feature_id_features")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_features_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "feature_id", name=op.f("pk_run_features")),
    )
    op.create_index(op.f("ix_run_features_run_id_state_chunk"), "run_features", ["run_id", "state", "chunk"])
    op.create_table(
        "budgets",
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("cap_cost", BIG, nullable=True),
        sa.Column("cap_tokens", BIG, nullable=True),
        sa.Column("spent_cost", BIG, nullable=False),
        sa.Column("spent_tokens", BIG, nullable=False),
        sa.Column("reserved_cost", BIG, nullable=False),
        sa.Column("reserved_tokens", BIG, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_budgets_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_budgets")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("budgets")
    op.drop_table("run_features")
    op.drop_table("runs")
