"""The workbench lays out the SAE that was harvested, and no other, and the models that read texts."""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from weakref import ref

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from autointerp.domain.likelihood import Continuation
from autointerp.domain.steering import Change, Mode
from autointerp.domain.tools import Tools
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.pipeline.batches.deferring import Turn
from autointerp.pipeline.steering import LazySteering
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import check_plugins, create_run
from autointerp.storage import harvests, runs, saes, scores
from autointerp.storage.records import RunState
from autointerp.storage.tables.models import SaeTable
from autointerp.subject.logprob import LocalLogProb
from autointerp.subject.planted import planted
from tests.pipeline.world import World

CHANGE = Change(feature=1, mode=Mode.ADD, strength=1.0)


@asynccontextmanager
async def laid_out(world: World) -> AsyncGenerator[Tools]:
    """The tools of a run."""
    run_id = create_run(world.desk, world.spec(), idempotency_key=None).id
    with world.desk.database.read() as session:
        run = runs.get(session, run_id)
        assert run.harvest_id is not None
        harvest = harvests.get(session, run.harvest_id)
    async with world.shop.bench.lay_out(run, harvest, Turn(run.id, 0, 0), sae=0) as tools:
        yield tools


async def kl(world: World) -> float:
    async with laid_out(world) as tools:
        return (await tools.need_steer("the test").kl([[1, 2, 3]], CHANGE))[0]


async def test_the_harvested_sae_is_steered(world: World) -> None:
    assert await kl(world) > 0


async def test_an_sae_that_has_changed_since_the_harvest_is_not_steered(world: World) -> None:
    with world.desk.database.write() as session:  # as if other weights had been there at the harvest
        session.sql.execute(sa.update(SaeTable).values(fingerprint="0" * 64))

    with pytest.raises(InvalidModel, match="has changed since it was harvested"):
        await kl(world)


async def test_what_was_steered_once_asks_the_model_nothing_when_it_is_asked_for_again(world: World) -> None:
    passes: list[object] = []
    module = world.shop.bench.subjects.subject(world.harvest).model.module
    counting = module.register_forward_hook(lambda *_: passes.append(None))
    other = replace(CHANGE, strength=2.0)

    async with laid_out(world) as tools:
        steer = tools.need_steer("the test")

        async def write(change: Change | None, seed: int) -> object:
            return await steer.generate([[1, 2, 3]], change, tokens=2, temperature=1.0, seed=seed)

        asked = [partial(steer.kl, [[1, 2, 3]], CHANGE), partial(steer.kl, [[1, 2, 3]], other)]
        asked += [partial(write, None, 0), partial(write, CHANGE, 0), partial(write, CHANGE, 1)]
        first = [await one() for one in asked]
        needed = len(passes)
        again = [await one() for one in asked]
    counting.remove()

    assert needed >= len(asked)
    assert len(passes) == needed
    assert again == first
    assert first[0] != first[1]


async def test_steering_does_not_keep_a_model_that_makes_room_for_another(world: World, tmp_path: Path) -> None:
    subjects = LoadedSubjects(device="cpu", tokens=tmp_path / "tokens", baselines=str(tmp_path / "baselines"))
    with world.desk.database.read() as session:
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=10)
    steer = LazySteering(subjects, world.harvest, sae=0, fingerprint=sae.fingerprint, device="cpu")
    await steer.kl([[1, 2, 3]], CHANGE)
    module = ref(subjects.subject(world.harvest).model.module)
    other = world.harvest.subject.model_copy(update={"dtype": "bfloat16"})

    subjects.subject(world.harvest.model_copy(update={"subject": other}))

    gc.collect()
    assert module() is None
    assert (await steer.kl([[1, 2, 4]], CHANGE))[0] > 0


ASKED = [Continuation("the dog sees", " a cat"), Continuation("the dog", " sees a cat.")]
READERS = [
    {"name": "surprisal"},
    {"name": "intervention", "options": {"answer": "logprob", "prompts": 10, "tolerance": 0.5}},
]


async def test_texts_are_read_by_the_runs_subject_model_or_by_another_local_one(world: World, folder: Path) -> None:
    expected = LocalLogProb(planted().model).logprobs_now(ASKED)

    async with laid_out(world) as tools:
        for name in ("subject", str(folder / "model")):
            reader = tools.need_logprobs(name, None, "the test")
            assert list(await reader.logprobs(ASKED, prompt=None)) == expected


async def test_a_run_of_scorers_that_read_asks_neither_judge_nor_language_model(world: World) -> None:
    run = await world.carry_out(world.spec(explainers=["token_statistics"], scorers=READERS, llm=None))

    assert run.state is RunState.COMPLETE
    with world.desk.database.read() as session:
        found = scores.list_scores(session, run_id=run.id, limit=100)
    assert {("surprisal", "auroc"), ("intervention", "log_probability_gain")} == {
        (one.scorer, one.score.metric) for one in found
    }
    assert {(None, None, 0)} == {(one.judge, one.model, one.tokens) for one in found}
    read = [one.score for one in found if one.score.asked]
    assert {"auroc", "log_probability_gain"} == {score.metric for score in read}
    assert all(score.answered == score.asked and score.prompt for score in read)


def test_reading_at_an_endpoint_is_no_work_for_a_batch(world: World) -> None:
    desk = replace(world.desk, endpoints={"openai": Endpoint(name="openai", provider="openai", api_key=SecretStr("k"))})
    reads = {"name": "surprisal", "options": {"endpoint": "openai/m"}}
    spec = world.spec(explainers=["token_statistics"], scorers=[reads], llm=None, mode="batch")

    with pytest.raises(InvalidSpec, match="no vendor tells in batches; use a local model"):
        check_plugins(desk, spec)
