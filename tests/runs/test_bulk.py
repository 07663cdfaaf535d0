"""Bulk runs: paused and taken up again, worked on by priority, retried and extended, and nothing done twice."""

import pytest

from autointerp.domain.calls import Reply, Request
from autointerp.domain.specs import Extension
from autointerp.errors import Conflict, InvalidInput, InvalidSpec
from autointerp.pipeline.handlers import handlers
from autointerp.runs import (
    change_priority,
    create_run,
    extend_run,
    pause_run,
    resume_run,
    retry_run,
    summarise_run,
)
from autointerp.storage import explanations, run_features, runs, scores
from autointerp.storage.records import RunRecord, RunState
from tests.pipeline.world import FEATURES, World, honestly

COUNT = len(FEATURES)
ONE_MORE_SCORER = Extension.model_validate({"scorers": [{"name": "fuzzing", "judge": "llm"}]})


def unread(world: World, count: int) -> None:
    """Let the language model refuse to explain the first features that it is asked about."""
    refused: list[str] = []

    def answer(request: Request) -> Reply | str:
        text = request.messages[-1].text
        if not text.startswith("Explanation:") and text not in refused and len(refused) < count:
            refused.append(text)
        return "I would rather not" if text in refused else honestly(request)

    world.model.answer = answer


def asked(world: World) -> list[str]:
    return [request.key for request in world.model.asked]


def failed(world: World, run: RunRecord) -> list[int]:
    with world.desk.database.read() as session:
        found = run_features.list_failures(session, run.id, after=None, limit=100)
    return [one.feature_id for one in found]


async def test_a_paused_run_keeps_its_place_and_goes_on_without_asking_twice(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=2), idempotency_key=None)
    later = create_run(world.desk, world.spec(chunk=6, seed=1), idempotency_key=None)
    orders = world.queue.take()
    begun = next(orders)

    paused = pause_run(world.desk, run.id)
    while_paused = world.queue.queued
    resumed = resume_run(world.desk, run.id)

    assert begun.job == f"run/{run.id}/0/0"
    assert (paused.state, paused.finished_at, while_paused) == (RunState.PAUSED, None, [f"run/{later.id}/0/0"])
    assert resumed.state is RunState.RUNNING
    assert world.queue.queued == [
        f"run/{run.id}/0/1",
        f"run/{run.id}/0/2",
        f"run/{later.id}/0/0",
        f"run/{run.id}/0/0/1",  # what was stopped goes on as another turn
    ]
    await world.work()
    assert world.run(run.id).state is RunState.COMPLETE
    assert len(asked(world)) == len(set(asked(world)))


async def test_pausing_twice_is_pausing_once_and_what_has_ended_cannot_be_paused(world: World) -> None:
    run = create_run(world.desk, world.spec(), idempotency_key=None)

    assert [pause_run(world.desk, run.id).state for _ in range(2)] == [RunState.PAUSED] * 2

    resume_run(world.desk, run.id)
    await world.work()
    with pytest.raises(Conflict, match="is complete; there is nothing to pause"):
        pause_run(world.desk, run.id)


async def test_a_chunk_of_a_paused_run_does_nothing_and_does_not_end_the_run(world: World) -> None:
    run = create_run(world.desk, world.spec(), idempotency_key=None)
    with world.desk.database.write() as session:
        runs.set_state(session, run.id, RunState.PAUSED)

    await world.work()

    assert world.run(run.id).state is RunState.PAUSED
    assert asked(world) == []


async def test_a_run_of_which_all_is_done_when_it_is_resumed_ends(world: World) -> None:
    run = await world.carry_out(world.spec(scorers=[], explainers=["token_statistics"], llm=None))
    with world.desk.database.write() as session:
        runs.set_state(session, run.id, RunState.PAUSED, origins=(RunState.COMPLETE,))

    assert resume_run(world.desk, run.id).state is RunState.COMPLETE


def test_another_priority_queues_anew_what_waits(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=3, priority=-2), idempotency_key=None)
    next(world.queue.take())

    changed = change_priority(world.desk, run.id, 5)

    queued = [job for job in world.queue.status("run/") if job.id in world.queue.queued]
    assert (run.priority, changed.priority) == (-2, 5)
    assert [(job.id, job.priority) for job in queued] == [(f"run/{run.id}/0/1/1", 5)]
    assert changed.spec.priority == -2


