"""The candidates that an explanation was chosen from."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("explanations", sa.Column("candidates", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Go back; what was not chosen is lost."""
    op.drop_column("explanations", "candidates")
