"""The scores of whole runs for comparing and adding up, read in few statements however many features there are.

What a run took over from those that it extends is shown as its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from autointerp.domain.labels import with_options
from autointerp.storage.engine import ReadSession
from autointerp.storage.lineage import owners
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.scores import ScoreTable

ROWS = 10_000  # fetched at once


@dataclass(frozen=True, slots=True)
class Origin:
    """Which explainer the explanations come from.

    `position` is its place among the explainers of the run `run_id`; both are None for explanations that other runs
    have made, which are told apart by the explainer's name.
    """

    explainer: str
    run_id: str | None
    position: int | None


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One score; `position` is that of its scorer in the run. `value` None: undefined, for the reason `undefined`."""

    score_id: int
    run_id: str
    position: int
    feature_id: int
    explanation_id: int
    origin: Origin
    value: float | None
    undefined: str | None


@dataclass(frozen=True, slots=True)
class UsedScorer:
    """A scorer of a run with its judge; `models` and `prompts` are all that were asked, none where none was."""

    run_id: str
    position: int
    scorer: str
    options: Mapping[str, Any]
    judge: str | None
    judge_options: Mapping[str, Any]
    metric: str
    models: tuple[str, ...]
    prompts: tuple[str, ...]

    @property
    def label(self) -> str:
        """The scorer with its judge, each with the options that it was given."""
        judge = f":{with_options(self.judge, self.judge_options)}" if self.judge else ""
        return with_options(self.scorer, self.options) + judge


@dataclass(frozen=True, slots=True)
class UsedExplainer:
    """An explainer whose explanations were scored; `models` and `prompts` are all that were asked."""

    origin: Origin
    options: Mapping[str, Any]
    models: tuple[str, ...]
    prompts: tuple[str, ...]


def lines(session: ReadSession, run_ids: Sequence[str]) -> tuple[ScoreLine, ...]:
    """Return every score proper of these runs, oldest first."""
    score, claim = ScoreTable, ExplanationTable
    owner = owners(session, run_ids)
    statement = (
        sa.select(
            score.id,
            score.run_id,
            score.position,
            score.feature_id,
            score.explanation_id,
            claim.explainer,
            claim.run_id,
            claim.position,
            score.value,
            score.undefined,
        )
        .join(claim, claim.id == score.explanation_id)
        .where(*_of(owner))
        .order_by(score.id)
        .execution_options(yield_per=ROWS)
    )
    origins: dict[Origin, Origin] = {}
    found: list[ScoreLine] = []
    rows = session.sql.execute(statement)
    for score_id, run_id, position, feature_id, claim_id, explainer, made_in, place, value, undefined in rows:
        origin = _origin(owner, explainer, made_in, place)
        origin = origins.setdefault(origin, origin)
        found.append(ScoreLine(score_id, owner[str(run_id)], position, feature_id, claim_id, origin, value, undefined))
    return tuple(found)


def scorers(session: ReadSession, run_ids: Sequence[str]) -> tuple[UsedScorer, ...]:
    """Return the scorers that have stored a score in these runs, in the order of the runs and of their specs."""
    table, owner = ScoreTable, owners(session, run_ids)
    kinds = table.run_id, table.position, table.metric, table.model, table.prompt
    first = sa.select(sa.func.min(table.id)).where(*_of(owner)).group_by(*kinds)
    columns = *kinds, table.scorer, table.options, table.judge, table.judge_options
    statement = sa.select(*columns).where(table.id.in_(first)).order_by(table.id)
    found: dict[tuple[int, int], list[Any]] = {}
    for row in session.sql.execute(statement):
        found.setdefault((run_ids.index(owner[row.run_id]), row.position), []).append(row)
    return tuple(
        UsedScorer(
            run_id=owner[rows[0].run_id],
            position=rows[0].position,
            scorer=rows[0].scorer,
            options=rows[0].options,
            judge=rows[0].judge,
            judge_options=rows[0].judge_options,
            metric=rows[0].metric,
            models=_distinct(row.model for row in rows),
            prompts=_distinct(row.prompt for row in rows),
        )
        for _, rows in sorted(found.items())
    )


def explainers(session: ReadSession, run_ids: Sequence[str]) -> tuple[UsedExplainer, ...]:
    """Return the explainers whose explanations these runs have scored: first the runs' own, in order, then others."""
    score, claim, owner = ScoreTable, ExplanationTable, owners(session, run_ids)
    kinds = claim.run_id, claim.position, claim.explainer, claim.model, claim.prompt
    scored = sa.select(score.explanation_id).where(*_of(owner))
    first = sa.select(sa.func.min(claim.id)).where(claim.id.in_(scored)).group_by(*kinds)
    statement = sa.select(*kinds, claim.options).where(claim.id.in_(first)).order_by(claim.id)
    found: dict[Origin, list[Any]] = {}
    for row in session.sql.execute(statement):
        found.setdefault(_origin(owner, row.explainer, row.run_id, row.position), []).append(row)
    used = [
        UsedExplainer(
            origin=origin,
            options=rows[0].options,
            models=_distinct(row.model for row in rows),
            prompts=_distinct(row.prompt for row in rows),
        )
        for origin, rows in found.items()
    ]
    return tuple(sorted(used, key=lambda one: _place(run_ids, one.origin)))


def _of(owner: Mapping[str, str]) -> tuple[sa.ColumnElement[bool], ...]:
    return ScoreTable.run_id.in_(owner), ScoreTable.control == ""


def _origin(owner: Mapping[str, str], explainer: str, run_id: str | None, position: int) -> Origin:
    run = owner.get(run_id or "")
    return Origin(explainer, None, None) if run is None else Origin(explainer, run, position)


def _place(run_ids: Sequence[str], origin: Origin) -> tuple[int, int, str]:
    run = len(run_ids) if origin.run_id is None else run_ids.index(origin.run_id)
    return run, origin.position or 0, origin.explainer


def _distinct(values: Iterator[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value is not None}))
