"""Runs: created once for each idempotency key, moved from state to state by any worker, counted at any time."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import CursorResult

from autointerp.domain.specs import RunSpec
from autointerp.errors import Conflict, NotFound
from autointerp.storage import batches, run_features, sums
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.identifiers import new_identifier
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.records import RunProgress, RunRecord, RunState, WorkState
from autointerp.storage.tables.base import now
from autointerp.storage.tables.runs import RunFeatureTable, RunTable

STOPPED = (RunState.OUT_OF_BUDGET, RunState.CANCELLED, RunState.FAILED)
FINISHED = (RunState.COMPLETE, RunState.COMPLETE_WITH_FAILURES)
RESUMED = (RunState.WAITING, RunState.HARVESTING, RunState.RUNNING)
UNDER_WAY = (*RESUMED, RunState.PAUSED)

NEXT: Mapping[RunState, tuple[RunState, ...]] = {
    RunState.WAITING: (RunState.HARVESTING, RunState.RUNNING, RunState.PAUSED, *STOPPED),
    RunState.HARVESTING: (RunState.WAITING, RunState.RUNNING, RunState.PAUSED, *STOPPED),
    RunState.RUNNING: (RunState.PAUSED, *FINISHED, *STOPPED),
    RunState.PAUSED: (*RESUMED, *STOPPED),
    RunState.COMPLETE: (),
    RunState.COMPLETE_WITH_FAILURES: RESUMED,
    RunState.OUT_OF_BUDGET: RESUMED,
    RunState.CANCELLED: RESUMED,
    RunState.FAILED: RESUMED,
}


def create(session: WriteSession, spec: RunSpec, *, harvest_id: str | None, idempotency_key: str | None) -> RunRecord:
    """Store a new run, waiting, or return the one made with the same key, or that extends the same run.

    Conflict when that one has another spec.
    """
    made = new_identifier()
    row = {
        "id": made,
        "idempotency_key": idempotency_key,
        "spec": spec.model_dump(mode="json"),
        "spec_digest": spec.digest,
        "harvest_id": harvest_id,
        "extends": spec.extends,
        "priority": spec.priority,
        "state": RunState.WAITING.value,
        "created_at": now(),
    }
    insert_if_absent(session, RunTable, [row])
    return find(session, spec, idempotency_key) or get(session, made)


def find(session: ReadSession, spec: RunSpec, idempotency_key: str | None) -> RunRecord | None:
    """Return the run that was made with this key, or that extends the same run; Conflict when it has another spec."""
    same = {"idempotency_key": idempotency_key, "extends": spec.extends}
    known = [getattr(RunTable, name) == value for name, value in same.items() if value is not None]
    stored = session.sql.scalars(sa.select(RunTable).where(sa.or_(sa.false(), *known))).first()
    if stored is None:
        return None
    if stored.spec_digest != spec.digest:
        if idempotency_key is not None and stored.idempotency_key == idempotency_key:
            raise Conflict(f"the key {idempotency_key!r} belongs to the run {stored.id}, which has another spec")
        raise Conflict(f"the run {spec.extends} is extended by the run {stored.id} already; extend that one")
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


def list_oldest(session: ReadSession, state: RunState, *, limit: int) -> tuple[RunRecord, ...]:
    """Return the runs in one state, oldest first."""
    statement = sa.select(RunTable).where(RunTable.state == state).order_by(RunTable.id).limit(limit)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def among(session: ReadSession, run_ids: Collection[str], states: Collection[RunState]) -> frozenset[str]:
    """Return those of the runs that are in one of these states."""
    statement = sa.select(RunTable.id).where(RunTable.id.in_(run_ids), RunTable.state.in_(states))
    return frozenset(session.sql.scalars(statement))


def set_priority(session: WriteSession, run_id: str, priority: int) -> None:
    """Say before which other runs this one is worked on."""
    if _update(session, sa.update(RunTable).where(RunTable.id == run_id), {"priority": priority}) == 0:
        raise NotFound(f"there is no run {run_id}")


def lock(session: WriteSession, run_id: str) -> None:
    """Let no other transaction change the state of a run before this one ends; SQLite has one writer anyway."""
    session.sql.execute(sa.select(RunTable.id).where(RunTable.id == run_id).with_for_update())


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
    lock(session, run_id)  # a feature that another transaction lets wait again while it holds the run is seen
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
    """Tell what a run has stored and paid for, from the states of its features and from its sums."""
    states = run_features.count_states(session, run_id)
    return RunProgress(
        waiting=states.get(WorkState.WAITING, 0),
        done=states.get(WorkState.DONE, 0),
        failed=states.get(WorkState.FAILED, 0),
        **asdict(sums.of_run(session, run_id)),
        failures=run_features.list_failures(session, run_id, after=None, limit=failures),
        batch=batches.progress(session, run_id) if get(session, run_id).spec.mode == "batch" else None,
    )


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
        priority=row.priority,
        state=RunState(row.state),
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
