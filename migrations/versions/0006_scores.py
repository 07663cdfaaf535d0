"""Scores with their trials."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
REAL = sa.Double()
TEXT = sa.Text()
NAME = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON()
BLOB = sa.LargeBinary()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "scores",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("explanation_id", BIG, nullable=False),
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("feature_id", BIG, nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("run_id", NAME, nullable=True),
        sa.Column("position", BIG, nullable=False),
        sa.Column("scorer", TEXT, nullable=False),
        sa.Column("judge", TEXT, nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("judge_options", JSON, nullable=False),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("seed", BIG, nullable=False),
        sa.Column("value", REAL, nullable=True),
        sa.Column("undefined", TEXT, nullable=True),
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("low", REAL, nullable=True),
        sa.Column("high", REAL, nullable=True),
        sa.Column("asked", BIG, nullable=False),
        sa.Column("answered", BIG, nullable=False),
        sa.Column("unread", JSON, nullable=False),
        sa.Column("metrics", JSON, nullable=False),
        sa.Column("breakdown", JSON, nullable=False),
        sa.Column("prompt", TEXT, nullable=True),
        sa.Column("trials", BLOB, nullable=False),
        sa.Column("tokens", BIG, nullable=False),
        sa.Column("cost", BIG, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("split = 'score'", name=op.f("ck_scores_split")),
        sa.ForeignKeyConstraint(
            ["explanation_id", "harvest_id", "feature_id"],
            ["explanations.id", "explanations.harvest_id", "explanations.feature_id"],
            name="fk_scores_explanations",
        ),
        sa.ForeignKeyConstraint(
            ["harvest_id", "feature_id", "split"],
            ["examples.harvest_id", "examples.feature_id", "examples.split"],
            name="fk_scores_examples",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_scores_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scores")),
        sa.UniqueConstraint(
            "run_id", "explanation_id", "position", name=op.f("uq_scores_run_id_explanation_id_position")
        ),
    )
    op.create_index(op.f("ix_scores_explanation_id"), "scores", ["explanation_id"])
    op.create_index(op.f("ix_scores_feature_id"), "scores", ["feature_id"])
    op.create_index(op.f("ix_scores_harvest_id_feature_id"), "scores", ["harvest_id", "feature_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("scores")
