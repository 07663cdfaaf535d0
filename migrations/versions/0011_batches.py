"""Batches, their requests, the chunks that wait for them, and the batch of each ledger line."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BIG = sa.BigInteger()
TEXT = sa.Text()
DIGEST = sa.String(length=64)
NAME = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
BLOB = sa.LargeBinary()


def upgrade() -> None:
    """Go forward."""
    op.add_column("calls", sa.Column("batch", NAME, nullable=True))
    op.create_table(
        "batches",
        sa.Column("id", NAME, nullable=False),
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("endpoint", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("remote_id", TEXT, nullable=True),
        sa.Column("input_file", TEXT, nullable=True),
        sa.Column("requests", BIG, nullable=False),
        sa.Column("done", BIG, nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("next_look_at", MOMENT, nullable=False),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('submitting', 'running', 'ingested', 'cancelled', 'failed')", name=op.f("ck_batches_state")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_batches_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("tag", name=op.f("uq_batches_tag")),
    )
    op.create_index(op.f("ix_batches_run_id"), "batches", ["run_id"])
    op.create_index(op.f("ix_batches_state_next_look_at"), "batches", ["state", "next_look_at"])
    op.create_table(
        "batch_items",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("key", DIGEST, nullable=False),
        sa.Column("generation", BIG, nullable=False),
        sa.Column("endpoint", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("packed", BLOB, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("batch_id", NAME, nullable=True),
        sa.Column("custom_id", sa.String(length=64), nullable=True),
        sa.Column("lapses", BIG, nullable=False),
        sa.Column("malformed", BIG, nullable=False),
        sa.Column("error_kind", sa.String(length=32), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("reserved_cost", BIG, nullable=False),
        sa.Column("reserved_tokens", BIG, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'answered', 'kept', 'failed', 'online')", name=op.f("ck_batch_items_state")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_items_batch_id_batches")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_batch_items_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_items")),
        sa.UniqueConstraint("run_id", "key", name=op.f("uq_batch_items_run_id_key")),
    )
    op.create_index(op.f("ix_batch_items_run_id_state"), "batch_items", ["run_id", "state"])
    op.create_index(op.f("ix_batch_items_batch_id_state"), "batch_items", ["batch_id", "state"])
    op.create_table(
        "batch_waits",
        sa.Column("item_id", KEY, autoincrement=False, nullable=False),
        sa.Column("chunk", BIG, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["batch_items.id"], name=op.f("fk_batch_waits_item_id_batch_items")),
        sa.PrimaryKeyConstraint("item_id", "chunk", name=op.f("pk_batch_waits")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("batch_waits")
    op.drop_table("batch_items")
    op.drop_table("batches")
    op.drop_column("calls", "batch")
