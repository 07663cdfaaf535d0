"""Explanations and unread replies of explainers: added once, never changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from autointerp.domain.examples import Split
from autointerp.domain.explanations import Candidate, Explanation, Unread, UnreadKind
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import examples, run_features, sums
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_or_find
from autointerp.storage.lineage import lineage
from autointerp.storage.records import ExplanationRecord, UnreadRecord
from autointerp.storage.tables.base import now, storable
from autointerp.storage.tables.explanations import ExplanationTable, UnreadExplanationTable

KEY = ("run_id", "feature_id", "position")


def add(
    session: WriteSession,
    *,
    run_id: str | None,
    harvest_id: str,
    feature_id: int,
    position: int,
    explainer: str,
    options: Mapping[str, Any],
    explanation: Explanation,
    model: str | None,
    seed: int,
    tokens: int,
    cost: int | None,
    control: bool = False,
) -> int:
    """Store an explanation and return its id, or the id of what this run and `position` stored before.

    `control`: the feature is a control of the run, and its explanation no result of it.
    """
    row = {
        **_about(session, harvest_id, feature_id),
        "run_id": run_id,
        "position": position,
        "explainer": explainer,
        "options": dict(options),
        "text": explanation.text,
        "shown": [[int(context), int(start)] for context, start in explanation.shown],
        "prompt": explanation.prompt,
        "request": explanation.request,
        "candidates": [_candidate(one) for one in explanation.candidates] or None,
        "model": model,
        "seed": seed,
        "tokens": tokens,
        "cost": cost,
        "created_at": now(),
    }
    return _insert(session, ExplanationTable, row, None if control else "explanations")


def add_unread(
    session: WriteSession,
    *,
    run_id: str | None,
    harvest_id: str,
    feature_id: int,
    position: int,
    explainer: str,
    options: Mapping[str, Any],
    unread: Unread,
    model: str | None,
    seed: int,
    tokens: int,
    cost: int | None,
    control: bool = False,
) -> int:
    """Store a reply that could not be read and return its id, or the id of what was stored there before.

    `control`: as in `add`.
    """
    row = {
        **_about(session, harvest_id, feature_id),
        "run_id": run_id,
        "position": position,
        "explainer": explainer,
        "options": dict(options),
        "kind": unread.kind.value,
        "detail": unread.detail,
        "raw": unread.raw,
        "request": unread.request,
        "model": model,
        "seed": seed,
        "tokens": tokens,
        "cost": cost,
        "created_at": now(),
    }
    return _insert(session, UnreadExplanationTable, row, None if control else "unread")


def _insert(
    session: WriteSession,
    table: type[ExplanationTable | UnreadExplanationTable],
    row: Mapping[str, Any],
    count: str | None,
) -> int:
    """Insert a row, and add it to the sum `count` of its run."""
    found, new = insert_or_find(session, table, row, KEY)
    if new and count is not None and row["run_id"] is not None:
        sums.add(session, row["run_id"], **{count: 1})
    return found


def _about(session: ReadSession, harvest_id: str, feature_id: int) -> dict[str, Any]:
    if not examples.stored(session, harvest_id, feature_id, Split.EXPLAIN):
        raise InvalidInput(
            f"feature {feature_id} has no explain examples in the harvest {harvest_id}; harvest it first"
        )
    return {"harvest_id": harvest_id, "feature_id": feature_id, "split": Split.EXPLAIN.value}


def get(session: ReadSession, explanation_id: int) -> ExplanationRecord:
    """Return one explanation; NotFound when there is none."""
    row = session.sql.get(ExplanationTable, explanation_id)
    if row is None:
        raise NotFound(f"there is no explanation {explanation_id}")
    return _record(row)


def get_many(session: ReadSession, explanation_ids: Sequence[int]) -> tuple[ExplanationRecord, ...]:
    """Return these explanations in the order asked; those that are not there are left out."""
    rows = session.sql.scalars(sa.select(ExplanationTable).where(ExplanationTable.id.in_(explanation_ids)))
    found = {row.id: _record(row) for row in rows}
    return tuple(found[explanation_id] for explanation_id in explanation_ids if explanation_id in found)


def list_explanations(
    session: ReadSession,
    *,
    feature_id: int | None = None,
    harvest_id: str | None = None,
    run_id: str | None = None,
    explainer: str | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[ExplanationRecord, ...]:
    """Return the explanations after the id `after`, oldest first; None: any. A run's controls are no part of it."""
    table = ExplanationTable
    statement = sa.select(table).where(table.id > (after or 0)).order_by(table.id).limit(limit)
    if run_id is not None:
        own = table.run_id.in_(lineage(session, run_id)), table.feature_id.not_in(run_features.controls_of(run_id))
        statement = statement.where(*own)
    statement = statement.filter_by(**_given(feature_id=feature_id, harvest_id=harvest_id, explainer=explainer))
    return tuple(_record(row) for row in session.sql.scalars(statement))


