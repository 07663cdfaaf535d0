"""Candidates are made in one wave of a batch and tried in the next."""

import asyncio
from random import Random

import pytest

from autointerp.domain.calls import Reply, Request
from autointerp.pipeline.batches import deferring
from autointerp.storage import explanations
from autointerp.storage.records import RunState
from autointerp.testing import behaviours, serve
from tests.pipeline.batches.conftest import OpenBatchWorld
from tests.pipeline.world import FEATURES

COUNT = len(FEATURES)


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "a machine too slow to ask everything in time"])
async def test_all_candidates_of_all_features_share_a_batch_and_so_do_the_questions_about_them(
    open_batch_world: OpenBatchWorld, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    if slow:
        waits, complete = Random(0), deferring.Deferring.complete

        async def slowly(self: deferring.Deferring, request: Request) -> Reply:
            await asyncio.sleep(0.1 * waits.random())
            return await complete(self, request)

        monkeypatch.setattr(deferring, "QUIET", 0.01)
        monkeypatch.setattr(deferring.Deferring, "complete", slowly)
    options = {"explainer": ["default", "contrastive", "token_statistics"], "n": 2}
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(explainers=[{"name": "best_of", "options": options}], scorers=[])
            asked = {line.request for line in world.ledger(run.id)}
            with world.world.desk.database.read() as session:
                made = explanations.list_explanations(session, run_id=run.id, limit=100)

    assert run.state is RunState.COMPLETE
    made_in, tried_in = server.batches.made
    assert len(made_in.items) == 2 * 2 * COUNT
    assert tried_in.items
    assert server.requests == []
    assert {one.explanation.request for one in made} - {None} <= asked
    assert all((one.model is None) == (one.explanation.request is None) for one in made)
