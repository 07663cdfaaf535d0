"""A run is checked whole before anything is stored, made once, and can be cancelled and taken up again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from autointerp.domain.specs import Budget
from autointerp.errors import AutointerpError, Conflict, InvalidInput, InvalidSpec, NotFound
from autointerp.llm.base import Endpoint
from autointerp.runs import cancel_run, create_run, resume_run, wait_run
from autointerp.storage import budgets, runs, workers
from autointerp.storage.records import RunState
from tests.pipeline.world import FEATURES, World

WRONG: Mapping[str, tuple[dict[str, Any], type[AutointerpError], str]] = {
    "explainer": (
        {"explainers": ["crystal_ball"]},
        InvalidSpec,
        "no explainer 'crystal_ball'; there are best_of, bricken",
    ),
    "option": ({"explainers": [{"name": "default", "options": {"mood": 1}}]}, InvalidSpec, "mood"),
    "scorer": ({"scorers": [{"name": "vibes", "judge": "llm"}]}, InvalidSpec, "no scorer 'vibes'"),
    "judge": ({"scorers": [{"name": "detection", "judge": "oracle"}]}, InvalidSpec, "no judge 'oracle'"),
    "idle judge": (
        {"scorers": [{"name": "rubric", "judge": "lexical"}]},
        InvalidSpec,
        "^the scorer 'rubric' asks no judge; leave out its judge 'lexical'$",
    ),
    "judge made idle": (
        {"scorers": [{"name": "intervention", "judge": "lexical", "options": {"answer": "logprob"}}]},
        InvalidSpec,
        "'intervention' with these options asks no judge",
    ),
    "reader": (
        {"scorers": [{"name": "surprisal", "options": {"model": "/no/such/model"}}]},
        InvalidSpec,
        "^there is no model folder /no/such/model to read with",
    ),
    "simulator": (
        {"scorers": [{"name": "simulation", "options": {"predict": "local", "local": "./nowhere"}}]},
        InvalidSpec,
        "^there is no model folder ./nowhere to read with",
    ),
    "twice": ({"scorers": 2 * [{"name": "detection", "judge": "lexical"}]}, InvalidSpec, "names detection twice"),
    "backwards": ({"features": {"start": 10, "stop": 5}}, InvalidSpec, r"start \(10\) must be below features.stop"),
    "endpoint": ({"llm": "nowhere/model"}, InvalidSpec, "no LLM endpoint 'nowhere'; there are fake"),
    "llm": ({"llm": None}, InvalidSpec, "needs a language model"),
    "harvest": ({"harvest": "none"}, NotFound, "no harvest none"),
    "feature": ({"features": {"indices": [10_000]}}, InvalidInput, "has the features 0 to 15"),
    "sae": ({"features": {"sae": 3}}, InvalidSpec, "no SAE 3"),
    "nothing": ({"features": {"min_firings": 10**9}}, InvalidInput, "lower min_firings"),
}


def reading_with(model: str) -> dict[str, Any]:
    return {"name": "surprisal", "options": {"model": model}}


def stored(world: World) -> int:
    with world.desk.database.read() as session:
        return len(runs.list_runs(session, state=None, after=None, limit=10))


@pytest.mark.parametrize("what", WRONG)
async def test_a_spec_that_cannot_be_carried_out_is_refused_before_anything_is_stored(world: World, what: str) -> None:
    options, error, sentence = WRONG[what]

    with pytest.raises(error, match=sentence):
        create_run(world.desk, world.spec(**options), idempotency_key=None)

    assert stored(world) == 0
    assert world.queue.queued == []


async def test_an_endpoint_in_a_plug_in_is_checked_too(world: World) -> None:
    judge = {"name": "llm", "options": {"model": "nowhere/model"}}

    with pytest.raises(InvalidSpec, match="no LLM endpoint 'nowhere'"):
        create_run(world.desk, world.spec(scorers=[{"name": "detection", "judge": judge}]), idempotency_key=None)


@pytest.mark.parametrize("model", ["subject", "gpt2", "owner/model"])
async def test_a_local_model_that_may_be_at_hand_is_taken(world: World, model: str) -> None:
    create_run(world.desk, world.spec(scorers=[reading_with(model)]), idempotency_key=None)

    assert stored(world) == 1


async def test_a_folder_that_a_worker_on_another_host_may_have_is_taken(world: World) -> None:
    with world.desk.database.write() as session:
        workers.beat(session, "elsewhere-1-abc", kind="worker", queues=["llm"])

    create_run(world.desk, world.spec(scorers=[reading_with("/no/such/model")]), idempotency_key=None)

    assert stored(world) == 1


async def test_a_budget_in_dollars_needs_a_model_whose_price_is_known(world: World) -> None:
    local = Endpoint(name="local", provider="openai", base_url="http://127.0.0.1:9/v1")
    desk = replace(world.desk, endpoints={**world.desk.endpoints, "local": local})
    unpriced = world.spec(llm="local/our-own-model", budget={"dollars": 1.0})

    with pytest.raises(InvalidSpec, match="the price of local/our-own-model is not known"):
        create_run(desk, unpriced, idempotency_key=None)

    assert stored(world) == 0
    create_run(desk, world.spec(llm="local/our-own-model", budget={"tokens": 1000}), idempotency_key=None)
    create_run(desk, world.spec(budget={"dollars": 1.0}), idempotency_key=None)


async def test_a_vendors_endpoint_without_a_key_is_refused_before_anything_is_asked(world: World) -> None:
    vendor = Endpoint(name="openai", provider="openai")
    desk = replace(world.desk, endpoints={"openai": vendor})

    with pytest.raises(InvalidSpec, match="'openai' has no key; set OPENAI_API_KEY"):
        create_run(desk, world.spec(llm="openai/some-model"), idempotency_key=None)

    assert stored(world) == 0


async def test_the_features_are_cut_into_chunks(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=4), idempotency_key=None)

    assert world.run(run.id).state is RunState.RUNNING
    assert world.progress(run.id).waiting == len(FEATURES)
    assert world.queue.queued == [f"run/{run.id}/0/0", f"run/{run.id}/0/1"]


async def test_the_same_key_and_spec_give_the_same_run(world: World) -> None:
    first = create_run(world.desk, world.spec(), idempotency_key="k")

    second = create_run(world.desk, world.spec(), idempotency_key="k")

    assert second.id == first.id
    assert stored(world) == 1


async def test_the_same_key_with_another_spec_is_a_conflict(world: World) -> None:
    create_run(world.desk, world.spec(), idempotency_key="k")

    with pytest.raises(Conflict, match="another spec"):
        create_run(world.desk, world.spec(seed=7), idempotency_key="k")


async def test_a_cancelled_run_keeps_what_it_has_and_can_be_resumed(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=4), idempotency_key=None)
    orders = world.queue.take()
    next(orders)
    cancelled = cancel_run(world.desk, run.id)
    while_cancelled = world.queue.queued

    resumed = resume_run(world.desk, run.id)
    await world.work()

    assert (cancelled.state, while_cancelled) == (RunState.CANCELLED, [])
    assert resumed.state is RunState.RUNNING
    assert world.run(run.id).state is RunState.COMPLETE


async def test_a_run_out_of_budget_goes_on_with_a_larger_one(world: World) -> None:
    run = await world.carry_out(world.spec(budget={"tokens": 4_000}))
    before, state = world.progress(run.id), world.run(run.id).state

    resume_run(world.desk, run.id, budget=Budget(tokens=10_000_000))
    await world.work()

    after = world.progress(run.id)
    assert state is RunState.OUT_OF_BUDGET
    assert before.waiting > 0
    assert world.run(run.id).state is RunState.COMPLETE
    assert after.waiting == 0
    with world.desk.database.read() as session:
        assert budgets.get(session, run.id).spent_tokens == after.tokens


async def test_a_complete_run_can_be_neither_cancelled_nor_resumed(world: World) -> None:
    run = await world.carry_out(world.spec(explainers=["token_statistics"], scorers=[], llm=None))

    for verb in (cancel_run, resume_run):
        with pytest.raises(Conflict, match="is complete"):
            verb(world.desk, run.id)


async def test_resuming_a_run_under_way_queues_nothing_twice(world: World) -> None:
    run = create_run(world.desk, world.spec(), idempotency_key=None)
    before = world.queue.queued

    resume_run(world.desk, run.id)

    assert world.queue.queued == before


async def test_waiting_queues_the_jobs_that_a_crash_has_kept_back(world: World) -> None:
    run = create_run(world.desk, world.spec(chunk=6), idempotency_key=None)
    world.queue.purge("run/")

    record = wait_run(world.desk, run.id, timeout=0)

    assert record.state is RunState.RUNNING
    assert world.queue.queued == [f"run/{run.id}/0/0"]
