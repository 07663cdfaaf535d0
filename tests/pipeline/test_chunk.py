"""A run does what can be done, says what cannot, and never pays twice for what it has."""

import asyncio
import re
from pathlib import Path

import pytest

from autointerp.domain.calls import Request
from autointerp.jobs.records import Leaving
from autointerp.llm.base import CallFailed, WrongKey
from autointerp.pipeline.attempts import DIED
from autointerp.pipeline.chunk import run_chunk
from autointerp.runs import cancel_run, create_run, resume_run, summarise_run
from autointerp.storage import explanations, run_features, scores
from autointerp.storage.records import RunState
from tests.pipeline.world import AT_ONCE, FEATURES, World, go_on, honestly

COUNT = len(FEATURES)
LEXICAL = {"name": "detection", "judge": "lexical"}
TOOLS = "« wrench»"  # marked for one of the features only


def explains_tools(request: Request) -> bool:
    """Whether this is the request to explain the feature that fires at tools."""
    text = request.messages[-1].text
    return TOOLS in text and not judges(request)


def judges(request: Request) -> bool:
    """Whether this is a request to the judge."""
    return request.messages[-1].text.startswith("Explanation:")


def unjudged(request: Request) -> str:
    """Explain, and refuse to judge."""
    return "I would rather not" if judges(request) else honestly(request)


async def test_a_run_explains_and_scores_every_feature(world: World) -> None:
    run = await world.carry_out(world.spec())

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE
    assert (found.done, found.explanations, found.scores, found.failed) == (COUNT, COUNT, COUNT, 0)
    assert found.requests == len(world.model.asked)


async def test_every_result_says_what_it_cost(world: World) -> None:
    run = await world.carry_out(world.spec(scorers=[{"name": "detection", "judge": "lexical"}, *world.spec().scorers]))

    with world.desk.database.read() as session:
        made = explanations.list_explanations(session, run_id=run.id, limit=100)
        scored = scores.list_scores(session, run_id=run.id, limit=100)
    by_judge = {judge: [one for one in scored if one.judge == judge] for judge in ("lexical", "llm")}
    assert all(one.tokens > 0 and one.model == "fake/model" for one in (*made, *by_judge["llm"]))
    assert all(one.tokens == 0 and one.model is None for one in by_judge["lexical"])
    assert sum(one.tokens for one in (*made, *scored)) == world.progress(run.id).tokens


async def test_a_score_names_the_prompt_of_its_judge(world: World) -> None:
    run = await world.carry_out(world.spec())

    with world.desk.database.read() as session:
        scored = scores.list_scores(session, run_id=run.id, limit=100)
    assert {one.score.prompt for one in scored} == {request.prompt for request in world.model.asked if judges(request)}


async def test_an_unread_reply_fails_its_feature_and_no_other(world: World) -> None:
    world.model.answer = lambda request: "I would rather not" if explains_tools(request) else honestly(request)

    run = await world.carry_out(world.spec())

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert (found.done, found.unread) == (COUNT - 1, 1)
    assert [failure.reason for failure in found.failures] == [
        "explainer default: the reply could not be read (prose): the reply holds no JSON object"
    ]


async def test_a_feature_with_too_few_examples_fails_without_a_reply(world: World) -> None:
    picky = {"name": "default", "options": {"least": 10_000}}

    run = await world.carry_out(world.spec(explainers=[picky]))

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert (found.failed, found.unread, world.model.asked) == (COUNT, 0, [])
    assert all("10000 are needed" in failure.reason for failure in found.failures)
    assert all("reply" not in failure.reason for failure in found.failures)


async def test_a_resumed_run_pays_only_for_what_is_missing(world: World) -> None:
    world.model.answer = lambda request: "I would rather not" if explains_tools(request) else honestly(request)
    first = await world.carry_out(world.spec())
    world.model.answer = honestly
    before = len(world.model.asked)

    resume_run(world.desk, first.id)
    await world.work()

    asked = world.model.asked[before:]
    assert world.run(first.id).state is RunState.COMPLETE
    assert explains_tools(asked[0])
    assert {request.key for request in asked}.isdisjoint(request.key for request in world.model.asked[:before])
    assert world.progress(first.id).explanations == COUNT


