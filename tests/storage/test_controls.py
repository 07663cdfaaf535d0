"""The controls of a run are stored beside its results, and counted, listed and settled apart from them."""

from dataclasses import replace

import pytest

from autointerp.analysis.controls import Measure
from autointerp.domain.scores import Score
from autointerp.domain.specs import PluginSpec, RunSpec, ScorerSpec
from autointerp.storage import (
    budgets,
    control_sample,
    control_scores,
    explanations,
    features,
    run_features,
    runs,
    scores,
)
from autointerp.storage.records import FeatureFilter, FeatureOrder, Role, RunState

from .conftest import World, feature

SPEC = RunSpec(
    harvest="x",
    explainers=(PluginSpec(name="token_statistics"),),
    scorers=(ScorerSpec(name="detection", judge=PluginSpec(name="lexical")),),
)


@pytest.fixture
def ids(world: World) -> tuple[int, ...]:
    """Six features."""
    return world.store(*(feature(i) for i in range(6)))


@pytest.fixture
def run_id(world: World, ids: tuple[int, ...]) -> str:
    """A running run of five features one by one, two of them with controls, and a feature that is a control."""
    with world.database.write() as session:
        run_id = runs.create(session, SPEC, harvest_id=world.harvest, idempotency_key=None).id
        budgets.open_budget(session, run_id, SPEC.budget)
        assert run_features.add(session, run_id, ids[:5], chunk=1, sample={ids[1], ids[3]}) == 4
        run_features.add_random(session, run_id, ids[5:], number=4)
        runs.set_state(session, run_id, RunState.RUNNING)
    return run_id


def score(
    world: World, run_id: str, explanation: int, *, value: float, control: str = "", borrowed: int | None = None
) -> int:
    """Store a score of a run and return its id."""
    with world.database.write() as session:
        return scores.add(
            session,
            scores.NewScore(
                run_id=run_id,
                explanation_id=explanation,
                position=0,
                scorer="detection",
                judge="lexical",
                options={},
                judge_options={},
                model=None,
                seed=0,
                score=Score(value, None, "balanced_accuracy", None, 0, 0, {}, {}, (), ()),
                tokens=0,
                cost=0,
                control=control,
                borrowed_id=borrowed,
            ),
        )


def test_the_sample_is_in_the_first_unit_of_work_and_a_control_in_the_last(
    world: World, run_id: str, ids: tuple[int, ...]
) -> None:
    with world.database.read() as session:
        units = [run_features.chunk(session, run_id, number) for number in run_features.chunks(session, run_id)]
        found = [[(row.feature_id, row.role) for row in unit] for unit in units]

        assert run_features.sample(session, run_id) == (ids[1], ids[3])
    assert found == [
        [(ids[1], Role.SAMPLE), (ids[3], Role.SAMPLE)],
        [(ids[0], Role.OWN)],
        [(ids[2], Role.OWN)],
        [(ids[4], Role.OWN)],
        [(ids[5], Role.RANDOM_DIRECTION)],
    ]


def test_the_sample_is_the_same_whatever_else_is_chosen_and_another_with_another_seed(
    world: World, ids: tuple[int, ...]
) -> None:
    few = SPEC.model_copy(update={"controls": SPEC.controls.model_copy(update={"features": 3})})

    with world.database.read() as session:
        found = control_sample.sample(session, world.harvest, few, ids)
        backwards = control_sample.sample(session, world.harvest, few, ids[::-1])
        without_one = control_sample.sample(session, world.harvest, few, [one for one in ids if one != min(found)])
        others = {
            control_sample.sample(session, world.harvest, few.model_copy(update={"seed": seed}), ids)
            for seed in range(8)
        }

    assert len(found) == 3
    assert found == backwards
    assert len(found & without_one) == 2
    assert len(others) > 1


@pytest.mark.parametrize("update", [{"scorers": ()}, {"controls": SPEC.controls.model_copy(update={"features": 0})}])
def test_there_is_no_sample_where_there_is_nothing_to_control(
    world: World, ids: tuple[int, ...], update: dict[str, object]
) -> None:
    with world.database.read() as session:
        assert control_sample.sample(session, world.harvest, SPEC.model_copy(update=update), ids) == frozenset()
        assert control_sample.random_directions(session, world.harvest, SPEC.model_copy(update=update)) == ()


def test_a_run_waits_for_its_controls_and_does_not_fail_with_them(
    world: World, run_id: str, ids: tuple[int, ...]
) -> None:
    with world.database.write() as session:
        run_features.finish(session, run_id, ids[:5])
        assert runs.settle(session, run_id) is RunState.RUNNING
        run_features.fail(session, run_id, {ids[5]: "nothing to explain"})

        assert runs.settle(session, run_id) is RunState.COMPLETE
        assert run_features.list_failures(session, run_id, after=None, limit=10) == ()


def test_what_was_made_of_a_control_is_no_result_of_the_run(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    own, random = (world.explain(one, run_id=run_id, control=one == ids[5]) for one in (ids[1], ids[5]))
    proper = score(world, run_id, own, value=0.6)
    score(world, run_id, own, value=0.9, control="always_yes")
    score(world, run_id, random, value=0.9, control="random_direction")

    with world.database.read() as session:
        progress = runs.progress(session, run_id)
        listed = explanations.list_explanations(session, run_id=run_id, limit=10)
        everywhere = explanations.list_explanations(session, harvest_id=world.harvest, limit=10)
        scored = scores.list_scores(session, run_id=run_id, limit=10)
        best = features.list_features(
            session, FeatureFilter(world.harvest), order=FeatureOrder.SCORE, after=None, limit=10
        )

    assert (5, 1, 1, 2) == (progress.waiting, progress.explanations, progress.scores, progress.controls)
    assert [own] == [one.id for one in listed]
    assert {own, random} == {one.id for one in everywhere}
    assert [proper] == [one.id for one in scored]
    assert ids[1] == best[0].id  # of a feature that is a control only, there is no score


def test_scores_and_their_controls_come_together(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    first, second, unsampled = (world.explain(one, run_id=run_id) for one in (ids[1], ids[3], ids[0]))
    for one, value in ((first, 0.9), (second, 0.8), (unsampled, 0.1)):
        score(world, run_id, one, value=value)
    score(world, run_id, first, value=0.5, control="shuffled", borrowed=second)

    with world.database.read() as session:
        run = runs.get(session, run_id)
        found = control_scores.of_run(session, run)

    assert {Measure(0, "x", 0, "detection")} == {one.measure for one in found}
    assert [("", first, 0.9), ("", second, 0.8), ("shuffled", first, 0.5)] == [
        (one.control, one.explanation, one.value) for one in found
    ]


def test_of_explanations_by_other_runs_only_the_explainer_counts(
    world: World, run_id: str, ids: tuple[int, ...]
) -> None:
    score(world, run_id, world.explain(ids[1]), value=0.9)

    with world.database.read() as session:
        run = runs.get(session, run_id)
        found = control_scores.of_run(session, replace(run, spec=run.spec.model_copy(update={"explainers": ()})))

    assert [0] == [one.measure.explainer_position for one in found]
