"""Explanations and scores: added once, never changed, found by what they belong to."""

from dataclasses import replace
from typing import Any

import pytest

from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import Candidate, Explanation, Unread, UnreadKind
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.scores import GroupResult, Score, Trial
from autointerp.errors import NotFound
from autointerp.storage import explanations, prompts, scores
from autointerp.storage.engine import Database

from .conftest import World, feature

TRIAL = Trial(Group(Kind.TOP), (7, 0), True, Answer(True, 0.5, Confidence.OVERLAP), note="as it is")
SCORE = Score(
    value=0.75,
    undefined=None,
    metric="balanced_accuracy",
    interval=(0.5, 1.0),
    asked=2,
    answered=1,
    unread={"truncated": 1},
    metrics={"auroc": None, "tpr": 0.25},
    breakdown=(GroupResult("top", 2, 1, 1, None), GroupResult("random", 1, 1, 0, 0.5)),
    trials=(TRIAL,),
    prompt="v1",
)


def add_unread(world: World, run_id: str, feature_id: int) -> int:
    with world.database.write() as session:
        return explanations.add_unread(
            session,
            run_id=run_id,
            harvest_id=world.harvest,
            feature_id=feature_id,
            position=1,
            explainer="default",
            options={},
            unread=Unread(UnreadKind.TRUNCATED, "cut off", raw="{", request="r"),
            model="endpoint/model",
            seed=0,
            tokens=3,
            cost=5,
        )


