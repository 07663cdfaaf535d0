"""A PostgreSQL database between two tests."""

from collections.abc import Collection

import psycopg

from autointerp.storage.tables import Base


def empty(url: str, *, keep: Collection[str] = ()) -> None:
    """Empty every table but those to keep, and take back whatever the last test left running on the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA IF EXISTS dbos CASCADE")
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in keep:
                connection.execute(f"DELETE FROM {table.name}".encode())
        if not keep:
            connection.execute(
                "SELECT setval(oid::regclass, 1, false) FROM pg_class "
                "WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
            )


def filled(url: str) -> frozenset[str]:
    """The names of the tables that hold something."""
    names = [table.name for table in Base.metadata.sorted_tables]
    with psycopg.connect(url) as connection:
        return frozenset(
            name for name in names if connection.execute(f"SELECT 1 FROM {name} LIMIT 1".encode()).fetchone()
        )
