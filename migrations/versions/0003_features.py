"""What a harvest leaves: its pool, its features and their examples."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
REAL = sa.Double()
NAME = sa.String(length=36)
BLOB = sa.LargeBinary()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "pools",
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("segments", BIG, nullable=False),
        sa.Column("packed", BLOB, nullable=False),
        sa.ForeignKeyConstraint(["harvest_id"], ["harvests.id"], name=op.f("fk_pools_harvest_id_harvests")),
        sa.PrimaryKeyConstraint("harvest_id", name=op.f("pk_pools")),
    )
    op.create_table(
        "features",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("sae_id", KEY, nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.ForeignKeyConstraint(["sae_id"], ["saes.id"], name=op.f("fk_features_sae_id_saes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_features")),
        sa.UniqueConstraint("sae_id", "index", name=op.f("uq_features_sae_id_index")),
    )
    op.create_table(
        "harvested_features",
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("feature_id", KEY, autoincrement=False, nullable=False),
        sa.Column("firings", BIG, nullable=False),
        sa.Column("density", REAL, nullable=False),
        sa.Column("max", REAL, nullable=False),
        sa.Column("mean", REAL, nullable=False),
        sa.Column("statistics", BLOB, nullable=False),
        sa.ForeignKeyConstraint(
            ["feature_id"], ["features.id"], name=op.f("fk_harvested_features_feature_id_features")
        ),
        sa.ForeignKeyConstraint(
            ["harvest_id"], ["harvests.id"], name=op.f("fk_harvested_features_harvest_id_harvests")
        ),
        sa.PrimaryKeyConstraint("harvest_id", "feature_id", name=op.f("pk_harvested_features")),
    )
    op.create_index(op.f("ix_harvested_features_harvest_id_density"), "harvested_features", ["harvest_id", "density"])
    op.create_index(op.f("ix_harvested_features_harvest_id_max"), "harvested_features", ["harvest_id", "max"])
    op.create_table(
        "examples",
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("feature_id", BIG, autoincrement=False, nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("packed", BLOB, nullable=False),
        sa.CheckConstraint("split IN ('explain', 'validation', 'score')", name=op.f("ck_examples_split")),
        sa.ForeignKeyConstraint(
            ["harvest_id", "feature_id"],
            ["harvested_features.harvest_id", "harvested_features.feature_id"],
            name=op.f("fk_examples_harvest_id_feature_id_harvested_features"),
        ),
        sa.PrimaryKeyConstraint("harvest_id", "feature_id", "split", name=op.f("pk_examples")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("examples")
    op.drop_table("harvested_features")
    op.drop_table("features")
    op.drop_table("pools")
