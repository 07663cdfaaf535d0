"""Inserting rows that may be there already: what is stored is never overwritten."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from autointerp.storage.engine import WriteSession
from autointerp.storage.tables.base import Base

Insert = postgresql.Insert | sqlite.Insert


def insert_if_absent(session: WriteSession, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert `rows`, leaving out those that a unique constraint finds there already; return how many were not."""
    if not rows:
        return 0
    statement = insert_into(session, table).on_conflict_do_nothing()
    kept = {"preserve_rowcount": True}  # which is not promised of an insert otherwise
    return session.sql.connection().execute(statement, rows, execution_options=kept).rowcount


def insert_columns(session: WriteSession, table: type[Base], columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert many rows, given by columns of plain values, leaving out those that are there already.

    It takes less time than `insert_if_absent`: PostgreSQL gets an array a column, and no value is looked at on the way.
    """
    connection = session.sql.connection()
    quote, declared = connection.dialect.identifier_preparer.quote, table.__table__.c
    into = f"INSERT INTO {quote(table.__tablename__)} ({', '.join(map(quote, columns))})"
    if session.dialect == "postgresql":
        arrays = (f"%b::{declared[name].type.compile(connection.dialect)}[]" for name in columns)
        values = f"SELECT * FROM unnest({', '.join(arrays)})"
        given: Any = tuple(map(list, columns.values()))
    else:
        values = f"VALUES ({', '.join('?' * len(columns))})"
        given = list(zip(*columns.values(), strict=True))
    if given:
        connection.exec_driver_sql(f"{into} {values} ON CONFLICT DO NOTHING", given)


def insert_one(session: WriteSession, table: type[Base], row: Mapping[str, Any], unique: Sequence[str]) -> int:
    """Insert `row` unless one with the same `unique` columns is there, and return the id of that row."""
    return insert_or_find(session, table, row, unique)[0]


def insert_or_find(
    session: WriteSession, table: type[Base], row: Mapping[str, Any], unique: Sequence[str]
) -> tuple[int, bool]:
    """Insert `row` unless one with the same `unique` columns is there; return its id, and whether it is new."""
    inserted = session.sql.connection().execute(_returning(session.dialect, table), row).scalar_one_or_none()
    if inserted is not None:
        return inserted, True
    return session.sql.execute(_same(table, row, unique)).scalar_one(), False


def insert_into(session: WriteSession, table: type[Base]) -> Insert:
    """The insert statement of the session's database, which knows ON CONFLICT."""
    return _into(session.dialect, table)


@cache
def _returning(dialect: str, table: type[Base]) -> ReturningInsert[int]:
    """Made once: making a statement takes longer than it does to carry it out."""
    return _into(dialect, table).on_conflict_do_nothing().returning(table.__table__.c.id)


def _into(dialect: str, table: type[Base]) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _same(table: type[Base], row: Mapping[str, Any], unique: Sequence[str]) -> Select[int]:
    columns = table.__table__.c
    conditions: list[ColumnElement[bool]] = [columns[name] == row[name] for name in unique]
    return select(columns.id).where(and_(*conditions))
