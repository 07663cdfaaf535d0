"""Subject models, their vocabularies and their SAEs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
TEXT = sa.Text()
DIGEST = sa.String(length=64)
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON()
BLOB = sa.LargeBinary()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "vocabularies",
        sa.Column("fingerprint", DIGEST, nullable=False),
        sa.Column("tokens", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_vocabularies")),
    )
    op.create_table(
        "models",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("identity", DIGEST, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("revision", TEXT, nullable=True),
        sa.Column("dtype", sa.String(length=32), nullable=False),
        sa.Column("width", BIG, nullable=False),
        sa.Column("layers", BIG, nullable=False),
        sa.Column("max_context", BIG, nullable=False),
        sa.Column("vocabulary_fingerprint", DIGEST, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["vocabulary_fingerprint"],
            ["vocabularies.fingerprint"],
            name=op.f("fk_models_vocabulary_fingerprint_vocabularies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("identity", name=op.f("uq_models_identity")),
    )
    op.create_table(
        "saes",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("model_id", KEY, nullable=False),
        sa.Column("fingerprint", DIGEST, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("hook", TEXT, nullable=False),
        sa.Column("width", BIG, nullable=False),
        sa.Column("features", BIG, nullable=False),
        sa.Column("source", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_saes_model_id_models")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saes")),
        sa.UniqueConstraint("model_id", "fingerprint", name=op.f("uq_saes_model_id_fingerprint")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("saes")
    op.drop_table("models")
    op.drop_table("vocabularies")
