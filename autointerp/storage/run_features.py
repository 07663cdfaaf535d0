"""The features of a run: cut into chunks, then done or failed one by one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import CursorResult

from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.records import Failure, Role, RunFeature, WorkState
from autointerp.storage.tables.harvests import FeatureTable
from autointerp.storage.tables.runs import RunFeatureTable

TABLE = RunFeatureTable
OWN = TABLE.role != Role.RANDOM_DIRECTION.value


def add(
    session: WriteSession,
    run_id: str,
    feature_ids: Sequence[int],
    *,
    chunk: int,
    sample: Collection[int] = (),
    first: int = 0,
) -> int:
    """Give a run its features, `chunk` to a unit of work, and return the number of units; again changes nothing.

    Units are numbered from `first` on.
    Those of the controls' `sample` are all in the first unit, however small units are: they borrow from each other.
    """
    at_once = max(chunk, len(sample))
    ordered = sorted(feature_ids, key=lambda feature_id: feature_id not in sample)
    numbers = [first if i < at_once else first + 1 + (i - at_once) // chunk for i in range(len(ordered))]
    roles = [Role.SAMPLE if feature_id in sample else Role.OWN for feature_id in ordered]
    insert_if_absent(session, TABLE, [_row(run_id, *one) for one in zip(ordered, numbers, roles, strict=True)])
    return max(numbers, default=-1) + 1


def add_random(session: WriteSession, run_id: str, feature_ids: Sequence[int], *, number: int) -> None:
    """Give a run features of random directions, which are no features of its own, as the unit `number`."""
    insert_if_absent(session, TABLE, [_row(run_id, one, number, Role.RANDOM_DIRECTION) for one in feature_ids])


def take_over(session: WriteSession, run_id: str, older: str, *, anew: bool) -> None:
    """Give a run the features of the run that it extends, in the same units, those that are not done waiting.

    `anew`: all of them wait, because there is more to do with each.
    """
    waiting = sa.literal(WorkState.WAITING.value)
    state = waiting if anew else sa.case((TABLE.state == WorkState.DONE, TABLE.state), else_=waiting)
    columns = ["run_id", "feature_id", "chunk", "state", "attempts", "role"]
    rows = sa.select(sa.literal(run_id), TABLE.feature_id, TABLE.chunk, state, sa.literal(0), TABLE.role)
    session.sql.execute(sa.insert(TABLE).from_select(columns, rows.where(TABLE.run_id == older)))


def make_sample(session: WriteSession, run_id: str, feature_ids: Collection[int]) -> None:
    """Let features of a run have controls: they wait, together in a unit of work of their own."""
    values = {"role": Role.SAMPLE.value, "state": WorkState.WAITING.value, "chunk": units(session, run_id)}
    statement = sa.update(TABLE).where(TABLE.run_id == run_id, TABLE.feature_id.in_(feature_ids))
    session.sql.execute(statement.values(**values))


def units(session: ReadSession, run_id: str) -> int:
    """Return a number above those of all units of work of a run."""
    last = session.sql.scalar(sa.select(sa.func.max(TABLE.chunk)).where(TABLE.run_id == run_id))
    return 0 if last is None else last + 1


def own(session: ReadSession, run_id: str) -> tuple[int, ...]:
    """Return the features of a run's own."""
    return tuple(session.sql.scalars(sa.select(TABLE.feature_id).where(TABLE.run_id == run_id, OWN)))


def has_random(session: ReadSession, run_id: str) -> bool:
    """Whether a run has features of random directions."""
    return session.sql.scalars(controls_of(run_id).limit(1)).first() is not None


def _row(run_id: str, feature_id: int, number: int, role: Role) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "feature_id": feature_id,
        "chunk": number,
        "state": WorkState.WAITING.value,
        "attempts": 0,
        "role": role.value,
    }


def chunks(session: ReadSession, run_id: str) -> tuple[int, ...]:
    """Return the chunks in which a feature waits."""
    statement = sa.select(TABLE.chunk).where(TABLE.run_id == run_id, TABLE.state == WorkState.WAITING)
    return tuple(session.sql.scalars(statement.distinct().order_by(TABLE.chunk)))


def chunk(session: ReadSession, run_id: str, number: int) -> tuple[RunFeature, ...]:
    """Return the features of a chunk that wait, by index."""
    statement = (
        sa.select(TABLE, FeatureTable.index)
        .join(FeatureTable, FeatureTable.id == TABLE.feature_id)
        .where(*_waiting(run_id, number))
        .order_by(FeatureTable.index)
    )
    return tuple(
        RunFeature(
            feature_id=row.feature_id,
            index=index,
            chunk=row.chunk,
            state=WorkState(row.state),
            attempts=row.attempts,
            reason=row.reason,
            role=Role(row.role),
        )
        for row, index in session.sql.execute(statement)
    )


def sample(session: ReadSession, run_id: str) -> tuple[int, ...]:
    """Return the features of a run whose scores have controls, by index."""
    statement = (
        sa.select(TABLE.feature_id)
        .join(FeatureTable, FeatureTable.id == TABLE.feature_id)
        .where(TABLE.run_id == run_id, TABLE.role == Role.SAMPLE)
        .order_by(FeatureTable.index)
    )
    return tuple(session.sql.scalars(statement))


def controls_of(run_id: str) -> sa.Select[int]:
    """Select the features that are controls of a run: what was made of them is no result of it."""
    return sa.select(TABLE.feature_id).where(TABLE.run_id == run_id, ~OWN)


