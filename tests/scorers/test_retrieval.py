"""Retrieval asks about what a search of the sample finds, and says when it cannot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from autointerp import plugins
from autointerp.domain.examples import Group, Kind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer, Question
from autointerp.domain.sample import Window
from autointerp.domain.scores import Score
from autointerp.errors import InvalidSpec
from autointerp.testing.oracles import Case, DrawnSample, case, oracle
from autointerp.testing.rehearsal import Bench, Coin, Scripted, bench

RANKED = {"ranking": "embedding"}
TOOLS = bench(Scripted(), seed=0).tools


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def score(on: Case, name: str = "perfect", options: dict[str, object] | None = None) -> Score:
    """What retrieval says of an oracle's explanation, the oracle being the judge."""
    asked = oracle(name)
    tools = replace(TOOLS, judge=asked, sample=on.sample, embedders=lambda model: on.embed)
    scorer = plugins.configure("scorer", "retrieval", RANKED | (options or {})).build(tools)
    return await scorer.score(asked.explanation, on.feature, on.examples)


def drawn(density: float, seed: int = 0, windows: int = 4_000) -> Case:
    return case(density=density, windows=windows, shift=6.0, seed=seed)


async def test_known_found_and_random_windows_are_asked_about_each_once(on: Bench) -> None:
    found = await on.scorer("retrieval", Coin()).score(on.specimen.meaning, on.specimen.feature, on.specimen.score)

    assert Counter(trial.group for trial in found.trials) == {
        **{Group(Kind.QUANTILE, k): 5 for k in range(10)},
        Group(Kind.RETRIEVED): 90,
        Group(Kind.RANDOM): 100,
    }
    assert len({trial.window for trial in found.trials}) == 240
    assert all(
        trial.truth != trial.group.kind.silent for trial in found.trials if trial.group.kind is not Kind.RETRIEVED
    )


async def test_the_search_goes_three_times_as_deep_as_there_are_firing_windows_down_to_place_100() -> None:
    cases = [drawn(density) for density in (1e-4, 7e-3, 5e-2)]
    fired = [await on.sample.fired(on.feature) for on in cases]

    depths = [(await score(on)).metrics["searched"] for on in cases]

    middle = int(fired[1].sum()) if fired[1] is not None else 0
    assert 7 <= middle <= 33
    assert depths == [20, 3 * middle, 100]


async def test_what_was_found_carries_its_rank_and_whether_the_feature_fires_in_it() -> None:
    on = drawn(1e-2)

    found = [trial for trial in (await score(on)).trials if trial.group.kind is Kind.RETRIEVED]

    assert [trial.note for trial in found] == [f'{{"rank":{i + 1}}}' for i in range(len(found))]
    fired = await on.sample.fired(on.feature)
    assert fired is not None
    assert [trial.truth for trial in found] == [bool(fired[trial.window[0]]) for trial in found]


async def test_the_metrics_say_how_well_the_ranking_does_alone() -> None:
    found = (await score(drawn(1e-2))).metrics

    assert found["recall_of_ranking"] == pytest.approx(1, abs=0.02)
    assert found["retrieved_firing"] == pytest.approx(0.01 * 4_000, abs=15)
    assert found["prevalence"] == found["retrieved_firing"] / 4_000


async def test_a_feature_too_rare_for_the_sample_is_measured_by_known_windows_and_its_density() -> None:
    """The counts of so few windows vary, their mean does not: true ones as many as false ones are half of both."""
    scores = [await score(drawn(2e-3, seed), "twice too broad") for seed in range(60)]

    assert all(found.metrics["prevalence"] == pytest.approx(2e-3, rel=0.01) for found in scores)
    true = 0.002 * 4_000
    false = [true / precision - true for found in scores if (precision := found.metrics["precision"])]
    assert np.mean(false) == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize(("density", "promised", "reckoned"), [(1e-2, 0.1, False), (5e-4, 40.0, True)])
async def test_a_count_far_from_what_the_density_promises_decides_itself(
    density: float, promised: float, reckoned: bool
) -> None:
    on = drawn(density)
    statistics = on.feature.statistics
    other = replace(statistics, firings=round(statistics.firings * promised))
    fired = await on.sample.fired(on.feature)
    assert fired is not None

    found = await score(replace(on, feature=replace(on.feature, statistics=other)))

    expected = density * promised if reckoned else float(fired.mean())
    assert found.metrics["prevalence"] == pytest.approx(expected, rel=0.01)


