"""Runs: created once for each idempotency key, moved from state to state by any worker, counted at any time."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import CursorResult

from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.specs import RunSpec
from autointerp.errors import Conflict, NotFound
from autointerp.storage import batches, run_features
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.identifiers import new_identifier
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.records import RunProgress, RunRecord, RunState, WorkState
from autointerp.storage.tables.base import now
from autointerp.storage.tables.books import CallTable
from autointerp.storage.tables.explanations import ExplanationTable, UnreadExplanationTable
from autointerp.storage.tables.runs import RunFeatureTable, RunTable
from autointerp.storage.tables.scores import ScoreTable

STOPPED = (RunState.OUT_OF_BUDGET, RunState.CANCELLED, RunState.FAILED)
FINISHED = (RunState.COMPLETE, RunState.COMPLETE_WITH_FAILURES)
RESUMED = (RunState.WAITING, RunState.HARVESTING, RunState.RUNNING)

NEXT: Mapping[RunState, tuple[RunState, ...]] = {
    RunState.WAITING: (RunState.HARVESTING, RunState.RUNNING, *STOPPED),
    RunState.HARVESTING: (RunState.WAITING, RunState.RUNNING, *STOPPED),
    RunState.RUNNING: (*FINISHED, *STOPPED),
    RunState.COMPLETE: (),
    RunState.COMPLETE_WITH_FAILURES: RESUMED,
    RunState.OUT_OF_BUDGET: RESUMED,
    RunState.CANCELLED: RESUMED,
    RunState.FAILED: RESUMED,
}


def create(session: WriteSession, spec: RunSpec, *, harvest_id: str | None, idempotency_key: str | None) -> RunRecord:
    """Store a new run, waiting, or return the one made with the same key; Conflict when that one has another spec."""
    row = {
        "id": new_identifier(),
        "idempotency_key": idempotency_key,
        "spec": spec.model_dump(mode="json"),
        "spec_digest": spec.digest,
        "harvest_id": harvest_id,
        "state": RunState.WAITING.value,
        "created_at": now(),
    }
    insert_if_absent(session, RunTable, [row])
    same = RunTable.id == row["id"] if idempotency_key is None else RunTable.idempotency_key == idempotency_key
    stored = session.sql.scalars(sa.select(RunTable).where(same)).one()
    if stored.spec_digest != spec.digest:
        raise Conflict(f"the key {idempotency_key!r} belongs to the run {stored.id}, which has another spec")
    return _record(stored)


def get(session: ReadSession, run_id: str) -> RunRecord:
    """Return one run; NotFound when there is none."""
    row = session.sql.get(RunTable, run_id, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return _record(row)


def list_runs(session: ReadSession, *, state: RunState | None, after: str | None, limit: int) -> tuple[RunRecord, ...]:
    """Return the runs (in one state) older than the id `after`, newest first."""
    statement = sa.select(RunTable).order_by(RunTable.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(RunTable.state == state)
    if after is not None:
        statement = statement.where(RunTable.id < after)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def set_harvest(session: WriteSession, run_id: str, harvest_id: str) -> None:
    """Say which harvest a run works on."""
    if _update(session, sa.update(RunTable).where(RunTable.id == run_id), {"harvest_id": harvest_id}) == 0:
        raise NotFound(f"there is no run {run_id}")


def set_state(
    session: WriteSession,
    run_id: str,
    state: RunState,
    *,
    origins: Collection[RunState] | None = None,
    error: str | None = None,
) -> bool:
    """Move a run to `state`; False when the state it is in does not allow that: `NEXT`, or `origins` where given."""
    allowed = origins or [origin for origin, targets in NEXT.items() if state in targets]
    statement = sa.update(RunTable).where(RunTable.id == run_id, RunTable.state.in_(allowed))
    values = {"state": state.value, "error": error, "finished_at": now() if state.ended else None}
    moved = _update(session, statement, values) == 1
    return moved or (get(session, run_id).state == state and origins is None)


def settle(session: WriteSession, run_id: str) -> RunState:
    """End a running run in which no feature waits, and return the state the run is in now.

    Call it in a write session of its own after the results are committed: of two workers that finish the last
    features at once, the later one then sees the work of both. A random direction that failed is left out of the
    controls, and is no failure of the run.
    """
    statement = sa.update(RunTable).where(
        RunTable.id == run_id,
        RunTable.state == RunState.RUNNING,
        ~_has(run_id, WorkState.WAITING),
    )
    end = sa.case(
        (_has(run_id, WorkState.FAILED, run_features.OWN), RunState.COMPLETE_WITH_FAILURES.value),
        else_=RunState.COMPLETE.value,
    )
    _update(session, statement, {"state": end, "finished_at": now()})
    return get(session, run_id).state


def progress(session: ReadSession, run_id: str, *, failures: int = 100) -> RunProgress:
    """Count what a run has stored and paid for."""
    states = run_features.count_states(session, run_id)
    return RunProgress(
        waiting=states.get(WorkState.WAITING, 0),
        done=states.get(WorkState.DONE, 0),
        failed=states.get(WorkState.FAILED, 0),
        explanations=_count_own(session, ExplanationTable, run_id),
        unread=_count_own(session, UnreadExplanationTable, run_id),
        scores=_count(session, ScoreTable.run_id == run_id, ScoreTable.control == ""),
        controls=_count(session, ScoreTable.run_id == run_id, ScoreTable.control != ""),
        **_paid(session, run_id),
        failures=run_features.list_failures(session, run_id, after=None, limit=failures),
        batch=batches.progress(session, run_id) if get(session, run_id).spec.mode == "batch" else None,
    )


def _paid(session: ReadSession, run_id: str) -> dict[str, int]:
    """Sums over the ledger; a line answered from the cache costs nothing and is counted apart."""
    cached = CallTable.status == AttemptStatus.CACHED
    tokens = CallTable.input + CallTable.cache_read + CallTable.cache_write + CallTable.output
    sums: dict[str, sa.ColumnElement[Any]] = {
        "requests": sa.func.sum(sa.case((cached, 0), else_=1)),
        "cached": sa.func.sum(sa.case((cached, 1), else_=0)),
        "tokens": sa.func.sum(sa.case((cached, 0), else_=tokens)),
        "read": sa.func.sum(CallTable.input + CallTable.cache_read + CallTable.cache_write),
        "read_from_cache": sa.func.sum(CallTable.cache_read),
        "cost": sa.func.sum(sa.case((cached, 0), else_=CallTable.cost)),
        "cost_unknown": sa.func.sum(sa.case((cached, 0), (CallTable.cost.is_(None), 1), else_=0)),
    }
    columns: Sequence[sa.ColumnElement[Any]] = [value.label(name) for name, value in sums.items()]
    row = session.sql.execute(sa.select(*columns).where(CallTable.run_id == run_id)).one()
    return {name: int(value or 0) for name, value in row._mapping.items()}  # pyright: ignore[reportPrivateUsage]


def _count_own(session: ReadSession, table: type[ExplanationTable | UnreadExplanationTable], run_id: str) -> int:
    """Count the rows of a run that are not about its controls."""
    return _count(session, table.run_id == run_id, table.feature_id.not_in(run_features.controls_of(run_id)))


def _count(session: ReadSession, *conditions: sa.ColumnElement[bool]) -> int:
    return session.sql.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()


def _has(run_id: str, state: WorkState, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(RunFeatureTable.run_id == run_id, RunFeatureTable.state == state, *conditions)


def _update(session: WriteSession, statement: sa.Update, values: dict[str, Any]) -> int:
    return cast("CursorResult[Any]", session.sql.execute(statement.values(**values))).rowcount


def _record(row: RunTable) -> RunRecord:
    return RunRecord(
        id=row.id,
        spec=RunSpec.model_validate(row.spec),
        spec_digest=row.spec_digest,
        harvest_id=row.harvest_id,
        state=RunState(row.state),
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
