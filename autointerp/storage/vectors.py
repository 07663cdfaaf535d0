"""Vectors of explanations: stored once, searched by an index of PostgreSQL's where pgvector is there."""

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC

from autointerp.analysis.nearest import quantise
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.searches import SearchFilter, narrowed
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.harvests import FeatureTable
from autointerp.storage.tables.search import NEAR, NEAR_DIMENSIONS
from autointerp.storage.tables.vectors import VectorTable

HEAD = 4  # bytes of the scale before those of the vector
OVERLAP = 2_000  # rows looked at again: on PostgreSQL one with a lower id may be committed later
LOT = 20_000
REACH = 200  # candidates that the index of PostgreSQL keeps in mind


@dataclass(frozen=True, slots=True)
class Wordless:
    """An explanation without a vector, and the harvest whose embedding model it is to have one by."""

    id: int
    harvest_id: str
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Lot:
    """Some vectors, with what they are searched by."""

    id: NDArray[np.int64]
    explanation: NDArray[np.int64]
    harvest: tuple[str, ...]
    sae: NDArray[np.int64]
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]


def missing(session: ReadSession, *, after: int, limit: int) -> tuple[Wordless, ...]:
    """Return the explanations after the id `after` that have no vector, oldest first."""
    table = ExplanationTable
    without = ~sa.exists().where(VectorTable.explanation_id == table.id)
    statement = sa.select(table.id, table.harvest_id, table.text).where(table.id > after, without)
    return tuple(Wordless(*row) for row in session.sql.execute(statement.order_by(table.id).limit(limit)))


def newest_explanation(session: ReadSession) -> int:
    """Return the largest id of an explanation; 0: there is none."""
    return session.sql.execute(sa.select(sa.func.max(ExplanationTable.id))).scalar_one() or 0


def add(session: WriteSession, embedder: str, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
    """Store the unit vectors (n, dimensions) of these explanations, except where there is one."""
    codes, scales = quantise(vectors)
    rows = [
        {"explanation_id": explanation_id, "embedder": embedder, "packed": scale.tobytes() + code.tobytes()}
        for explanation_id, code, scale in zip(ids, codes, scales.astype("<f4"), strict=True)
    ]
    insert_if_absent(session, VectorTable, rows)
    if has_near(session) and vectors.shape[1] == NEAR_DIMENSIONS:
        near = [{"id": i, "near": _literal(vector)} for i, vector in zip(ids, vectors, strict=True)]
        session.sql.execute(sa.text(_SET_NEAR), near)


def embedders(session: ReadSession) -> tuple[str, ...]:
    """Return the embedding models by which there are vectors, by name."""
    found: list[str] = []
    statement = sa.select(sa.func.min(VectorTable.embedder))
    name = session.sql.execute(statement).scalar_one_or_none()
    while name is not None:  # a step in the index for each, however many vectors there are
        found.append(name)
        name = session.sql.execute(statement.where(VectorTable.embedder > name)).scalar_one_or_none()
    return tuple(found)


def has_near(session: ReadSession) -> bool:
    """Whether the database has vectors in a form that it searches itself."""
    if session.dialect == "sqlite":
        return False

    def look() -> bool:
        columns = sa.inspect(session.sql.connection()).get_columns(VectorTable.__tablename__)
        return any(column["name"] == "near" for column in columns)

    return session.recall("has near", look)


def near(
    session: ReadSession, embedder: str, query: NDArray[np.float32], filter: SearchFilter, *, limit: int
) -> dict[int, float]:
    """Return the nearest explanations with their cosine similarities, nearest first, by the database's own index."""
    for setting in (f"hnsw.ef_search = {max(REACH, limit)}", "hnsw.iterative_scan = 'relaxed_order'"):
        session.sql.execute(sa.text(f"SET LOCAL {setting}"))
    distance = NEAR.op("<=>", return_type=sa.Double())(
        sa.cast(sa.literal(_literal(query), sa.Text()), HALFVEC(NEAR_DIMENSIONS))
    )
    statement = (
        sa.select(ExplanationTable.id, distance.label("rank"))
        .join(VectorTable, VectorTable.explanation_id == ExplanationTable.id)
        .where(VectorTable.embedder == embedder)
        .order_by(distance)
        .limit(limit)
    )
    rows = session.sql.execute(narrowed(statement, filter)).all()
    return {explanation_id: 1.0 - float(rank) for explanation_id, rank in sorted(rows, key=lambda row: row[1])}


def passing(session: ReadSession, ids: Sequence[int], filter: SearchFilter) -> set[int]:
    """Return which of these explanations pass."""
    table = ExplanationTable
    statement = sa.select(table.id, sa.literal(0.0)).where(table.id.in_(ids))
    return {row[0] for row in session.sql.execute(narrowed(statement, filter))}


def lot_after(session: ReadSession, embedder: str, last: int, known: Set[int]) -> Lot:
    """Return the next vectors after the id `last`, and those shortly before it that are not among the `known`."""
    table = VectorTable
    first = max(0, last - OVERLAP)
    statement = sa.select(table.id).where(table.embedder == embedder, table.id > first).order_by(table.id)
    new = [one for one in session.sql.scalars(statement.limit(LOT + OVERLAP)) if one not in known][:LOT]
    rows = session.sql.execute(_details(new)).all() if new else []
    packed = b"".join(row.packed for row in rows)
    width = len(rows[0].packed) if rows else HEAD
    raw = np.frombuffer(packed, np.uint8).reshape(-1, width)
    return Lot(
        id=np.array([row.id for row in rows], np.int64),
        explanation=np.array([row.explanation_id for row in rows], np.int64),
        harvest=tuple(row.harvest_id for row in rows),
        sae=np.array([row.sae_id for row in rows], np.int64),
        codes=raw[:, HEAD:].view(np.int8),
        scales=np.ascontiguousarray(raw[:, :HEAD]).view("<f4").reshape(-1).astype(np.float32),
    )


def _details(ids: Sequence[int]) -> "sa.Select[int, int, str, int, bytes]":
    table = VectorTable
    return (
        sa.select(table.id, table.explanation_id, ExplanationTable.harvest_id, FeatureTable.sae_id, table.packed)
        .join(ExplanationTable, ExplanationTable.id == table.explanation_id)
        .join(FeatureTable, FeatureTable.id == ExplanationTable.feature_id)
        .where(table.id.between(ids[0], ids[-1]), table.id.in_(ids))
        .order_by(table.id)
    )


_SET_NEAR = "UPDATE explanation_vectors SET near = CAST(:near AS halfvec) WHERE explanation_id = :id AND near IS NULL"


def _literal(vector: NDArray[np.float32]) -> str:
    return json.dumps([round(float(value), 6) for value in vector])
