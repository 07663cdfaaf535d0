"""Scores of controls, and of scorers that ask no judge."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNIQUE = ["run_id", "explanation_id", "position"]


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("scores") as scores:
        scores.alter_column("judge", existing_type=sa.Text(), nullable=True)
        scores.add_column(sa.Column("control", sa.String(length=32), nullable=False, server_default=""))
        scores.add_column(sa.Column("borrowed_id", KEY, nullable=True))
        scores.create_foreign_key(op.f("fk_scores_borrowed_id_explanations"), "explanations", ["borrowed_id"], ["id"])
        scores.drop_constraint(op.f("uq_scores_run_id_explanation_id_position"), type_="unique")
        scores.create_unique_constraint(op.f("uq_scores_run_id_explanation_id_position_control"), [*UNIQUE, "control"])
    with op.batch_alter_table("scores") as scores:
        scores.alter_column("control", existing_type=sa.String(length=32), server_default=None)


def downgrade() -> None:
    """Go back; scores of controls and those without a judge are lost."""
    op.execute("DELETE FROM scores WHERE control <> '' OR judge IS NULL")
    with op.batch_alter_table("scores") as scores:
        scores.drop_constraint(op.f("uq_scores_run_id_explanation_id_position_control"), type_="unique")
        scores.create_unique_constraint(op.f("uq_scores_run_id_explanation_id_position"), UNIQUE)
        scores.drop_constraint(op.f("fk_scores_borrowed_id_explanations"), type_="foreignkey")
        scores.drop_column("borrowed_id")
        scores.drop_column("control")
        scores.alter_column("judge", existing_type=sa.Text(), nullable=False)