def test_a_run_whose_priority_changed_while_it_rested_is_queued_with_the_new_one(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=6), idempotency_key=None)
    pause_run(world.desk, run.id)
    change_priority(world.desk, run.id, 3)

    resume_run(world.desk, run.id)

    [job] = [job for job in world.queue.status("run/") if job.state.live]
    assert (job.id, job.priority) == (f"run/{run.id}/0/0/1", 3)


async def test_only_failed_features_are_tried_again_and_in_units_of_their_own(world: World) -> None:
    unread(world, 2)
    run = await world.carry_out(world.spec())
    broken, before = failed(world, run), asked(world)
    world.model.answer = honestly

    retried = retry_run(world.desk, run.id, None)
    queued = world.queue.queued
    await world.work()

    assert (run.state, len(broken), retried.state) == (RunState.COMPLETE_WITH_FAILURES, 2, RunState.RUNNING)
    assert queued == [f"run/{run.id}/1/2"]
    assert world.run(run.id).state is RunState.COMPLETE
    explained = [
        one for one in world.model.asked[len(before) :] if not one.messages[-1].text.startswith("Explanation:")
    ]
    assert len(explained) == 2
    assert set(asked(world)[len(before) :]).isdisjoint(before)


async def test_a_failed_feature_is_tried_again_while_the_run_is_under_way(world: World) -> None:
    unread(world, 2)
    run = create_run(world.desk, world.spec(chunk=4), idempotency_key=None)
    orders = world.queue.take()
    first = next(orders)
    await handlers(world.shop, world.field, world.counter)[first.handler](first.args, lambda: False)
    one, other = failed(world, run)
    world.model.answer = honestly

    retry_run(world.desk, run.id, [one])

    assert failed(world, run) == [other]
    assert world.queue.queued == [f"run/{run.id}/0/1", f"run/{run.id}/1/2"]
    await world.work()
    assert world.run(run.id).state is RunState.COMPLETE_WITH_FAILURES
    assert (world.progress(run.id).done, failed(world, run)) == (COUNT - 1, [other])


async def test_a_feature_that_did_not_fail_is_not_tried_again(world: World) -> None:
    unread(world, 1)
    run = await world.carry_out(world.spec())
    [broken] = failed(world, run)
    world.model.answer = honestly

    with pytest.raises(InvalidInput, match=f"feature {broken + 1} has not failed"):
        retry_run(world.desk, run.id, [broken, broken + 1])

    retry_run(world.desk, run.id, [broken])
    await world.work()
    with pytest.raises(Conflict, match="is complete; there is nothing to try again"):
        retry_run(world.desk, run.id, None)


async def test_an_extension_by_a_scorer_computes_its_scores_alone(world: World) -> None:
    run = await world.carry_out(world.spec(controls={"features": 2}))
    before = asked(world)
    with world.desk.database.read() as session:
        kept = {one.id for one in scores.list_scores(session, run_id=run.id, control=None, limit=500)}

    newer = extend_run(world.desk, run.id, ONE_MORE_SCORER, idempotency_key=None)
    await world.work()

    found, later = world.progress(newer.id), asked(world)[len(before) :]
    assert world.run(newer.id).state is RunState.COMPLETE
    assert (found.done, found.explanations, found.scores) == (COUNT, COUNT, 2 * COUNT)
    assert later
    assert set(later).isdisjoint(before)
    assert found.requests == len(later)
    with world.desk.database.read() as session:
        listed = scores.list_scores(session, run_id=newer.id, control=None, limit=500)
        made = explanations.list_explanations(session, run_id=newer.id, limit=500)
        specs = {run_id: runs.get(session, run_id).spec for run_id in (run.id, newer.id)}
    assert kept == {one.id for one in listed if one.run_id == run.id}
    assert {one.run_id for one in made} == {run.id}
    for one in listed:  # each can be traced to the spec that made it
        assert one.run_id is not None
        assert specs[one.run_id].scorers[one.position].name == one.scorer
    assert [(line.scorer.scorer, line.aggregate.scored) for line in summarise_run(world.desk.database, newer.id)] == [
        ("detection", COUNT),
        ("fuzzing", COUNT),
    ]
    assert {line.scorer.run_id for line in summarise_run(world.desk.database, newer.id)} == {newer.id}


