"""Controls in batch mode: they come with the scores, and who lends to whom depends on no batch."""

from autointerp.storage import run_features, scores
from autointerp.storage.records import RunState
from autointerp.testing import behaviours, serve
from autointerp.testing.behaviours import Response, Seen
from tests.pipeline.batches.conftest import BatchWorld, OpenBatchWorld, both_databases

CONTROLS = {"controls": {"features": 3}}


def borrowed(on: BatchWorld, run_id: str) -> dict[int, tuple[int, int, float | None]]:
    """By feature of the sample, who lent to it, what it cost and what it scored."""
    with on.world.desk.database.read() as session:
        made = scores.list_scores(session, run_id=run_id, control="shuffled", limit=100)
        assert {one.feature_id for one in made} <= set(run_features.sample(session, run_id))
    return {one.feature_id: (one.borrowed_id or 0, one.tokens, one.score.value) for one in made}


async def test_controls_add_no_wave(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as on:
            run = await on.carry_out(**CONTROLS)

            found = borrowed(on, run.id)
            assert run.state is RunState.COMPLETE
            assert on.progress(run.id).ended == 2
            assert len(found) == len({lender for lender, _, _ in found.values()}) == 3
            assert all(tokens > 0 and value is not None for _, tokens, value in found.values())


@both_databases
async def test_nobody_borrows_while_an_explanation_is_on_its_way(open_batch_world: OpenBatchWorld) -> None:
    asked = 0

    async def lapse_once(seen: Seen) -> Response:
        nonlocal asked
        asked += 1
        return await (behaviours.failing(500) if asked == 2 else behaviours.honest)(seen)

    with serve(lapse_once) as server:
        async with open_batch_world(server) as on:
            run = await on.carry_out(**CONTROLS)

            found = borrowed(on, run.id)
            assert run.state is RunState.COMPLETE
            assert on.progress(run.id).ended > 2
            assert len({lender for lender, _, _ in found.values()}) == 3
