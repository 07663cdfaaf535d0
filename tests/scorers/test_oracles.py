"""What each scorer says of judges that know the truth and depart from it in a known way: permanent numbers.

The columns of METHODS' sanity table: *perfect*, *misses half*, *twice too broad*, *coin*, on a feature that fires in
one of a thousand windows. Each number is the mean over made-up features.
"""

from dataclasses import replace

import numpy as np
import pytest

from autointerp import plugins
from autointerp.domain.scores import Score
from autointerp.testing.oracles import Case, case, oracle
from autointerp.testing.rehearsal import Scripted, bench

TOOLS = bench(Scripted(), seed=0).tools
RANKED = {"ranking": "embedding", "embedder": "drawn"}


async def heard(
    name: str, judge: str, on: Case, *, errs: float = 0.0, seed: int = 0, options: dict[str, object] | None = None
) -> Score:
    """What a scorer says of an oracle's explanation with the oracle as the judge."""
    asked = oracle(judge, errs=errs, seed=seed)
    tools = replace(TOOLS, judge=asked, sample=on.sample, embedders=lambda model: on.embed, seed=seed)
    scorer = plugins.configure("scorer", name, options or {}).build(tools)
    return await scorer.score(asked.explanation, on.feature, on.examples)


async def values(
    name: str,
    judge: str,
    *,
    errs: float = 0.0,
    density: float = 1e-3,
    shift: float = 3.0,
    windows: int = 20_000,
    features: int = 40,
    metric: str | None = None,
    options: dict[str, object] | None = None,
) -> np.ndarray:
    """The scores of one oracle for several features, or one of the metrics beside them."""
    found: list[float | None] = []
    for seed in range(features):
        on = case(density=density, windows=windows, shift=shift, seed=seed)
        score = await heard(name, judge, on, errs=errs, seed=seed, options=options)
        found.append(score.value if metric is None else score.metrics[metric])
    return np.array(found, dtype=np.float64)


@pytest.mark.parametrize("name", ["detection", "fuzzing"])
@pytest.mark.parametrize(
    ("judge", "expected"), [("perfect", 1.0), ("misses half", 0.75), ("twice too broad", 1.0), ("coin", 0.5)]
)
async def test_balanced_scores_see_no_gap_between_perfect_and_twice_too_broad(
    name: str, judge: str, expected: float
) -> None:
    found = await values(name, judge, windows=100, features=10)

    assert found.mean() == pytest.approx(expected, abs=0.03 if judge == "coin" else 0.005)


@pytest.mark.parametrize(
    ("judge", "expected"), [("perfect", 1.0), ("misses half", 2 / 3), ("twice too broad", 2 / 3), ("coin", 0.3)]
)
async def test_retrieval_tells_missing_and_breadth_from_perfection(judge: str, expected: float) -> None:
    found = await values("retrieval", judge, options=RANKED)

    assert found.mean() == pytest.approx(expected, abs=0.1 if judge == "coin" else 0.02)


@pytest.mark.parametrize(("errs", "least", "ordered"), [(0.02, 0.3, 0.99), (0.10, 0.2, 0.9)])
async def test_the_headline_shows_breadth_through_the_errors_of_a_judge(
    errs: float, least: float, ordered: float
) -> None:
    perfect = await values("retrieval", "perfect", errs=errs, features=80, options=RANKED)
    broad = await values("retrieval", "twice too broad", errs=errs, features=80, options=RANKED)

    assert perfect.mean() - broad.mean() > least
    assert np.mean(perfect > broad) >= ordered