async def test_an_extension_by_features_works_on_those_alone(world: World) -> None:
    run = await world.carry_out(world.spec())
    more = Extension.model_validate({"features": {"indices": [6, 7, 8]}})
    before = asked(world)

    newer = extend_run(world.desk, run.id, more, idempotency_key=None)
    waiting = world.progress(newer.id).waiting
    await world.work()

    found = world.progress(newer.id)
    assert waiting == 2  # the feature 6 is there already
    assert (found.done + found.failed, found.explanations) == (COUNT + 2, COUNT + 2 - found.unread)
    assert set(asked(world)[len(before) :]).isdisjoint(before)


async def test_an_extension_by_an_explainer_keeps_the_explanations_of_the_first(world: World) -> None:
    run = await world.carry_out(world.spec(explainers=["token_statistics"], controls={"features": 2}))

    newer = extend_run(world.desk, run.id, Extension.model_validate({"explainers": ["default"]}), idempotency_key=None)
    await world.work()

    found = world.progress(newer.id)
    assert (found.explanations, found.scores) == (2 * COUNT, 2 * COUNT)
    with world.desk.database.read() as session:
        made = explanations.list_explanations(session, run_id=newer.id, limit=500)
    assert {(one.run_id, one.explainer) for one in made} == {(run.id, "token_statistics"), (newer.id, "default")}


async def test_the_same_extension_is_one_run_and_another_one_is_refused(world: World) -> None:
    run = await world.carry_out(world.spec())
    newer = extend_run(world.desk, run.id, ONE_MORE_SCORER, idempotency_key=None)

    again = extend_run(world.desk, run.id, ONE_MORE_SCORER, idempotency_key=None)

    assert again.id == newer.id
    other = Extension.model_validate({"explainers": ["token_statistics"]})
    with pytest.raises(Conflict, match=f"is extended by the run {newer.id} already"):
        extend_run(world.desk, run.id, other, idempotency_key=None)


async def test_a_run_that_was_extended_is_closed_and_its_failures_are_tried_again_by_the_newer(world: World) -> None:
    unread(world, 1)
    run = await world.carry_out(world.spec())
    newer = extend_run(world.desk, run.id, ONE_MORE_SCORER, idempotency_key=None)

    for verb in (lambda: resume_run(world.desk, run.id), lambda: retry_run(world.desk, run.id, None)):
        with pytest.raises(Conflict, match=f"go on with the run {newer.id}"):
            verb()
    assert world.progress(newer.id).waiting == COUNT


async def test_only_what_has_ended_can_be_extended_and_only_by_more_of_the_same(world: World) -> None:
    run = create_run(world.desk, world.spec(), idempotency_key=None)
    with pytest.raises(Conflict, match="is running; wait for its end"):
        extend_run(world.desk, run.id, ONE_MORE_SCORER, idempotency_key=None)
    await world.work()
    spec = world.run(run.id).spec.model_copy(update={"extends": run.id, "harvest": run.harvest_id})
    more = Extension.model_validate({"scorers": [{"name": "fuzzing", "judge": "lexical"}], "llm": "fake/other"})

    with pytest.raises(InvalidSpec, match="the spec has another seed"):
        create_run(world.desk, spec.model_copy(update={"seed": 9}), idempotency_key=None)
    with pytest.raises(InvalidSpec, match="does not begin with the scorers"):
        create_run(world.desk, spec.model_copy(update={"scorers": ()}), idempotency_key=None)
    with pytest.raises(InvalidSpec, match="the older run asked fake/model"):
        extend_run(world.desk, run.id, more, idempotency_key=None)


async def test_a_run_over_what_is_missing_leaves_out_what_others_have_done(world: World) -> None:
    await world.carry_out(world.spec(features={"indices": FEATURES[:4]}))

    rest = create_run(
        world.desk, world.spec(features={"indices": FEATURES, "missing": "explanation"}), idempotency_key=None
    )

    assert world.progress(rest.id).waiting == COUNT - 4
    done = {"indices": FEATURES[:4], "missing": "score"}
    with pytest.raises(InvalidInput, match="there is nothing to do"):
        create_run(world.desk, world.spec(features=done), idempotency_key=None)
