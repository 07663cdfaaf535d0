"""Explanations and scores as rows of an archive, and what names them there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from autointerp.domain import archived as rows
from autointerp.domain.scores import GroupResult
from autointerp.storage.engine import ReadSession
from autointerp.storage.packing import unpack_trials
from autointerp.storage.tables.explanations import ExplanationTable, UnreadExplanationTable
from autointerp.storage.tables.harvests import FeatureTable
from autointerp.storage.tables.models import SaeTable
from autointerp.storage.tables.scores import ScoreTable

CLAIM = ("position", "explainer", "options", "request", "model", "seed", "tokens", "cost", "created_at")
EXPLANATION = (*CLAIM, "text", "prompt")
UNREAD = (*CLAIM, "kind", "detail", "raw")
SCORE = (
    *("position", "scorer", "judge", "options", "judge_options", "model", "seed", "value", "undefined", "metric"),
    *("low", "high", "asked", "answered", "unread", "metrics", "prompt", "tokens", "cost", "control", "created_at"),
)


def about(session: ReadSession, harvest_id: str, feature_ids: Iterable[int]) -> dict[int, rows.OfFeature]:
    """What names these features in a harvest, by id."""
    statement = sa.select(FeatureTable.id, SaeTable.fingerprint, FeatureTable.index).join(
        SaeTable, SaeTable.id == FeatureTable.sae_id
    )
    found = session.sql.execute(statement.where(FeatureTable.id.in_(set(feature_ids))))
    return {i: rows.OfFeature(harvest=harvest_id, sae=sae, index=index) for i, sae, index in found}


def explanation_row(feature: rows.OfFeature, row: ExplanationTable) -> rows.ArchivedExplanation:
    """A stored explanation as a row."""
    return rows.ArchivedExplanation(
        **feature.model_dump(),
        run=row.run_id,
        **_same(row, EXPLANATION),
        shown=[rows.ArchivedWindow(context=context, start=start) for context, start in row.shown],
    )


def unread_row(feature: rows.OfFeature, row: UnreadExplanationTable) -> rows.ArchivedUnread:
    """A stored reply that could not be read as a row."""
    return rows.ArchivedUnread(**feature.model_dump(), run=row.run_id, **_same(row, UNREAD))


def score_rows(session: ReadSession, harvest_id: str, found: Sequence[ScoreTable]) -> Iterator[rows.ArchivedScore]:
    """Stored scores as rows."""
    wanted = {row.explanation_id for row in found} | {row.borrowed_id for row in found if row.borrowed_id is not None}
    explained = session.sql.scalars(sa.select(ExplanationTable).where(ExplanationTable.id.in_(wanted))).all()
    features = about(session, harvest_id, {row.feature_id for row in explained})
    references = {row.id: reference(explanation_row(features[row.feature_id], row)) for row in explained}
    for row in found:
        yield rows.ArchivedScore(
            **features[row.feature_id].model_dump(),
            run=row.run_id,
            explanation=references[row.explanation_id],
            **_same(row, SCORE),
            borrowed=None if row.borrowed_id is None else references[row.borrowed_id],
            breakdown=[_group(GroupResult(*group)) for group in row.breakdown],
            trials=list(_trials(row.trials)),
        )


def reference(row: rows.ArchivedExplanation) -> rows.ArchivedReference:
    """How others refer to an explanation."""
    return rows.ArchivedReference(sae=row.sae, index=row.index, key=row.key)


def _same(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _group(result: GroupResult) -> rows.ArchivedGroup:
    return rows.ArchivedGroup(
        group=result.group,
        asked=result.asked,
        answered=result.answered,
        correct=result.correct,
        mean_confidence=result.mean_confidence,
        tied=result.tied,
    )


def _trials(packed: bytes) -> Iterator[rows.ArchivedTrial]:
    for trial in unpack_trials(packed):
        answer = trial.answer
        yield rows.ArchivedTrial(
            group=str(trial.group),
            context=trial.window[0],
            start=trial.window[1],
            truth=trial.truth,
            note=trial.note,
            verdict=answer.verdict,
            confidence=answer.confidence,
            confidence_kind=answer.kind,
            unread=answer.unread,
            request=answer.request,
        )