def finish(session: WriteSession, run_id: str, feature_ids: Sequence[int]) -> None:
    """Mark features as done."""
    statement = sa.update(TABLE).where(TABLE.run_id == run_id, TABLE.feature_id.in_(feature_ids))
    session.sql.connection().execute(statement.values(state=WorkState.DONE.value, reason=None))


def finish_all(session: WriteSession, done: Sequence[tuple[str, int]]) -> list[None]:
    """Mark features, each with its run before it, as done."""
    for run_id in dict.fromkeys(run_id for run_id, _ in done):
        finish(session, run_id, [feature_id for of, feature_id in done if of == run_id])
    return [None] * len(done)


def fail(session: WriteSession, run_id: str, reasons: Mapping[int, str]) -> None:
    """Mark waiting features as failed, each with its reason."""
    for feature_id, reason in reasons.items():
        statement = sa.update(TABLE).where(
            TABLE.run_id == run_id, TABLE.feature_id == feature_id, TABLE.state == WorkState.WAITING
        )
        session.sql.execute(statement.values(state=WorkState.FAILED.value, reason=reason))


def count_attempt(session: WriteSession, run_id: str, number: int) -> int:
    """Count one more attempt at a chunk and return how many there were; 0 when nothing in it waits."""
    session.sql.execute(sa.update(TABLE).where(*_waiting(run_id, number)).values(attempts=TABLE.attempts + 1))
    most = session.sql.execute(sa.select(sa.func.max(TABLE.attempts)).where(*_waiting(run_id, number)))
    return most.scalar_one() or 0


def take_back_attempt(session: WriteSession, run_id: str, number: int) -> None:
    """Count one attempt at a chunk less: its worker was told to stop, which is no failure."""
    counted = *_waiting(run_id, number), TABLE.attempts > 0
    session.sql.execute(sa.update(TABLE).where(*counted).values(attempts=TABLE.attempts - 1))


def forget_attempts(session: WriteSession, run_id: str, number: int) -> None:
    """Begin to count anew for what waits in a chunk: the attempts failed for another reason."""
    session.sql.execute(sa.update(TABLE).where(*_waiting(run_id, number)).values(attempts=0))


def retry_failed(session: WriteSession, run_id: str) -> int:
    """Let failed features wait again and forget the attempts of all that wait; return how many had failed."""
    mine = sa.update(TABLE).where(TABLE.run_id == run_id)
    failed = mine.where(TABLE.state == WorkState.FAILED).values(state=WorkState.WAITING.value, reason=None)
    count = cast("CursorResult[Any]", session.sql.execute(failed)).rowcount
    session.sql.execute(mine.where(TABLE.state == WorkState.WAITING).values(attempts=0))
    return count


def retry(session: WriteSession, run_id: str, feature_ids: Sequence[int] | None, *, chunk: int) -> tuple[int, ...]:
    """Let failed features (these; None: all) wait again, in new units of work, and return the numbers of those.

    New units, because a worker may be at the others. Random directions have units of their own.
    """
    statement = sa.select(TABLE.feature_id, OWN).where(TABLE.run_id == run_id, TABLE.state == WorkState.FAILED)
    failed = session.sql.execute(statement.order_by(TABLE.feature_id)).all()
    wanted = None if feature_ids is None else frozenset(feature_ids)
    found = [(one, is_own) for one, is_own in failed if wanted is None or one in wanted]
    first = units(session, run_id)
    kinds = [[one for one, is_own in found if is_own == kind] for kind in (True, False)]
    groups = [kind[i : i + chunk] for kind in kinds for i in range(0, len(kind), chunk)]
    for number, group in enumerate(groups, first):
        again = {"state": WorkState.WAITING.value, "reason": None, "attempts": 0, "chunk": number}
        session.sql.execute(sa.update(TABLE).where(TABLE.run_id == run_id, TABLE.feature_id.in_(group)).values(**again))
    return tuple(range(first, first + len(groups)))


def not_failed(session: ReadSession, run_id: str, feature_ids: Sequence[int]) -> tuple[int, ...]:
    """Return those of the features that have not failed in a run."""
    statement = sa.select(TABLE.feature_id).where(TABLE.run_id == run_id, TABLE.state == WorkState.FAILED)
    failed = set(session.sql.scalars(statement))
    return tuple(feature_id for feature_id in feature_ids if feature_id not in failed)


def count_states(session: ReadSession, run_id: str) -> dict[WorkState, int]:
    """Count the features of a run's own by state."""
    statement = sa.select(TABLE.state, sa.func.count()).where(TABLE.run_id == run_id, OWN).group_by(TABLE.state)
    return {WorkState(state): count for state, count in session.sql.execute(statement)}


def list_failures(session: ReadSession, run_id: str, *, after: int | None, limit: int) -> tuple[Failure, ...]:
    """Return the failed features of a run's own after the feature id `after`, by id."""
    statement = (
        sa.select(TABLE.feature_id, FeatureTable.index, TABLE.reason)
        .join(FeatureTable, FeatureTable.id == TABLE.feature_id)
        .where(TABLE.run_id == run_id, OWN, TABLE.state == WorkState.FAILED, TABLE.feature_id > (after or 0))
        .order_by(TABLE.feature_id + 0)  # failures are few: they are sorted, rather than all features looked through
        .limit(limit)
    )
    return tuple(
        Failure(feature_id, index, reason or "") for feature_id, index, reason in session.sql.execute(statement)
    )


def _waiting(run_id: str, number: int) -> tuple[sa.ColumnElement[bool], ...]:
    return TABLE.run_id == run_id, TABLE.chunk == number, TABLE.state == WorkState.WAITING