async def test_an_explanation_read_at_last_names_the_request_that_was_read(world: World) -> None:
    world.model.answer = lambda request: "I would rather not" if explains_tools(request) else honestly(request)
    run = await world.carry_out(world.spec(scorers=[]))
    world.model.answer = honestly

    resume_run(world.desk, run.id)
    await world.work()

    with world.desk.database.read() as session:
        made = explanations.list_explanations(session, run_id=run.id, limit=100)
        unread = explanations.list_unread(session, run_id=run.id, after=None, limit=100)
    read_last = world.model.asked[-1]
    assert read_last.sample == 2
    assert made[-1].explanation.request == read_last.key
    assert unread[0].unread.request not in {one.explanation.request for one in made}


async def test_a_judge_that_can_never_be_read_fails_the_features(world: World) -> None:
    world.model.answer = unjudged

    run = await world.carry_out(world.spec())

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert (found.done, found.failed, found.scores, found.explanations) == (0, COUNT, COUNT, COUNT)
    told = r"scorer detection: none of the judge's \d+ answers could be read \(prose\)"
    assert all(re.fullmatch(told, failure.reason) for failure in found.failures)


async def test_a_judge_that_can_never_be_read_leaves_undefined_scores_that_are_counted(world: World) -> None:
    world.model.answer = unjudged

    run = await world.carry_out(world.spec())

    with world.desk.database.read() as session:
        stored = [one.score for one in scores.list_scores(session, run_id=run.id, limit=100)]
    [summary] = summarise_run(world.desk.database, run.id)
    assert all((one.value, one.answered, dict(one.unread)) == (None, 0, {"prose": one.asked}) for one in stored)
    assert all(one.undefined == f"none of the judge's {one.asked} answers could be read (prose)" for one in stored)
    assert (summary.aggregate.scored, sum(summary.aggregate.undefined.values()), summary.aggregate.missing) == (
        0,
        COUNT,
        0,
    )


async def test_a_judge_that_is_not_there_leaves_no_score_and_is_asked_again(world: World) -> None:
    def away(request: Request) -> str:
        if judges(request):
            raise CallFailed("fake is not there")
        return honestly(request)

    world.model.answer = away
    run = await world.carry_out(world.spec())
    found = world.progress(run.id)
    world.model.answer = honestly

    resume_run(world.desk, run.id)
    await world.work()

    assert (found.failed, found.scores) == (COUNT, 0)
    assert (world.run(run.id).state, world.progress(run.id).scores) == (RunState.COMPLETE, COUNT)


async def test_a_resumed_run_asks_the_judge_again_for_other_replies(world: World) -> None:
    world.model.answer = unjudged
    run = await world.carry_out(world.spec())
    before = len(world.model.asked)
    world.model.answer = honestly

    resume_run(world.desk, run.id)
    await world.work()

    asked = world.model.asked[before:]
    with world.desk.database.read() as session:
        made = scores.list_scores(session, run_id=run.id, limit=100)
        trials = [trial for one in made for trial in scores.trials(session, one.id)]
    assert world.run(run.id).state is RunState.COMPLETE
    assert len(made) == COUNT
    assert all(judges(request) and request.sample == 2 for request in asked)
    assert {trial.answer.request for trial in trials} == {request.key for request in asked}


async def test_a_judge_that_is_unreadable_again_and_again_is_asked_once_for_each_resumption(world: World) -> None:
    world.model.answer = unjudged
    run = await world.carry_out(world.spec())

    draws: list[set[int]] = []
    for _ in range(2):
        before = len(world.model.asked)
        resume_run(world.desk, run.id)
        await world.work()
        draws.append({request.sample for request in world.model.asked[before:]})

    assert world.run(run.id).state is RunState.COMPLETE_WITH_FAILURES
    assert draws == [{2}, {3}]  # the draws before are kept, and each was tried twice
    assert world.progress(run.id).scores == COUNT  # the last unread answers took the place of those before


async def test_a_chunk_that_is_begun_again_pays_only_for_what_was_in_flight(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=100), idempotency_key=None)
    enough = asyncio.Event()

    def answer(request: Request) -> str:
        if len(world.model.asked) == 20:
            enough.set()
        return honestly(request)

    world.model.answer = answer
    cut_off = asyncio.create_task(run_chunk(world.shop, run.id, 0, 0, stop=go_on))
    await enough.wait()
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)
    await world.shop.commits.close()
    world.model.answer = honestly
    await world.work()

    keys = [request.key for request in world.model.asked]
    assert world.run(run.id).state is RunState.COMPLETE
    assert len(keys) - len(set(keys)) <= AT_ONCE


async def test_a_spent_budget_ends_the_run_and_leaves_the_rest_waiting(world: World) -> None:
    run = await world.carry_out(world.spec(budget={"tokens": 30_000}))

    found = world.progress(run.id)
    assert run.state is RunState.OUT_OF_BUDGET
    assert "with a larger budget" in (run.error or "")
    assert found.failed == 0
    assert 0 < found.waiting
    assert found.tokens <= 30_000


