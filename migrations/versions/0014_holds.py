"""What is set aside for each attempt under way, and which worker makes it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
IN_BATCHES = "SELECT coalesce(sum({0}), 0) FROM batch_items WHERE run_id = budgets.run_id AND state = 'sent'"


def upgrade() -> None:
    """Go forward; what was set aside for attempts is forgotten, because no worker is at work."""
    op.create_table(
        "holds",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("cost", BIG, nullable=False),
        sa.Column("tokens", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    columns = ", ".join(f"{name} = ({IN_BATCHES.format(name)})" for name in ("reserved_cost", "reserved_tokens"))
    op.execute(f"UPDATE budgets SET {columns}")


def downgrade() -> None:
    """Go back."""
    op.drop_table("holds")
