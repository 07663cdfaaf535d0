"""A run's tools hold the sample of its harvest, whose windows are embedded once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from autointerp.domain.examples import Kind, Split
from autointerp.domain.sample import Sample
from autointerp.pipeline.batches.deferring import Turn
from autointerp.pipeline.searching import HarvestSample, Vectors
from autointerp.runs import create_run
from autointerp.runs.rehearsal import rehearse
from autointerp.storage import examples, features, harvests, runs, scores
from autointerp.storage.records import FeatureRow, RunState
from tests.pipeline.world import FEATURES, World


class CountedEmbed:
    """Embeds a text as how often it holds each of three letters, and counts the texts."""

    def __init__(self) -> None:
        self.texts = 0

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        await asyncio.sleep(0)
        rows = np.array([[text.count(letter) + 1 for letter in "aeo"] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@asynccontextmanager
async def sample(world: World) -> AsyncGenerator[tuple[Sample, str, tuple[FeatureRow, ...]]]:
    """The sample of a run's tools, the harvest, and the features of the run."""
    run_id = create_run(world.desk, world.spec(), idempotency_key=None).id
    with world.desk.database.read() as session:
        run = runs.get(session, run_id)
        assert run.harvest_id is not None
        harvest = harvests.get(session, run.harvest_id)
        rows = tuple(features.get_by_index(session, harvest.id, harvest.sae_ids[0], i) for i in FEATURES)
    async with world.shop.bench.lay_out(run, harvest, Turn(run.id, 0, 0), sae=0) as tools:
        yield tools.need_sample("the test"), harvest.id, rows


async def test_the_sample_is_of_the_score_split_and_silent_examples_are_silent_in_it(world: World) -> None:
    async with sample(world) as (found, harvest_id, rows):
        windows = await found.windows()
        place = {(window.context, window.start): i for i, window in enumerate(windows)}
        assert len(place) == len(windows) > 50
        for row in rows:
            fired = await found.fired(row.record)
            assert fired is not None
            assert fired.any()
            with world.desk.database.read() as session:
                shown = examples.load(session, harvest_id, row.id, Split.SCORE)
            silent = [example for example in shown if example.silent]
            assert silent
            assert not any(fired[place[example.window]] for example in silent)
            assert [windows[place[example.window]].pieces for example in silent] == [e.pieces for e in silent]


async def test_windows_are_embedded_once_however_many_ask_at_once(world: World) -> None:
    embed, vectors = CountedEmbed(), Vectors()
    async with sample(world) as (laid_out, harvest_id, rows):
        windows = await laid_out.windows()
    two = [HarvestSample(world.desk.database, harvest_id, rows[0].sae_id, lambda _: embed, vectors) for _ in range(2)]

    first, second = await asyncio.gather(two[0].similarity("aaa", "m"), two[1].similarity("ooo", "m"))

    assert embed.texts == len(windows) + 2
    assert first.shape == second.shape == (len(windows),)
    expected = await embed.embed(["aaa", *(window.text for window in windows)])
    assert first == pytest.approx(expected[1:] @ expected[0], abs=1e-6)


async def test_a_run_scores_by_retrieval_and_its_price_is_told_before(world: World) -> None:
    scorer = {"name": "retrieval", "judge": "llm", "options": {"ranking": "lexical"}}
    spec = world.spec(scorers=[scorer])
    told = await asyncio.to_thread(rehearse, world.desk, spec)

    run = await world.carry_out(spec)

    with world.desk.database.read() as session:
        scored = scores.list_scores(session, run_id=run.id, limit=100)
        trials = scores.trials(session, scored[0].id)
    assert run.state is RunState.COMPLETE
    assert len(scored) == len(FEATURES)
    values = [one.score.value for one in scored]
    assert all(value is not None and value > 0.5 for value in values), [
        (one.score.value, one.score.metrics) for one in scored
    ]
    assert {trial.group.kind for trial in trials} >= {Kind.QUANTILE, Kind.RETRIEVED, Kind.RANDOM}
    assert sum(one.requests for one in told) == pytest.approx(len(world.model.asked), rel=0.05)
