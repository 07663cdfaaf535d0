"""Scorers that predict activations, in a run over a real harvest: what they store can be recomputed from the trials."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from autointerp.domain.examples import Kind
from autointerp.domain.scores import Trial
from autointerp.domain.specs import RunSpec
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import estimate
from autointerp.storage import scores
from autointerp.storage.records import RunState
from tests.pipeline.world import World
from tests.roomy import save_roomy

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


def locally(world: World, **options: object) -> RunSpec:
    scorer = {"name": "simulation", "options": {"predict": "local", **options}}
    return world.spec(explainers=["token_statistics"], scorers=[scorer], features=FEATURES, llm=None)


async def test_a_local_model_predicts_without_a_request(world: World, tmp_path: Path) -> None:
    run = await world.carry_out(locally(world, local=str(save_roomy(tmp_path / "model"))))

    with world.desk.database.read() as session:
        found = scores.list_scores(session, run_id=run.id, limit=100)
        kept = {one.id: scores.trials(session, one.id) for one in found}
    assert run.state is RunState.COMPLETE
    assert [(None, 0), (None, 0)] == [(one.model, one.tokens) for one in found]
    for one in found:
        assert one.score.prompt == PromptLibrary.load(default_folder()).get("scorers/simulation_echo").version
        assert one.score.asked == one.score.answered == len(kept[one.id]) == 15
        true, predicted = columns(kept[one.id], "top", "random")
        assert len(set(predicted)) > 20
        assert one.score.value == pytest.approx(stats.pearsonr(true, predicted).statistic)
    assert world.model.asked == []


async def test_a_subject_whose_tokenizer_has_no_digits_fails_each_feature_with_what_to_do(world: World) -> None:
    run = await world.carry_out(locally(world))

    progress = world.progress(run.id)
    assert (0, 2) == (progress.done, progress.failed)
    told = 'use another model, or score with predict = "json"'
    assert all(told in failure.reason for failure in progress.failures)
