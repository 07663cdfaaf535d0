"""The ledger: one line an attempt, only ever added."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import sqlalchemy as sa

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Attempt, AttemptStatus
from autointerp.storage import sums
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.records import Habit, Habits
from autointerp.storage.tables.books import CallTable

AS_THEY_ARE = (
    "request",
    "prompt",
    "endpoint",
    "model_asked",
    "model_answered",
    "attempt",
    "cost",
    "provider_request",
    "error",
    "started_at",
    "finished_at",
    "bytes",
    "batch",
)
NEWEST = 2_000
ENOUGH = 5
RARE = 0.1  # share of calls below, and above, what is usual
TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")


def record(session: WriteSession, attempts: Sequence[Attempt]) -> None:
    """Add lines to the ledger, and to the sums of their runs."""
    session.sql.connection().execute(sa.insert(CallTable), [_row(attempt) for attempt in attempts])
    sums.count_attempts(session, attempts)


def stored(session: ReadSession, attempts: Sequence[Attempt]) -> frozenset[Attempt]:
    """Return those of `attempts` that are in the ledger: no two lines have run, request, number and times in common."""
    columns = (CallTable.run_id, CallTable.request, CallTable.attempt, CallTable.started_at, CallTable.finished_at)
    near = (
        CallTable.request.in_({one.request for one in attempts}),
        CallTable.started_at >= min(one.started_at for one in attempts),
    )
    found = {tuple(row) for row in session.sql.execute(sa.select(*columns).where(*near))}
    return frozenset(
        one for one in attempts if (one.run, one.request, one.attempt, one.started_at, one.finished_at) in found
    )


def list_calls(
    session: ReadSession, *, run_id: str | None, after: int | None, limit: int
) -> tuple[tuple[int, Attempt], ...]:
    """Return the lines (of one run) after the id `after` with their ids, oldest first."""
    statement = sa.select(CallTable).where(CallTable.id > (after or 0)).order_by(CallTable.id).limit(limit)
    if run_id is not None:
        statement = statement.where(CallTable.run_id == run_id)
    return tuple((row.id, _attempt(row)) for row in session.sql.scalars(statement))


def habits(session: ReadSession, endpoint: str, model: str) -> Habits | None:
    """Return how many bytes a token has and how long answers are, from the newest calls; None: there are too few."""
    read = CallTable.input + CallTable.cache_read + CallTable.cache_write
    newest = (
        sa.select(CallTable.prompt, CallTable.bytes, read, CallTable.output)
        .where(
            CallTable.endpoint == endpoint,
            CallTable.model_asked == model,
            CallTable.status == AttemptStatus.ANSWERED,
            CallTable.bytes > 0,
            read > 0,
        )
        .order_by(CallTable.id.desc())
        .limit(NEWEST)
    )
    found = session.sql.execute(newest).all()
    return _habits([(row[0], row[1], row[2], row[3]) for row in found]) if len(found) >= ENOUGH else None


def _habits(found: Sequence[tuple[str | None, int, int, int]]) -> Habits:
    """What calls have in common, given the prompt, bytes, tokens read and tokens written of each."""
    outputs: dict[str | None, list[float]] = {}
    for prompt, _, _, output in found:
        outputs.setdefault(prompt, []).append(output)
    whole = sum(size for _, size, _, _ in found) / sum(read for _, _, read, _ in found)
    return Habits(
        bytes_per_token=_habit([size / read for _, size, read, _ in found], mean=whole),
        outputs={prompt: _habit(lengths, mean=fmean(lengths)) for prompt, lengths in outputs.items()},
    )


def _habit(values: Sequence[float], *, mean: float) -> Habit:
    ranked = sorted(values)
    rare = int(RARE * (len(ranked) - 1))
    return Habit(min(mean, ranked[rare]), mean, max(mean, ranked[-1 - rare]))


def _row(attempt: Attempt) -> dict[str, Any]:
    return {
        "run_id": attempt.run,
        "status": attempt.status.value,
        **{name: getattr(attempt, name) for name in AS_THEY_ARE},
        **{name: getattr(attempt.usage, name) for name in TOKENS},
    }


def _attempt(row: CallTable) -> Attempt:
    return Attempt(
        run=row.run_id,
        status=AttemptStatus(row.status),
        usage=Usage(**{name: getattr(row, name) for name in TOKENS}),
        **{name: getattr(row, name) for name in AS_THEY_ARE},
    )
