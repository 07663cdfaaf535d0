"""Activations that were NaN or infinite, counted for each SAE of a harvest."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("harvest_saes", sa.Column("broken", sa.BigInteger(), nullable=True))
    op.add_column("harvest_saes", sa.Column("broken_contexts", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("harvest_saes", "broken_contexts")
    op.drop_column("harvest_saes", "broken")
