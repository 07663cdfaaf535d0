"""What each feature of a run is in it: one of its own, one of those with controls, or a control itself."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ROLES = "role IN ('own', 'sample', 'random_direction')"


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("run_features") as features:
        features.add_column(sa.Column("role", sa.String(length=16), nullable=False, server_default="own"))
        features.create_check_constraint(op.f("ck_run_features_role"), ROLES)
    with op.batch_alter_table("run_features") as features:
        features.alter_column("role", existing_type=sa.String(length=16), server_default=None)


def downgrade() -> None:
    """Go back; the features of random directions are lost to their runs."""
    op.execute("DELETE FROM run_features WHERE role = 'random_direction'")
    with op.batch_alter_table("run_features") as features:
        features.drop_constraint(op.f("ck_run_features_role"), type_="check")
        features.drop_column("role")
