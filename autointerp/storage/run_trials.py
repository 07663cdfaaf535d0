"""The trials of a run, across its scores, in the order of the scores."""

from dataclasses import dataclass

import sqlalchemy as sa

from autointerp.domain.scores import Trial
from autointerp.storage.engine import ReadSession
from autointerp.storage.packing import unpack_trials
from autointerp.storage.tables.scores import ScoreTable

Row = sa.Row[int, int, int, str, str | None, str, bytes]
Rows = sa.Select[int, int, int, str, str | None, str, bytes]


@dataclass(frozen=True, slots=True)
class RunTrial:
    """One trial of a score, and which one: `position` counts the trials of that score from 0."""

    score_id: int
    explanation_id: int
    feature_id: int
    scorer: str
    judge: str | None
    control: str
    position: int
    trial: Trial


def list_trials(
    session: ReadSession, run_id: str, *, control: str, after: tuple[int, int] | None, limit: int
) -> tuple[RunTrial, ...]:
    """Return the trials after that of a score (its id) at a position; `control` "": of the scores proper."""
    score_id, position = after or (0, -1)
    found = _of_score(session, run_id, control, score_id, position + 1) if after else []
    while len(found) < limit:
        row = _next(session, run_id, control, score_id)
        if row is None:
            break
        score_id = row[0]
        found += _trials(row, 0)
    return tuple(found[:limit])


def _of_score(session: ReadSession, run_id: str, control: str, score_id: int, start: int) -> list[RunTrial]:
    row = session.sql.execute(_rows(run_id, control).where(ScoreTable.id == score_id)).first()
    return [] if row is None else _trials(row, start)


def _next(session: ReadSession, run_id: str, control: str, score_id: int) -> Row | None:
    statement = _rows(run_id, control).where(ScoreTable.id > score_id).order_by(ScoreTable.id).limit(1)
    return session.sql.execute(statement).first()


def _rows(run_id: str, control: str) -> Rows:
    table = ScoreTable
    columns = (table.id, table.explanation_id, table.feature_id, table.scorer, table.judge, table.control, table.trials)
    return sa.select(*columns).where(table.run_id == run_id, table.control == control)


def _trials(row: Row, start: int) -> list[RunTrial]:
    score_id, explanation_id, feature_id, scorer, judge, control, packed = row
    trials = unpack_trials(packed)
    return [
        RunTrial(score_id, explanation_id, feature_id, scorer, judge, control, position=i, trial=trials[i])
        for i in range(start, len(trials))
    ]
