"""What a run that asks only for what is missing leaves out: features with an explanation or a score there already."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from autointerp.domain.specs import PluginSpec, RunSpec, ScorerSpec
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.harvests import HarvestedFeatureTable
from autointerp.storage.tables.scores import ScoreTable

MEASURED = HarvestedFeatureTable


def lacks(spec: RunSpec) -> Iterable[sa.ColumnElement[bool]]:
    """Return the conditions on a harvested feature that the `missing` of a run's selection sets."""
    match spec.features.missing:
        case None:
            return ()
        case "any_explanation":
            return (~_has(ExplanationTable),)
        case "explanation":
            return (sa.or_(*(~_has(ExplanationTable, *_by(one)) for one in spec.explainers)),)
        case "score":
            return (sa.or_(*(~_has(ScoreTable, *_judged(one)) for one in spec.scorers)),)


def _has(table: type[ExplanationTable | ScoreTable], *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    same = table.harvest_id == MEASURED.harvest_id, table.feature_id == MEASURED.feature_id
    return sa.exists().where(*same, *conditions)


def _by(spec: PluginSpec) -> tuple[sa.ColumnElement[bool], ...]:
    return ExplanationTable.explainer == spec.name, _is(ExplanationTable.options, spec.options)


def _judged(spec: ScorerSpec) -> tuple[sa.ColumnElement[bool], ...]:
    by = ScoreTable.scorer == spec.name, _is(ScoreTable.options, spec.options), ScoreTable.control == ""
    if spec.judge is None:
        return *by, ScoreTable.judge.is_(None)
    return *by, ScoreTable.judge == spec.judge.name, _is(ScoreTable.judge_options, spec.judge.options)


def _is(column: InstrumentedAttribute[dict[str, Any]], options: dict[str, Any]) -> sa.ColumnElement[bool]:
    """Whether stored options are these, as they were written: PostgreSQL does not compare JSON."""
    return sa.cast(column, sa.Text()) == sa.cast(sa.literal(options, sa.JSON()), sa.Text())
