"""Scores of explanations, with the trials they were computed from: added once, never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import defer

from autointerp.domain.examples import Split
from autointerp.domain.scores import GroupResult, Score, Trial
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import examples
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_one
from autointerp.storage.packing import pack_trials, unpack_trials
from autointerp.storage.records import ScoreRecord
from autointerp.storage.tables.base import now
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.scores import ScoreTable

WITHOUT_TRIALS = sa.select(ScoreTable).options(defer(ScoreTable.trials, raiseload=True))


def add(
    session: WriteSession,
    *,
    run_id: str | None,
    explanation_id: int,
    position: int,
    scorer: str,
    judge: str,
    options: Mapping[str, Any],
    judge_options: Mapping[str, Any],
    model: str | None,
    seed: int,
    score: Score,
    tokens: int,
    cost: int | None,
) -> int:
    """Store a score with its trials and return its id, or the id of what this run and `position` stored before."""
    row = {
        **_about(session, explanation_id),
        "run_id": run_id,
        "position": position,
        "scorer": scorer,
        "judge": judge,
        "options": dict(options),
        "judge_options": dict(judge_options),
        "model": model,
        "seed": seed,
        **_content(score),
        "tokens": tokens,
        "cost": cost,
        "created_at": now(),
    }
    return insert_one(session, ScoreTable, row, ("run_id", "explanation_id", "position"))


def _about(session: ReadSession, explanation_id: int) -> dict[str, Any]:
    explained = session.sql.get(ExplanationTable, explanation_id)
    if explained is None:
        raise NotFound(f"there is no explanation {explanation_id}")
    key = {"harvest_id": explained.harvest_id, "feature_id": explained.feature_id, "split": Split.SCORE.value}
    if not examples.stored(session, explained.harvest_id, explained.feature_id, Split.SCORE):
        raise InvalidInput(
            f"feature {explained.feature_id} has no score examples in the harvest {explained.harvest_id}; "
            "harvest more tokens"
        )
    return {"explanation_id": explanation_id, **key}


def _content(score: Score) -> dict[str, Any]:
    low, high = score.interval or (None, None)
    return {
        "value": score.value,
        "undefined": score.undefined,
        "metric": score.metric,
        "low": low,
        "high": high,
        "asked": score.asked,
        "answered": score.answered,
        "unread": dict(score.unread),
        "metrics": dict(score.metrics),
        "breakdown": [list(astuple(group)) for group in score.breakdown],
        "prompt": score.prompt,
        "trials": pack_trials(score.trials),
    }


def get(session: ReadSession, score_id: int) -> ScoreRecord:
    """Return one score without its trials; NotFound when there is none."""
    row = session.sql.scalars(WITHOUT_TRIALS.where(ScoreTable.id == score_id)).first()
    if row is None:
        raise NotFound(f"there is no score {score_id}")
    return _record(row)


def trials(session: ReadSession, score_id: int) -> tuple[Trial, ...]:
    """Return the trials of one score; NotFound when there is no such score."""
    packed = session.sql.execute(sa.select(ScoreTable.trials).where(ScoreTable.id == score_id)).scalar_one_or_none()
    if packed is None:
        raise NotFound(f"there is no score {score_id}")
    return unpack_trials(packed)


def list_scores(
    session: ReadSession,
    *,
    explanation_id: int | None = None,
    feature_id: int | None = None,
    harvest_id: str | None = None,
    run_id: str | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[ScoreRecord, ...]:
    """Return the scores after the id `after`, oldest first; None: any."""
    filters = {
        "explanation_id": explanation_id,
        "feature_id": feature_id,
        "harvest_id": harvest_id,
        "run_id": run_id,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    statement = WITHOUT_TRIALS.where(ScoreTable.id > (after or 0)).filter_by(**given)
    return tuple(_record(row) for row in session.sql.scalars(statement.order_by(ScoreTable.id).limit(limit)))


def of_explanations(
    session: ReadSession, explanation_ids: Sequence[int], *, run_id: str | None
) -> dict[int, tuple[ScoreRecord, ...]]:
    """Return the scores of these explanations (of one run), by explanation, oldest first."""
    statement = WITHOUT_TRIALS.where(ScoreTable.explanation_id.in_(explanation_ids)).order_by(ScoreTable.id)
    if run_id is not None:
        statement = statement.where(ScoreTable.run_id == run_id)
    found: dict[int, tuple[ScoreRecord, ...]] = {}
    for row in session.sql.scalars(statement):
        found[row.explanation_id] = (*found.get(row.explanation_id, ()), _record(row))
    return found


def _record(row: ScoreTable) -> ScoreRecord:
    score = Score(
        value=row.value,
        undefined=row.undefined,
        metric=row.metric,
        interval=None if row.low is None or row.high is None else (row.low, row.high),
        asked=row.asked,
        answered=row.answered,
        unread=row.unread,
        metrics=row.metrics,
        breakdown=tuple(GroupResult(*group) for group in row.breakdown),
        trials=(),
        prompt=row.prompt,
    )
    return ScoreRecord(
        id=row.id,
        explanation_id=row.explanation_id,
        feature_id=row.feature_id,
        harvest_id=row.harvest_id,
        run_id=row.run_id,
        position=row.position,
        scorer=row.scorer,
        judge=row.judge,
        options=row.options,
        judge_options=row.judge_options,
        model=row.model,
        seed=row.seed,
        score=score,
        tokens=row.tokens,
        cost=row.cost,
        created_at=row.created_at,
    )
