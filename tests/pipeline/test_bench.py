"""The workbench lays out the SAE that was harvested, and no other."""

import pytest
import sqlalchemy as sa

from autointerp.domain.steering import Change, Mode
from autointerp.errors import InvalidModel
from autointerp.pipeline.batches.deferring import Turn
from autointerp.runs import create_run
from autointerp.storage import harvests, runs
from autointerp.storage.tables.models import SaeTable
from tests.pipeline.world import World

CHANGE = Change(feature=1, mode=Mode.ADD, strength=1.0)


async def kl(world: World) -> float:
    """Steer by the tools of a run."""
    run_id = create_run(world.desk, world.spec(), idempotency_key=None).id
    with world.desk.database.read() as session:
        run = runs.get(session, run_id)
        assert run.harvest_id is not None
        harvest = harvests.get(session, run.harvest_id)
    async with world.shop.bench.lay_out(run, harvest, Turn(run.id, 0, 0), sae=0) as tools:
        return (await tools.need_steer("the test").kl([[1, 2, 3]], CHANGE))[0]


async def test_the_harvested_sae_is_steered(world: World) -> None:
    assert await kl(world) > 0


async def test_an_sae_that_has_changed_since_the_harvest_is_not_steered(world: World) -> None:
    with world.desk.database.write() as session:  # as if other weights had been there at the harvest
        session.sql.execute(sa.update(SaeTable).values(fingerprint="0" * 64))

    with pytest.raises(InvalidModel, match="has changed since it was harvested"):
        await kl(world)
