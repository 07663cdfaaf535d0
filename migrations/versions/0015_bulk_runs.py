"""Bulk runs: priority, extension, sums that progress is read from, and the indexes that selections are read from."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

READ = "input + cache_read + cache_write"
NO_CONTROL = (
    " AND feature_id NOT IN (SELECT run_features.feature_id FROM run_features "
    "WHERE run_features.run_id = budgets.run_id AND run_features.role = 'random_direction')"
)
SUMS = {
    "requests": ("calls", "sum(CASE WHEN status = 'cached' THEN 0 ELSE 1 END)", ""),
    "cached": ("calls", "sum(CASE WHEN status = 'cached' THEN 1 ELSE 0 END)", ""),
    "tokens": ("calls", f"sum(CASE WHEN status = 'cached' THEN 0 ELSE {READ} + output END)", ""),
    "read": ("calls", f"sum({READ})", ""),
    "read_from_cache": ("calls", "sum(cache_read)", ""),
    "cost": ("calls", "sum(CASE WHEN status = 'cached' THEN 0 ELSE cost END)", ""),
    "cost_unknown": ("calls", "sum(CASE WHEN status <> 'cached' AND cost IS NULL THEN 1 ELSE 0 END)", ""),
    "explanations": ("explanations", "count(*)", NO_CONTROL),
    "unread": ("unread_explanations", "count(*)", NO_CONTROL),
    "scores": ("scores", "count(*)", " AND control = ''"),
    "controls": ("scores", "count(*)", " AND control <> ''"),
}
STATES = ["run_id", "state", "chunk"]
CHOICE = ["harvest_id", "feature_id", "firings", "density"]


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("extends", sa.String(length=36), nullable=True))
        runs.add_column(sa.Column("priority", sa.BigInteger(), nullable=False, server_default="0"))
        runs.create_foreign_key(op.f("fk_runs_extends_runs"), "runs", ["extends"], ["id"])
        runs.create_unique_constraint(op.f("uq_runs_extends"), ["extends"])
    with op.batch_alter_table("runs") as runs:
        runs.alter_column("priority", existing_type=sa.BigInteger(), server_default=None)
    with op.batch_alter_table("budgets") as budgets:
        for name in SUMS:
            budgets.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    for name, (table, value, more) in SUMS.items():
        total = f"SELECT {value} FROM {table} WHERE {table}.run_id = budgets.run_id{more}"
        op.execute(f"UPDATE budgets SET {name} = coalesce(({total}), 0)")
    op.drop_index(op.f("ix_run_features_run_id_state_chunk"), table_name="run_features")
    op.create_index(op.f("ix_run_features_run_id_state_chunk_role"), "run_features", [*STATES, "role"])
    op.create_index(op.f("ix_harvested_features_harvest_id_feature_id_firings_density"), "harvested_features", CHOICE)


def downgrade() -> None:
    """Go back; a run forgets which one it extends."""
    op.drop_index(op.f("ix_harvested_features_harvest_id_feature_id_firings_density"), table_name="harvested_features")
    op.drop_index(op.f("ix_run_features_run_id_state_chunk_role"), table_name="run_features")
    op.create_index(op.f("ix_run_features_run_id_state_chunk"), "run_features", STATES)
    with op.batch_alter_table("budgets") as budgets:
        for name in SUMS:
            budgets.drop_column(name)
    with op.batch_alter_table("runs") as runs:
        runs.drop_constraint(op.f("uq_runs_extends"), type_="unique")
        runs.drop_constraint(op.f("fk_runs_extends_runs"), type_="foreignkey")
        runs.drop_column("priority")
        runs.drop_column("extends")