def test_an_explanation_comes_back_as_it_was_given(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    run_id = world.run()

    explanation_id = world.explain(feature_id, run_id=run_id, text="fires on cats")

    with world.database.read() as session:
        record = explanations.get(session, explanation_id)
    assert record.explanation == Explanation("fires on cats", ((7, 0), (8, 3)), prompt="p", request="r")
    assert (run_id, feature_id, 10, None) == (record.run_id, record.feature_id, record.tokens, record.cost)


def test_the_candidates_of_an_explanation_come_back_as_they_were_given(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    tried = (Candidate("cats", "r", 0.75), Candidate("dogs", None, None, "too few examples"))

    explanation_id = world.explain(feature_id, text="cats", candidates=tried)

    with world.database.read() as session:
        assert explanations.get(session, explanation_id).explanation.candidates == tried


def test_candidates_that_no_database_can_hold_are_stored_all_the_same(world: World) -> None:
    (feature_id,) = world.store(feature(0))

    explanation_id = world.explain(feature_id, candidates=(Candidate("nul\x00 and half \ud800", None, 0.5),))

    with world.database.read() as session:
        [one] = explanations.get(session, explanation_id).explanation.candidates
    assert one.text == "nul\ufffd and half \ufffd"


def test_a_run_explains_a_feature_once_with_each_explainer(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    run_id = world.run()

    first = world.explain(feature_id, run_id=run_id, text="first")

    assert world.explain(feature_id, run_id=run_id, text="second") == first
    with world.database.read() as session:
        assert explanations.get(session, first).explanation.text == "first"


def test_explanations_without_a_run_are_all_kept(world: World) -> None:
    (feature_id,) = world.store(feature(0))

    assert world.explain(feature_id) != world.explain(feature_id)


def test_explanations_are_found_by_run_and_feature_page_by_page(world: World) -> None:
    one, other = world.store(feature(0), feature(1))
    run_id = world.run()
    made = [world.explain(one, run_id=run_id), world.explain(other, run_id=run_id), world.explain(one)]

    with world.database.read() as session:
        of_feature = explanations.list_explanations(session, feature_id=one, limit=10)
        of_run = explanations.list_explanations(session, run_id=run_id, after=made[0], limit=10)
        first = explanations.list_explanations(session, harvest_id=world.harvest, limit=2)
        by_feature = explanations.of_run(session, run_id, [one, other, 999])

    assert [made[0], made[2]] == [record.id for record in of_feature]
    assert [made[1]] == [record.id for record in of_run]
    assert made[:2] == [record.id for record in first]
    assert {one: [made[0]], other: [made[1]]} == {key: [r.id for r in found] for key, found in by_feature.items()}


def test_the_newest_explanation_is_that_of_each_explainer(world: World) -> None:
    one, other = world.store(feature(0), feature(1))
    world.explain(one, explainer="default")
    newer, counted = world.explain(one, explainer="default"), world.explain(one, explainer="counts")

    with world.database.read() as session:
        newest = explanations.newest(session, world.harvest, [one, other])

    assert {one: [counted, newer]} == {key: [record.id for record in found] for key, found in newest.items()}


def test_an_unread_reply_is_kept_once_with_its_reason(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    run_id = world.run()

    assert add_unread(world, run_id, feature_id) == add_unread(world, run_id, feature_id)

    with world.database.read() as session:
        (record,) = explanations.list_unread(session, run_id=run_id, limit=10)
        assert explanations.unread_of_run(session, run_id, [feature_id]) == {feature_id: (record,)}
    assert record.unread == Unread(UnreadKind.TRUNCATED, "cut off", raw="{", request="r")


def new_score(explanation_id: int, run_id: str) -> scores.NewScore:
    return scores.NewScore(
        run_id=run_id,
        explanation_id=explanation_id,
        position=0,
        scorer="detection",
        judge="llm",
        options={"passages": 5},
        judge_options={"batch": 2},
        model="endpoint/model",
        seed=3,
        score=SCORE,
        tokens=10,
        cost=None,
    )


def add_score(world: World, explanation_id: int, run_id: str) -> int:
    with world.database.write() as session:
        return scores.add(session, new_score(explanation_id, run_id))


def test_a_score_comes_back_as_it_was_given_with_its_trials_apart(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    run_id = world.run()
    explanation_id = world.explain(feature_id)

    score_id = add_score(world, explanation_id, run_id)

    assert add_score(world, explanation_id, run_id) == score_id
    with world.database.read() as session:
        record = scores.get(session, score_id)
        assert scores.trials(session, score_id) == (TRIAL,)
    assert record.score == replace(SCORE, trials=())
    assert ({"passages": 5}, {"batch": 2}, feature_id) == (record.options, record.judge_options, record.feature_id)


def test_scores_stored_together_are_as_those_stored_one_by_one(world: World) -> None:
    run_id = world.run()
    claims = [world.explain(feature_id) for feature_id in world.store(feature(0), feature(1), feature(2))]
    first = add_score(world, claims[0], run_id)

    with world.database.write() as session:
        scores.add_all(session, [new_score(claim, run_id) for claim in claims])

    with world.database.read() as session:
        found = scores.of_explanations(session, claims, run_id=run_id)
        kept = {claim: [record.id for record in records] for claim, records in found.items()}
        assert [first] == kept[claims[0]]
        assert [1, 1, 1] == [len(kept[claim]) for claim in claims]
        assert all(scores.trials(session, ids[0]) == (TRIAL,) for ids in kept.values())
        one, other = found[claims[0]][0], found[claims[2]][0]
    same = {"id": 0, "explanation_id": 0, "feature_id": 0, "created_at": one.created_at}
    assert replace(one, **same) == replace(other, **same)


def test_scores_of_which_one_has_no_explanation_are_not_stored(world: World) -> None:
    run_id = world.run()
    (feature_id,) = world.store(feature(0))
    claim = world.explain(feature_id)

    with pytest.raises(NotFound, match="no explanation 99"), world.database.write() as session:
        scores.add_all(session, [new_score(claim, run_id), new_score(99, run_id)])

    with world.database.read() as session:
        assert scores.of_explanations(session, [claim], run_id=run_id) == {}


def test_scores_are_found_by_what_they_belong_to(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    run_id = world.run()
    explanation_id = world.explain(feature_id)
    with_run, without = add_score(world, explanation_id, run_id), world.score(explanation_id, value=None)

    with world.database.read() as session:
        belongings: tuple[dict[str, Any], ...] = (
            {"explanation_id": explanation_id},
            {"feature_id": feature_id},
            {"harvest_id": world.harvest},
        )
        for filters in belongings:
            found = scores.list_scores(session, **filters, limit=10)
            assert [with_run, without] == [record.id for record in found]
        assert [without] == [record.id for record in scores.list_scores(session, after=with_run, limit=10)]
        of_run = scores.of_explanations(session, [explanation_id], run_id=run_id)
        of_all = scores.of_explanations(session, [explanation_id], run_id=None)
    assert [with_run] == [record.id for record in of_run[explanation_id]]
    assert [with_run, without] == [record.id for record in of_all[explanation_id]]


def test_a_prompt_is_kept_by_its_version(database: Database) -> None:
    with database.write() as session:
        prompts.save(session, version="v", name="explainers/default", text="Explain.")
        prompts.save(session, version="v", name="explainers/default", text="Explain.")

    with database.read() as session:
        assert prompts.get(session, "v").text == "Explain."


def test_what_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="no explanation 5"):
        world.score(5)
    with world.database.read() as session:
        with pytest.raises(NotFound, match="no explanation 5"):
            explanations.get(session, 5)
        with pytest.raises(NotFound, match="no score 5"):
            scores.get(session, 5)
        with pytest.raises(NotFound, match="no score 5"):
            scores.trials(session, 5)
        with pytest.raises(NotFound, match="no prompt"):
            prompts.get(session, "x")