async def test_an_endpoint_that_refuses_everything_ends_the_run_with_its_sentence(world: World) -> None:
    def refuse(request: Request) -> str:
        raise WrongKey("fake refused the key; set AUTOINTERP_ENDPOINTS__FAKE__API_KEY")

    world.model.answer = refuse
    run = await world.carry_out(world.spec())

    found = world.progress(run.id)
    assert (run.state, run.error) == (
        RunState.FAILED,
        "fake refused the key; set AUTOINTERP_ENDPOINTS__FAKE__API_KEY",
    )
    assert (found.failed, found.waiting) == (0, COUNT)


async def test_a_mistake_in_a_plug_in_fails_the_features_it_strikes_and_no_other(world: World) -> None:
    run = await world.carry_out(world.spec(explainers=["tests.pipeline.poison"], scorers=[], llm=None))

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert found.done == COUNT - 1
    assert [(failure.index, failure.reason) for failure in found.failures] == [
        (5, "ZeroDivisionError: division by zero")
    ]


async def test_an_explanation_that_says_nothing_is_none(world: World) -> None:
    run = await world.carry_out(world.spec(explainers=["tests.pipeline.silence"], llm=None, scorers=[LEXICAL]))

    found = world.progress(run.id)
    assert (found.failed, found.explanations, found.scores) == (COUNT, 0, 0)
    assert {failure.reason for failure in found.failures} == {"explainer tests.pipeline.silence: it says nothing"}


async def test_what_one_scorer_refuses_costs_no_other_score(world: World, tmp_path: Path) -> None:
    """A folder without a model shows when the first text is to be read."""
    scorers = [{"name": "surprisal", "options": {"model": str(tmp_path)}}, *world.spec().scorers]
    run = await world.carry_out(world.spec(scorers=scorers))

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert (found.failed, found.scores) == (COUNT, COUNT)
    with world.desk.database.read() as session:
        [reason, *_] = {one.reason for one in run_features.list_failures(session, run.id, after=None, limit=10)}
    assert reason is not None
    assert reason.startswith("scorer surprisal: ")


async def test_a_chunk_whose_workers_keep_dying_ends_as_failed(world: World) -> None:
    run = create_run(world.desk, world.spec(), idempotency_key=None)
    for _ in range(3):  # what three workers leave that begin the chunk and are killed
        with world.desk.database.write() as session:
            run_features.count_attempt(session, run.id, 0)

    await world.work()

    found = world.progress(run.id)
    assert world.run(run.id).state is RunState.COMPLETE_WITH_FAILURES
    assert {failure.reason for failure in found.failures} == {DIED}
    assert (found.failed, found.done) == (4, COUNT - 4)


async def test_a_worker_that_leaves_finishes_what_is_in_flight_and_counts_no_attempt(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=100), idempotency_key=None)

    with pytest.raises(Leaving):
        await run_chunk(world.shop, run.id, 0, 0, stop=lambda: len(world.model.asked) > 3)

    with world.desk.database.read() as session:
        waiting = run_features.chunk(session, run.id, 0)
    asked = len(world.model.asked)
    assert {feature.attempts for feature in waiting} == {0}
    assert world.progress(run.id).explanations == asked


async def test_a_run_without_explainers_scores_the_newest_explanations(world: World) -> None:
    await world.carry_out(world.spec(scorers=[]))
    explained = len(world.model.asked)

    run = await world.carry_out(world.spec(explainers=[], scorers=[{"name": "fuzzing", "judge": "lexical"}], llm=None))

    found = world.progress(run.id)
    assert (run.state, found.scores, found.explanations) == (RunState.COMPLETE, COUNT, 0)
    assert len(world.model.asked) == explained


async def test_a_feature_that_nobody_explained_cannot_be_scored(world: World) -> None:
    run = await world.carry_out(world.spec(explainers=[], scorers=[{"name": "fuzzing", "judge": "lexical"}], llm=None))

    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert "name an explainer" in world.progress(run.id).failures[0].reason


async def test_nothing_is_done_for_a_run_that_was_cancelled(world: World) -> None:
    run = create_run(world.desk, world.spec(), idempotency_key=None)
    cancel_run(world.desk, run.id)

    await run_chunk(world.shop, run.id, 0, 0, stop=go_on)

    assert world.queue.queued == []
    assert world.model.asked == []
    assert world.run(run.id).state is RunState.CANCELLED
