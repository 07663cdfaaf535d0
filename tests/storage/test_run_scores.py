"""The scores of whole runs are read in few statements, controls and trials apart."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from autointerp.domain.scores import Score
from autointerp.storage import run_scores, scores
from autointerp.storage.engine import Database
from autointerp.storage.run_scores import Origin
from tests.runs.scored import DETECTION, FUZZING, Stage, rising, stage


@pytest.fixture(name="stage")
def a_stage(database: Database) -> Stage:
    """A database of twelve features."""
    return stage(database)


@contextmanager
def counted() -> Generator[list[str]]:
    """The statements that are executed meanwhile, on any database."""
    seen: list[str] = []

    def see(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", see)


def test_every_score_of_a_run_is_a_line_with_the_explainer_that_made_what_it_scored(stage: Stage) -> None:
    run = stage.run({0: [0.5, "constant"]}, {0: [0.25]}, explainers=("default", "bricken"))
    features = stage.seeded.features

    with stage.database.read() as session:
        lines = run_scores.lines(session, [run])

    default, bricken = Origin("default", run, 0), Origin("bricken", run, 1)
    assert [(line.feature_id, line.origin, line.position, line.value, line.undefined) for line in lines] == [
        (features[0], default, 0, 0.5, None),
        (features[1], default, 0, None, "constant"),
        (features[0], bricken, 0, 0.25, None),
    ]


def test_explanations_of_other_runs_are_told_apart_by_their_explainer(stage: Stage) -> None:
    explained = stage.run({0: rising()})
    scored = stage.run({0: rising()}, claims=stage.claims(explained), seed=1)

    with stage.database.read() as session:
        [alone] = run_scores.explainers(session, [scored])
        [together] = run_scores.explainers(session, [explained, scored])
        assert {line.origin for line in run_scores.lines(session, [scored])} == {alone.origin}

    assert (alone.origin, together.origin) == (Origin("default", None, None), Origin("default", explained, 0))
    assert (alone.models, alone.prompts) == (("openai/default",), ("prompt of default",))


def test_a_scorer_names_all_models_and_prompts_that_were_asked(stage: Stage) -> None:
    run = stage.run({1: rising()}, scorers=(DETECTION, FUZZING), judged_by="openai/a", prompt="v1")
    with stage.database.write() as session:
        [first, *_] = scores.list_scores(session, run_id=run, limit=1)
        new = scores.NewScore(
            run_id=run,
            explanation_id=first.explanation_id,
            position=0,
            scorer="detection",
            judge="lexical",
            options={"random": 5},
            judge_options={},
            model=None,
            seed=0,
            score=first.score,
            tokens=0,
            cost=0,
        )
        scores.add(session, new)
        scores.add(session, replace(new, position=1, model="openai/b", control="shuffled"))
        scores.add(session, replace(new, position=2, model="openai/c", score=_undefined(first.score)))
        [other] = scores.list_scores(session, run_id=run, after=first.id, limit=1)
        scores.add(session, replace(new, position=2, model="openai/b", explanation_id=other.explanation_id))

    with stage.database.read() as session:
        found = run_scores.scorers(session, [run])

    assert [(one.position, one.label, one.models, one.prompts) for one in found] == [
        (0, "detection(random=5):lexical", (), ("v1",)),
        (1, "fuzzing:lexical", ("openai/a",), ("v1",)),
        (2, "detection(random=5):lexical", ("openai/b", "openai/c"), ("v1",)),
    ]


def _undefined(score: Score) -> Score:
    return replace(score, value=None, undefined="constant", prompt=None)


def test_controls_are_left_out(stage: Stage) -> None:
    run = stage.run({0: [0.5]})
    with stage.database.write() as session:
        [proper] = scores.list_scores(session, run_id=run, limit=10)
        control = scores.NewScore(
            run_id=run,
            explanation_id=proper.explanation_id,
            position=0,
            scorer="detection",
            judge="lexical",
            options={},
            judge_options={},
            model=None,
            seed=0,
            score=proper.score,
            tokens=0,
            cost=0,
            control="shuffled",
        )
        scores.add(session, control)

    with stage.database.read() as session:
        assert [line.score_id for line in run_scores.lines(session, [run])] == [proper.id]


def test_the_number_of_statements_does_not_grow_with_the_features(stage: Stage) -> None:
    run = stage.run({0: rising(), 1: rising()}, {0: rising()}, explainers=("a", "b"), scorers=(DETECTION, FUZZING))

    with stage.database.read() as session, counted() as seen:
        run_scores.lines(session, [run])
        run_scores.scorers(session, [run])
        run_scores.explainers(session, [run])

    assert len([statement for statement in seen if "scores" in statement]) == 3


def test_trials_of_many_scores_are_read_at_once(stage: Stage) -> None:
    ids = stage.seeded.scores

    with stage.database.read() as session, counted() as seen:
        found = scores.trials_of(session, ids)

    assert len([statement for statement in seen if "trials" in statement]) == 1
    with stage.database.read() as session:
        assert found == {score_id: scores.trials(session, score_id) for score_id in ids}
