"""Scores of explanations, with the trials they were computed from: added once, never changed.

One exception: a score without any answer goes when a resumed run has asked for other ones.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import astuple, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import defer

from autointerp.domain.examples import Split
from autointerp.domain.scores import GroupResult, Score, Trial
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import best_scores, sums
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent, insert_or_find
from autointerp.storage.lineage import lineage
from autointerp.storage.packing import pack_trials, unpack_trials
from autointerp.storage.records import ScoreRecord
from autointerp.storage.tables.base import now
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.harvests import ExampleTable
from autointerp.storage.tables.scores import ScoreTable

UNIQUE = ("run_id", "explanation_id", "position", "control")
AS_THEY_ARE = (*UNIQUE, "scorer", "judge", "model", "seed", "tokens", "cost", "borrowed_id")
WITHOUT_TRIALS = sa.select(ScoreTable).options(defer(ScoreTable.trials, raiseload=True))


@dataclass(frozen=True, slots=True)
class NewScore:
    """A score to store, and what it is of: `position` is that of its scorer in the run.

    `control` names what was scored in place of the explanation (or by what in place of the judge), "" for a score
    proper, and `domain.scores.IMPORTED` for one that others made; `borrowed_id` is the explanation of another feature
    whose text was used. `instead_of` is the id of the score without any answer that a resumed run has made anew.
    """

    run_id: str | None
    explanation_id: int
    position: int
    scorer: str
    judge: str | None
    options: Mapping[str, Any]
    judge_options: Mapping[str, Any]
    model: str | None
    seed: int
    score: Score
    tokens: int
    cost: int | None
    control: str = ""
    borrowed_id: int | None = None
    instead_of: int | None = None


def add(session: WriteSession, new: NewScore) -> int:
    """Store a score with its trials and return its id, or the id of what this run and `position` stored before."""
    rows = _rows(session, [new])
    found, added = insert_or_find(session, ScoreTable, rows[0], UNIQUE)
    _count(session, new, int(added))
    best_scores.refresh(session, rows)
    return found


def add_all(session: WriteSession, new: Sequence[NewScore]) -> list[None]:
    """Store scores with their trials, each unless its run and `position` have stored one for the explanation.

    What a score is stored instead of goes.
    """
    for replaced in _kinds(new):
        if gone := [one.instead_of for one in replaced if one.instead_of is not None]:
            deleted = session.sql.connection().execute(sa.delete(ScoreTable).where(ScoreTable.id.in_(gone)))
            _count(session, replaced[0], -deleted.rowcount)
    kinds = [(kind[0], _rows(session, kind)) for kind in _kinds(new)]
    for first, rows in kinds:
        _count(session, first, insert_if_absent(session, ScoreTable, rows))
    best_scores.refresh(session, [row for _, rows in kinds for row in rows])
    return [None] * len(new)


def _kinds(new: Sequence[NewScore]) -> list[list[NewScore]]:
    """The scores proper of each run, and its controls: what is counted together."""
    kinds: dict[tuple[str | None, bool], list[NewScore]] = {}
    for one in new:
        kinds.setdefault((one.run_id, one.control == ""), []).append(one)
    return list(kinds.values())


def _count(session: WriteSession, kind: NewScore, added: int) -> None:
    """Add to the sum of the run of such scores."""
    if kind.run_id is not None:
        sums.add(session, kind.run_id, **{"controls" if kind.control else "scores": added})


def _rows(session: ReadSession, new: Sequence[NewScore]) -> list[dict[str, Any]]:
    explained = _explained(session, {one.explanation_id for one in new})
    moment = now()
    return [
        {
            **{name: getattr(one, name) for name in AS_THEY_ARE},
            "options": dict(one.options),
            "judge_options": dict(one.judge_options),
            **_content(one.score),
            "harvest_id": explained[one.explanation_id][0],
            "feature_id": explained[one.explanation_id][1],
            "split": Split.SCORE.value,
            "created_at": moment,
        }
        for one in new
    ]


def _explained(session: ReadSession, explanation_ids: Set[int]) -> dict[int, tuple[str, int]]:
    """The harvest and feature of each explanation; NotFound for none, InvalidInput for a feature without examples."""
    harvest, feature = ExplanationTable.harvest_id, ExplanationTable.feature_id
    shown = sa.exists().where(
        ExampleTable.harvest_id == harvest, ExampleTable.feature_id == feature, ExampleTable.split == Split.SCORE.value
    )
    statement = sa.select(ExplanationTable.id, harvest, feature, shown).where(ExplanationTable.id.in_(explanation_ids))
    found = {row[0]: row[1:] for row in session.sql.execute(statement)}
    for explanation_id in sorted(explanation_ids):
        if explanation_id not in found:
            raise NotFound(f"there is no explanation {explanation_id}")
        harvest_id, feature_id, has_examples = found[explanation_id]
        if not has_examples:
            raise InvalidInput(
                f"feature {feature_id} has no score examples in the harvest {harvest_id}; harvest more tokens"
            )
    return {explanation_id: (row[0], row[1]) for explanation_id, row in found.items()}


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


def trials_of(session: ReadSession, score_ids: Sequence[int]) -> dict[int, tuple[Trial, ...]]:
    """Return the trials of these scores, by score."""
    statement = sa.select(ScoreTable.id, ScoreTable.trials).where(ScoreTable.id.in_(score_ids))
    return {score_id: unpack_trials(packed) for score_id, packed in session.sql.execute(statement)}


def list_scores(
    session: ReadSession,
    *,
    explanation_id: int | None = None,
    feature_id: int | None = None,
    harvest_id: str | None = None,
    run_id: str | None = None,
    scorer: str | None = None,
    judge: str | None = None,
    min_value: float | None = None,
    max_value: float | None = None,
    control: str | None = "",
    after: int | None = None,
    limit: int,
) -> tuple[ScoreRecord, ...]:
    """Return the scores after the id `after`, oldest first; None: any. `control` "": the scores proper.

    A run's are also those of the runs that it extends. One that is undefined has no value that a bound lets pass.
    """
    filters = {
        "scorer": scorer,
        "judge": judge,
        "explanation_id": explanation_id,
        "feature_id": feature_id,
        "harvest_id": harvest_id,
        "control": control,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    statement = WITHOUT_TRIALS.where(ScoreTable.id > (after or 0)).filter_by(**given)
    if run_id is not None:
        statement = statement.where(ScoreTable.run_id.in_(lineage(session, run_id)))
    if min_value is not None:
        statement = statement.where(ScoreTable.value >= min_value)
    if max_value is not None:
        statement = statement.where(ScoreTable.value <= max_value)
    return tuple(_record(row) for row in session.sql.scalars(statement.order_by(ScoreTable.id).limit(limit)))


def of_explanations(
    session: ReadSession, explanation_ids: Sequence[int], *, run_id: str | None, control: str | None = ""
) -> dict[int, tuple[ScoreRecord, ...]]:
    """Return the scores of these explanations (of one run), by explanation, oldest first; `control` None: any."""
    statement = WITHOUT_TRIALS.where(ScoreTable.explanation_id.in_(explanation_ids)).order_by(ScoreTable.id)
    if run_id is not None:
        statement = statement.where(ScoreTable.run_id.in_(lineage(session, run_id)))
    if control is not None:
        statement = statement.where(ScoreTable.control == control)
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
        control=row.control,
        borrowed_id=row.borrowed_id,
        created_at=row.created_at,
    )
