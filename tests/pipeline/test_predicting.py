"""Scorers that predict activations, in a run over a real harvest: what they store can be recomputed from the trials."""

import asyncio
import json
from typing import Any

import pytest
from scipy import stats

from autointerp.domain.examples import Kind
from autointerp.domain.scores import Trial
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import estimate
from autointerp.storage import scores
from tests.pipeline.world import World

SCORERS = ({"name": "simulation"}, {"name": "bricken"})
FEATURES = {"indices": (3, 6)}


def columns(trials: tuple[Trial, ...], *parts: str) -> list[list[float]]:
    notes: list[dict[str, Any]] = [json.loads(t.note) for t in trials if t.group.kind is not Kind.PROMOTED]
    kept = [note for note in notes if note["part"] in parts] if parts else notes
    return [[value for note in kept for value in note[side]] for side in ("true", "predicted")]


async def test_a_run_keeps_the_values_that_each_correlation_is_computed_from(world: World) -> None:
    run = await world.carry_out(world.spec(scorers=SCORERS, features=FEATURES))

    with world.desk.database.read() as session:
        found = scores.list_scores(session, run_id=run.id, limit=100)
        kept = {one.id: scores.trials(session, one.id) for one in found}
    assert sorted(one.scorer for one in found) == ["bricken", "bricken", "simulation", "simulation"]
    library = PromptLibrary.load(default_folder())
    for one in found:
        assert one.score.prompt == library.get(f"scorers/{one.scorer}").version
        assert one.score.asked == one.score.answered == len(kept[one.id])
        if one.scorer == "simulation":
            true, predicted = columns(kept[one.id], "top", "random")
            assert one.score.value == pytest.approx(stats.pearsonr(true, predicted).statistic)
        else:
            assert one.score.value == pytest.approx(stats.spearmanr(*columns(kept[one.id])).statistic)
            assert one.score.metrics["logit_promoted"] == 10.0
            assert one.score.metrics["weighted_spearman"] is not None


async def test_the_price_of_both_can_be_told_before(world: World) -> None:
    await world.carry_out(world.spec(scorers=[{"name": "detection", "judge": "lexical"}], features=FEATURES))

    (quote,) = await asyncio.to_thread(estimate, world.desk, world.spec(scorers=SCORERS, features=FEATURES))

    # An explanation, fifteen windows, the passages and the promoted tokens, for each of two features.
    assert quote.requests == 2 * (1 + 15 + 2)
