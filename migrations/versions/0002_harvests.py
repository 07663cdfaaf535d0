"""Harvests and the SAEs they read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
REAL = sa.Double()
TEXT = sa.Text()
DIGEST = sa.String(length=64)
NAME = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "harvests",
        sa.Column("id", NAME, nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("spec_digest", DIGEST, nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("tokens_done", BIG, nullable=False),
        sa.Column("tokens_total", BIG, nullable=True),
        sa.Column("seconds", REAL, nullable=True),
        sa.Column("corpus_fingerprint", TEXT, nullable=True),
        sa.Column("model_id", KEY, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_harvests_model_id_models")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_harvests")),
    )
    op.create_index(op.f("ix_harvests_spec_digest"), "harvests", ["spec_digest"])
    op.create_table(
        "harvest_saes",
        sa.Column("harvest_id", NAME, nullable=False),
        sa.Column("position", BIG, autoincrement=False, nullable=False),
        sa.Column("sae_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["harvest_id"], ["harvests.id"], name=op.f("fk_harvest_saes_harvest_id_harvests")),
        sa.ForeignKeyConstraint(["sae_id"], ["saes.id"], name=op.f("fk_harvest_saes_sae_id_saes")),
        sa.PrimaryKeyConstraint("harvest_id", "position", name=op.f("pk_harvest_saes")),
        sa.UniqueConstraint("harvest_id", "sae_id", name=op.f("uq_harvest_saes_harvest_id_sae_id")),
    )
    op.create_index(op.f("ix_harvest_saes_sae_id"), "harvest_saes", ["sae_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("harvest_saes")
    op.drop_table("harvests")
