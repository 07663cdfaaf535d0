"""Explanations and the replies that could not be read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
TEXT = sa.Text()
NAME = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "explanations",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("feature_id", BIG, nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("run_id", NAME, nullable=True),
        sa.Column("position", BIG, nullable=False),
        sa.Column("explainer", TEXT, nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("shown", JSON, nullable=False),
        sa.Column("prompt", TEXT, nullable=True),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("seed", BIG, nullable=False),
        sa.Column("tokens", BIG, nullable=False),
        sa.Column("cost", BIG, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("split = 'explain'", name=op.f("ck_explanations_split")),
        sa.ForeignKeyConstraint(
            ["harvest_id", "feature_id", "split"],
            ["examples.harvest_id", "examples.feature_id", "examples.split"],
            name="fk_explanations_examples",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_explanations_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanations")),
        sa.UniqueConstraint("id", "harvest_id", "feature_id", name=op.f("uq_explanations_id_harvest_id_feature_id")),
        sa.UniqueConstraint(
            "run_id", "feature_id", "position", name=op.f("uq_explanations_run_id_feature_id_position")
        ),
    )
    op.create_index(op.f("ix_explanations_feature_id"), "explanations", ["feature_id"])
    op.create_index(op.f("ix_explanations_harvest_id_feature_id"), "explanations", ["harvest_id", "feature_id"])
    op.create_table(
        "unread_explanations",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("feature_id", BIG, nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("run_id", NAME, nullable=True),
        sa.Column("position", BIG, nullable=False),
        sa.Column("explainer", TEXT, nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("raw", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("seed", BIG, nullable=False),
        sa.Column("tokens", BIG, nullable=False),
        sa.Column("cost", BIG, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("split = 'explain'", name=op.f("ck_unread_explanations_split")),
        sa.ForeignKeyConstraint(
            ["harvest_id", "feature_id", "split"],
            ["examples.harvest_id", "examples.feature_id", "examples.split"],
            name="fk_unread_explanations_examples",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_unread_explanations_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unread_explanations")),
        sa.UniqueConstraint(
            "run_id", "feature_id", "position", name=op.f("uq_unread_explanations_run_id_feature_id_position")
        ),
    )
    op.create_index(
        op.f("ix_unread_explanations_harvest_id_feature_id"), "unread_explanations", ["harvest_id", "feature_id"]
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("unread_explanations")
    op.drop_table("explanations")
