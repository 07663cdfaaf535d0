"""The scores of a run's controls, with the scores proper that they are held against."""

import sqlalchemy as sa

from autointerp.analysis.controls import Measure, Measured
from autointerp.storage.engine import ReadSession
from autointerp.storage.lineage import lineage
from autointerp.storage.records import Role, RunRecord
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.runs import RunFeatureTable
from autointerp.storage.tables.scores import ScoreTable


def of_run(session: ReadSession, run: RunRecord) -> tuple[Measured, ...]:
    """Return every control's score of a run, and the scores proper of the features that have controls."""
    table = ScoreTable
    sample = sa.select(RunFeatureTable.feature_id).where(
        RunFeatureTable.run_id == run.id, RunFeatureTable.role == Role.SAMPLE
    )
    found = session.sql.execute(
        sa.select(
            ExplanationTable.position,
            ExplanationTable.explainer,
            table.position,
            table.scorer,
            table.control,
            table.judge,
            table.metric,
            table.explanation_id,
            table.value,
        )
        .join(ExplanationTable, ExplanationTable.id == table.explanation_id)
        .where(table.run_id.in_(lineage(session, run.id)), sa.or_(table.control != "", table.feature_id.in_(sample)))
        .order_by(table.id)
    )
    own = bool(run.spec.explainers)  # the explanations of other runs are told apart by who made them
    return tuple(
        Measured(
            measure=Measure(explained_at if own else 0, explainer, position, scorer),
            control=control,
            judge=judge,
            metric=metric,
            explanation=explanation,
            value=value,
        )
        for explained_at, explainer, position, scorer, control, judge, metric, explanation, value in found
    )