def list_unread(
    session: ReadSession,
    *,
    feature_id: int | None = None,
    harvest_id: str | None = None,
    run_id: str | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[UnreadRecord, ...]:
    """Return the unread replies after the id `after`, oldest first; None: any. A run's controls are no part of it."""
    table = UnreadExplanationTable
    statement = sa.select(table).where(table.id > (after or 0)).order_by(table.id).limit(limit)
    if run_id is not None:
        own = table.run_id.in_(lineage(session, run_id)), table.feature_id.not_in(run_features.controls_of(run_id))
        statement = statement.where(*own)
    statement = statement.filter_by(**_given(feature_id=feature_id, harvest_id=harvest_id))
    return tuple(_unread(row) for row in session.sql.scalars(statement))


def of_run(session: ReadSession, run_id: str, feature_ids: Sequence[int]) -> dict[int, tuple[ExplanationRecord, ...]]:
    """Return what a run, or one that it extends, has explained of these features, in the order of its explainers."""
    table = ExplanationTable
    statement = sa.select(table).where(table.run_id.in_(lineage(session, run_id)), table.feature_id.in_(feature_ids))
    return _by_feature([_record(row) for row in session.sql.scalars(statement.order_by(table.position))])


def unread_of_run(session: ReadSession, run_id: str, feature_ids: Sequence[int]) -> dict[int, tuple[UnreadRecord, ...]]:
    """Return the unread replies of a run about these features, by feature, in the order of the run's explainers."""
    table = UnreadExplanationTable
    statement = sa.select(table).where(table.run_id == run_id, table.feature_id.in_(feature_ids))
    found: dict[int, tuple[UnreadRecord, ...]] = {}
    for row in session.sql.scalars(statement.order_by(table.position)):
        found[row.feature_id] = (*found.get(row.feature_id, ()), _unread(row))
    return found


def newest(
    session: ReadSession, harvest_id: str, feature_ids: Sequence[int]
) -> dict[int, tuple[ExplanationRecord, ...]]:
    """Return each explainer's newest explanation of these features, by feature, explainers in alphabetical order."""
    table = ExplanationTable
    same = table.harvest_id == harvest_id, table.feature_id.in_(feature_ids)
    last = sa.select(sa.func.max(table.id)).where(*same).group_by(table.feature_id, table.explainer)
    statement = sa.select(table).where(table.id.in_(last)).order_by(table.explainer)
    return _by_feature([_record(row) for row in session.sql.scalars(statement)])


def _by_feature(records: Sequence[ExplanationRecord]) -> dict[int, tuple[ExplanationRecord, ...]]:
    found: dict[int, tuple[ExplanationRecord, ...]] = {}
    for record in records:
        found[record.feature_id] = (*found.get(record.feature_id, ()), record)
    return found


def _candidate(one: Candidate) -> list[Any]:
    return [storable(one.text), one.request, one.value, one.undefined]


def _given(**filters: object) -> dict[str, object]:
    return {name: value for name, value in filters.items() if value is not None}


def _record(row: ExplanationTable) -> ExplanationRecord:
    explanation = Explanation(
        text=row.text,
        shown=tuple((context, start) for context, start in row.shown),
        prompt=row.prompt,
        request=row.request,
        candidates=tuple(Candidate(*one) for one in row.candidates or ()),
    )
    return ExplanationRecord(
        id=row.id,
        feature_id=row.feature_id,
        harvest_id=row.harvest_id,
        run_id=row.run_id,
        position=row.position,
        explainer=row.explainer,
        options=row.options,
        explanation=explanation,
        model=row.model,
        seed=row.seed,
        tokens=row.tokens,
        cost=row.cost,
        created_at=row.created_at,
    )


def _unread(row: UnreadExplanationTable) -> UnreadRecord:
    return UnreadRecord(
        id=row.id,
        feature_id=row.feature_id,
        harvest_id=row.harvest_id,
        run_id=row.run_id,
        position=row.position,
        explainer=row.explainer,
        options=row.options,
        unread=Unread(UnreadKind(row.kind), row.detail, row.raw, row.request),
        model=row.model,
        seed=row.seed,
        tokens=row.tokens,
        cost=row.cost,
        created_at=row.created_at,
    )
