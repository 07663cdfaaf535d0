"""The text of a harvest's corpus, once for each context instead of once for each example."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Go forward; examples that are there keep the text they have."""
    op.create_table(
        "contexts",
        sa.Column("harvest_id", sa.String(length=36), nullable=False),
        sa.Column("context", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["harvest_id"], ["harvests.id"], name=op.f("fk_contexts_harvest_id_harvests")),
        sa.PrimaryKeyConstraint("harvest_id", "context", name=op.f("pk_contexts")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back; the text of examples that were stored since is lost."""
    op.drop_table("contexts")
