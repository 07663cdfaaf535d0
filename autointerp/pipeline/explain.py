"""Explain: each explainer's claim about each feature, from examples of the splits that it may see."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.tools import Explainer, shown_to, splits_of
from autointerp.pipeline.bill import billed
from autointerp.pipeline.shop import Shop
from autointerp.pipeline.slip import Slip
from autointerp.storage import examples, explanations
from autointerp.storage.engine import Database
from autointerp.storage.records import FeatureRow


async def explain(shop: Shop, slip: Slip) -> None:
    """Store every explanation that the run lacks; an unread reply is stored too, and fails its feature, as does an
    explainer that has nothing to go on.

    Where a reply could not be read before the run was resumed, another one is asked for.
    """
    held, unread = await asyncio.to_thread(_held, shop.database, slip)

    async def one(feature: FeatureRow) -> None:
        missing = [i for i in range(len(slip.plan.explainers)) if i not in held.get(feature.id, ())]
        if missing:
            explainers = [slip.plan.explainers[i][1] for i in missing]
            shown = await asyncio.to_thread(_load_seen, shop.database, feature, explainers)
            draws = {i: slip.generation if i in unread.get(feature.id, ()) else 0 for i in missing}
            await slip.in_turn(_explain(shop, slip, feature, i, shown, draw=draw) for i, draw in draws.items())

    async def noted(feature: FeatureRow) -> None:
        await slip.settles(feature, one(feature))

    await slip.each(noted, at_once=shop.at_once)


async def _explain(
    shop: Shop, slip: Slip, feature: FeatureRow, position: int, shown: tuple[Example, ...], *, draw: int
) -> None:
    spec, explainer = slip.plan.explainers[position]
    with billed(draw=draw) as bill:
        result = await explainer.explain(feature.record, shown_to(explainer, shown))
    if isinstance(result, Explanation) and not result.text.strip():
        result = Unread(UnreadKind.EMPTY, "it says nothing", raw=result.text, request=result.request)
    result = replace(result, request=bill.sent_as(result.request))
    about = {
        "run_id": slip.run.id,
        "harvest_id": feature.harvest_id,
        "feature_id": feature.id,
        "position": position,
        "explainer": spec.name,
        "options": spec.options,
        "model": bill.answered_by(result.request),
        "seed": slip.run.spec.seed,
        "tokens": bill.tokens,
        "cost": bill.cost,
        "control": slip.random,
    }
    if isinstance(result, Explanation):
        await shop.commits.run(partial(explanations.add, **about, explanation=result))
    elif result.request is None:  # nothing was asked, so there is no reply: too few examples, say
        slip.failures[feature.id] = f"explainer {spec.name}: {result.detail}"
    else:
        slip.failures[feature.id] = (
            f"explainer {spec.name}: the reply could not be read ({result.kind}): {result.detail}"
        )
        await shop.commits.run(partial(explanations.add_unread, **about, unread=result))


def _load_seen(database: Database, feature: FeatureRow, explainers: Sequence[Explainer]) -> tuple[Example, ...]:
    """Read a feature's examples of every split that one of the explainers sees."""
    splits = {split for explainer in explainers for split in splits_of(explainer)}
    return tuple(example for split in sorted(splits) for example in load_examples(database, feature, split))


def load_examples(database: Database, feature: FeatureRow, split: Split) -> tuple[Example, ...]:
    """Read a feature's examples of one split."""
    with database.read() as session:
        return examples.load(session, feature.harvest_id, feature.id, split)


def _held(database: Database, slip: Slip) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return by feature the positions of the explainers that the run has heard, and of those it could not read."""
    ids = [feature.id for feature in slip.features]
    with database.read() as session:
        found = explanations.of_run(session, slip.run.id, ids)
        unread = explanations.unread_of_run(session, slip.run.id, ids)
    return (
        {feature_id: {record.position for record in records} for feature_id, records in found.items()},
        {feature_id: {record.position for record in records} for feature_id, records in unread.items()},
    )
