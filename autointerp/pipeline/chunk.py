"""One chunk of a run: explain its features, score the explanations, and say of each feature how it ended."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from autointerp.domain.plan import build
from autointerp.errors import AutointerpError, Deferred, OutOfBudget, Unavailable
from autointerp.jobs.records import Leaving, Stop
from autointerp.observing.tracing import span
from autointerp.pipeline.attempts import persevere
from autointerp.pipeline.batches.deferring import Turn
from autointerp.pipeline.explain import explain
from autointerp.pipeline.score import score
from autointerp.pipeline.shop import Shop
from autointerp.pipeline.slip import Slip
from autointerp.pipeline.summarise import halt, settle
from autointerp.storage import control_sample, features, harvests, run_features, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import FeatureRow, HarvestRecord, Role, RunRecord, RunState


async def run_chunk(shop: Shop, run_id: str, number: int, generation: int, *, stop: Stop) -> None:
    """Do what is missing of one chunk; a second time it is only what the first left."""
    opened = await asyncio.to_thread(_open, shop.database, run_id)
    if opened is None:
        return
    run, harvest = opened
    tally = ChunkTally(shop.database, run_id, number)
    turn = Turn(run_id, number, generation)
    deferred: set[int] = set()
    try:
        reason = await persevere(
            tally,
            lambda: _work(shop, run, harvest, turn, deferred, stop),
            what=f"chunk {number} of run {run_id}",
            unavailable_is_final=True,
        )
    except Deferred:
        return  # the chunk is queued again when its requests are answered
    except Unavailable:
        raise  # no fault of the run: the queue tries again when the database is back
    except AutointerpError as error:
        end = RunState.OUT_OF_BUDGET if isinstance(error, OutOfBudget) else RunState.FAILED
        await asyncio.to_thread(halt, shop.database, run_id, end, error.detail)
        return
    if reason is not None:
        await asyncio.to_thread(_give_up, shop.database, run_id, number, reason, spared=deferred)
    await asyncio.to_thread(settle, shop.database, run_id)


async def _work(shop: Shop, run: RunRecord, harvest: HarvestRecord, turn: Turn, deferred: set[int], stop: Stop) -> None:
    """Do the stages; `deferred` takes up the features whose answers come with a batch."""
    deferred.clear()
    found = await asyncio.to_thread(_waiting, shop.database, run, harvest.id, turn.chunk)
    if not found.waiting:
        return
    async with shop.bench.lay_out(run, harvest, turn, sae=found.sae) as tools:
        plan = await asyncio.to_thread(build, run.spec, tools)  # a plug-in may load a model
        slip = Slip(
            run=run,
            harvest=harvest,
            plan=plan,
            features=found.waiting,
            sample=found.sample,
            random=found.random,
            stop=stop,
            generation=turn.generation,
            deferred=deferred,
        )
        for stage in (explain, score):
            with span(stage.__name__):
                await stage(shop, slip)
            if slip.halt is not None:
                raise slip.halt
            if stop():
                raise Leaving
    if slip.crash is not None:
        raise slip.crash
    if deferred:
        raise Deferred(f"{len(deferred)} features wait for a batch")


@dataclass(frozen=True, slots=True)
class _Found:
    """What waits in a chunk, and of which SAE; `sample` and `random` are as a slip has them."""

    waiting: tuple[FeatureRow, ...]
    sae: int
    sample: tuple[int, ...]
    random: bool


@dataclass(frozen=True, slots=True)
class ChunkTally:
    """Counts the attempts at a chunk in the database."""

    database: Database
    run_id: str
    number: int

    def begin(self) -> int:
        """Count one more attempt and return how many there are."""
        with self.database.write() as session:
            return run_features.count_attempt(session, self.run_id, self.number)

    def take_back(self) -> None:
        """Count one attempt less: it was interrupted, not failed."""
        with self.database.write() as session:
            run_features.take_back_attempt(session, self.run_id, self.number)


def _open(database: Database, run_id: str) -> tuple[RunRecord, HarvestRecord] | None:
    """Return the run with its harvest; None when there is nothing to do for it any more."""
    with database.read() as session:
        run = runs.get(session, run_id)
        if run.state is not RunState.RUNNING or run.harvest_id is None:
            return None
        return run, harvests.get(session, run.harvest_id)


def _waiting(database: Database, run: RunRecord, harvest_id: str, number: int) -> _Found:
    with database.read() as session:
        waiting = run_features.chunk(session, run.id, number)
        roles = {one.role for one in waiting}
        sae, random = run.spec.features.sae, Role.RANDOM_DIRECTION in roles
        position = control_sample.random_position(session, harvest_id, sae) if random else sae
        assert position is not None  # the features of random directions were found there
        return _Found(
            waiting=features.get_many(session, harvest_id, [one.feature_id for one in waiting]),
            sae=position,
            sample=run_features.sample(session, run.id) if Role.SAMPLE in roles else (),
            random=random,
        )


def _give_up(database: Database, run_id: str, number: int, reason: str, *, spared: Collection[int]) -> None:
    with database.write() as session:
        waiting = [one.feature_id for one in run_features.chunk(session, run_id, number)]
        run_features.fail(session, run_id, {feature: reason for feature in waiting if feature not in spared})
        run_features.forget_attempts(session, run_id, number)