async def test_an_explanation_that_finds_only_other_windows_has_no_precision() -> None:
    on = drawn(1e-2)
    wrong = replace(oracle("perfect"), explanation="The words pong.", words=frozenset({"pong"}))
    tools = replace(TOOLS, judge=wrong, sample=on.sample, embedders=lambda model: on.embed)

    found = (
        await plugins.configure("scorer", "retrieval", RANKED)
        .build(tools)
        .score(wrong.explanation, on.feature, on.examples)
    )

    assert found.metrics["precision"] == 0
    assert found.metrics["recall"] == 0
    assert found.value == 0


@dataclass(frozen=True, slots=True)
class Old:
    """The sample of a harvest that did not keep where features fire."""

    sample: DrawnSample

    async def windows(self) -> tuple[Window, ...]:
        return await self.sample.windows()

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        return None

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        return await self.sample.similarity(text, embedder)


class Silent:
    """A judge that must not be asked."""

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        raise AssertionError("nothing should be asked")


async def test_of_an_old_harvest_the_score_is_undefined_and_says_to_harvest_again(on: Bench) -> None:
    tools = replace(on.tools, judge=Silent(), sample=Old(drawn(1e-2).sample))
    scorer = plugins.configure("scorer", "retrieval", {}).build(tools)

    found = await scorer.score(on.specimen.meaning, on.specimen.feature, on.specimen.score)

    assert found.value is None
    assert found.undefined is not None
    assert "harvest again" in found.undefined


async def test_a_small_sample_keeps_half_of_its_silent_windows_for_the_random_ones() -> None:
    on = drawn(2e-1, windows=100)

    found = await score(on)

    silent = [trial for trial in found.trials if trial.group.kind is Kind.RANDOM]
    assert len(silent) >= (on.sample.word < 0).sum() / 2
    assert len({trial.window for trial in found.trials}) == len(found.trials)


async def test_a_ranking_by_words_also_knows_which_known_windows_it_would_find() -> None:
    found = (await score(drawn(1e-3), options={"ranking": "lexical"})).metrics

    assert found["recall_of_ranking"] == 1
    assert found["precision"] == 1


@pytest.mark.parametrize("windows", [0, 1, 19])
async def test_a_sample_without_enough_silent_windows_leaves_the_score_undefined(windows: int) -> None:
    everywhere = replace(drawn(1e-2).sample, drawn=drawn(1e-2).sample.drawn[:windows], word=np.zeros(windows, np.int64))
    on = replace(drawn(1e-2), sample=replace(everywhere, noise=np.zeros(windows)))

    found = await score(on)

    assert found.value is None
    assert found.undefined is not None
    assert "needed" in found.undefined


@pytest.mark.parametrize("ranking", ["lexical", "embedding", "both"])
async def test_each_ranking_finds_the_feature_of_the_specimen(on: Bench, ranking: str) -> None:
    scorer = on.scorer("retrieval", on.judge("llm"), {"ranking": ranking})

    found = await scorer.score(on.specimen.meaning, on.specimen.feature, on.specimen.score)

    assert found.value is not None
    assert found.value > 0.95
    assert (found.metrics["recall_of_ranking"] or 0) > (0.99 if ranking == "lexical" else 0.6)


async def test_the_windows_that_are_not_searched_for_are_the_same_for_every_explanation(on: Bench) -> None:
    scores = [
        await on.scorer("retrieval", Coin(), {"ranking": "lexical"}).score(
            explanation, on.specimen.feature, on.specimen.score
        )
        for explanation in (on.specimen.meaning, on.specimen.wrong)
    ]

    windows = [{t.window for t in found.trials if t.group.kind is not Kind.RETRIEVED} for found in scores]
    assert len(windows[0] & windows[1]) > 0.75 * len(windows[0])


def test_without_a_sample_it_says_so_when_it_is_built(on: Bench) -> None:
    with pytest.raises(InvalidSpec, match="sample"):
        plugins.configure("scorer", "retrieval", {}).build(replace(on.tools, judge=Coin(), sample=None))


def test_a_ranking_by_words_needs_no_embedding_model(on: Bench) -> None:
    without = replace(on.tools, judge=Coin(), embedders=None)

    plugins.configure("scorer", "retrieval", {"ranking": "lexical"}).build(without)
    with pytest.raises(InvalidSpec, match="embedding"):
        plugins.configure("scorer", "retrieval", {}).build(without)
