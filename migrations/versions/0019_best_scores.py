"""The best score of each feature, and indexes that have every order of a list of features."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLE = "harvested_features"
SAME = "scores.harvest_id = harvested_features.harvest_id AND scores.feature_id = harvested_features.feature_id"
BEST = f"SELECT max(value) FROM scores WHERE {SAME} AND control = ''"


def upgrade() -> None:
    """Go forward; the best scores are taken from the scores."""
    op.add_column(TABLE, sa.Column("best", sa.Double(), nullable=True))
    op.execute(f"UPDATE {TABLE} SET best = ({BEST}) WHERE EXISTS (SELECT 1 FROM scores WHERE {SAME})")
    for value in ("density", "max"):
        op.drop_index(op.f(f"ix_harvested_features_harvest_id_{value}"), TABLE)
    for value in ("density", "max", "best"):
        name = op.f(f"ix_harvested_features_harvest_id_{value}_feature_id")
        op.create_index(name, TABLE, ["harvest_id", value, "feature_id"])


def downgrade() -> None:
    """Go back."""
    for value in ("density", "max", "best"):
        op.drop_index(op.f(f"ix_harvested_features_harvest_id_{value}_feature_id"), TABLE)
    for value in ("density", "max"):
        op.create_index(op.f(f"ix_harvested_features_harvest_id_{value}"), TABLE, ["harvest_id", value])
    op.drop_column(TABLE, "best")
