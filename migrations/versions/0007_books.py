"""Prompts, replies, the ledger, and the workers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
TEXT = sa.Text()
DIGEST = sa.String(length=64)
NAME = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON()
BLOB = sa.LargeBinary()


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "prompts",
        sa.Column("version", DIGEST, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_prompts")),
    )
    op.create_table(
        "replies",
        sa.Column("key", DIGEST, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("packed", BLOB, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_replies")),
    )
    op.create_table(
        "calls",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("run_id", NAME, nullable=True),
        sa.Column("request", DIGEST, nullable=False),
        sa.Column("prompt", TEXT, nullable=True),
        sa.Column("endpoint", TEXT, nullable=False),
        sa.Column("model_asked", TEXT, nullable=False),
        sa.Column("model_answered", TEXT, nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("input", BIG, nullable=False),
        sa.Column("cache_read", BIG, nullable=False),
        sa.Column("cache_write", BIG, nullable=False),
        sa.Column("output", BIG, nullable=False),
        sa.Column("reasoning", BIG, nullable=False),
        sa.Column("cost", BIG, nullable=True),
        sa.Column("provider_request", TEXT, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index(op.f("ix_calls_request"), "calls", ["request"])
    op.create_index(op.f("ix_calls_run_id"), "calls", ["run_id"])
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("queues", JSON, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("workers")
    op.drop_table("calls")
    op.drop_table("replies")
    op.drop_table("prompts")
