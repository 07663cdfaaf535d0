"""How a model goes on with a text when features are changed."""

import asyncio
import math
from functools import partial

from autointerp.analysis.steering import find
from autointerp.domain.inquiries import ChangeMade, SteeringFound, SteeringWanted
from autointerp.domain.steering import Change, Steered
from autointerp.errors import InvalidSpec
from autointerp.pipeline.inquiries.counter import Counter
from autointerp.storage import features
from autointerp.storage.records import HarvestRecord, SaeRecord

TOLERANCE = 0.05  # a share of the divergence that was asked for
LARGEST = 100.0  # times the strengths that were asked for: where the search for a divergence gives up


async def steer(counter: Counter, wanted: SteeringWanted) -> SteeringFound:
    """Return what the clean model writes after the text, and what it writes with the features changed."""
    harvest, sae = await counter.about(wanted.harvest_id, wanted.sae_id)
    assert harvest.model_id is not None  # a finished harvest has its model
    texts = await counter.texts(harvest.model_id)
    ids = await counter.ids(texts, wanted.text, wanted.tokens)
    changes = await asyncio.to_thread(_changes, counter, harvest, sae, wanted)
    if wanted.kl is not None:
        changes = await _scaled(counter, harvest, sae, ids, changes, wanted.kl)
    clean, steered = await counter.on_device(partial(_write, counter, harvest, sae, ids, changes, wanted))
    if not math.isfinite(steered.kl):
        raise InvalidSpec("so strong a change leaves the model without a next token; lower the strength")
    return SteeringFound(
        prompt=texts.vocabulary.render(ids),
        clean=clean.pieces,
        steered=steered.pieces,
        kl=steered.kl,
        changes=tuple(ChangeMade(index=one.feature, mode=one.mode, strength=one.strength) for one in changes),
    )


def _changes(counter: Counter, harvest: HarvestRecord, sae: SaeRecord, wanted: SteeringWanted) -> tuple[Change, ...]:
    """What was asked for, in units of activation."""
    with counter.database.read() as session:
        rows = [features.get_by_index(session, harvest.id, sae.id, one.index) for one in wanted.features]
    pairs = zip(wanted.features, rows, strict=True)
    return tuple(Change(one.index, one.mode, one.strength * row.record.statistics.max) for one, row in pairs)


async def _scaled(
    counter: Counter,
    harvest: HarvestRecord,
    sae: SaeRecord,
    ids: tuple[int, ...],
    changes: tuple[Change, ...],
    target: float,
) -> tuple[Change, ...]:
    """The changes times the factor that makes the next token diverge by `target`; InvalidSpec when there is none."""

    async def kl(factor: float) -> float:
        return await counter.on_device(partial(_kl, counter, harvest, sae, ids, _times(factor, changes)))

    found = await find(kl, target=target, tolerance=TOLERANCE, start=1.0, largest=LARGEST)
    if isinstance(found, str):
        raise InvalidSpec(f"{found} (times what was asked for); ask for another kl")
    return _times(found.strength, changes)


def _times(factor: float, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(Change(one.feature, one.mode, factor * one.strength) for one in changes)


def _kl(
    counter: Counter, harvest: HarvestRecord, sae: SaeRecord, ids: tuple[int, ...], changes: tuple[Change, ...]
) -> float:
    from autointerp.subject.steering import Steering

    return Steering(*counter.open(harvest, sae)).kl_now([ids], changes)[0]


def _write(
    counter: Counter,
    harvest: HarvestRecord,
    sae: SaeRecord,
    ids: tuple[int, ...],
    changes: tuple[Change, ...],
    wanted: SteeringWanted,
) -> tuple[Steered, Steered]:
    from autointerp.subject.steering import Steering

    steering = Steering(*counter.open(harvest, sae))
    write = partial(
        steering.generate_now, [ids], tokens=wanted.length, temperature=wanted.temperature, seed=wanted.seed
    )
    return write(change=None)[0], write(change=changes)[0]
