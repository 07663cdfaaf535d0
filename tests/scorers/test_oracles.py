"""What each scorer says of judges that know the truth and depart from it in a known way: permanent numbers.

The columns of METHODS' sanity table: *perfect*, *misses half*, *twice too broad*, *coin*, on a feature that fires in
one of a thousand windows. Each number is the mean over made-up features.
"""

from dataclasses import replace

import numpy as np
import pytest

from autointerp import plugins
from autointerp.domain.scores import Score
from autointerp.testing.oracle_models import DrawnSteer, OracleReader
from autointerp.testing.oracles import case, oracle
from autointerp.testing.rehearsal import Scripted, bench

TOOLS = bench(Scripted(), seed=0).tools
RANKED = {"ranking": "embedding", "embedder": "drawn"}


async def heard(
    name: str,
    judge: str,
    *,
    errs: float = 0.0,
    density: float = 1e-3,
    shift: float = 3.0,
    windows: int = 20_000,
    features: int,
    options: dict[str, object] | None = None,
) -> list[Score]:
    """What a scorer says of several features' explanations when the oracle that holds them is the judge."""
    found: list[Score] = []
    for seed in range(features):
        on = case(density=density, windows=windows, shift=shift, seed=seed)
        asked = oracle(judge, errs=errs, seed=seed)
        tools = replace(
            TOOLS,
            judge=asked,
            sample=on.sample,
            embedders=lambda model, on=on: on.embed,
            logprobs=lambda model, asked=asked: OracleReader(asked),
            steer=DrawnSteer(density),
            seed=seed,
        )
        scorer = plugins.configure("scorer", name, options or {}).build(tools)
        found.append(await scorer.score(asked.explanation, on.feature, on.examples))
    return found


def values(scores: list[Score], metric: str | None = None) -> np.ndarray:
    """The headlines, or one of the numbers beside them."""
    return np.array([score.metrics[metric] if metric else score.value for score in scores], dtype=np.float64)


@pytest.mark.parametrize(
    ("judge", "expected"), [("perfect", 1.0), ("misses half", 0.75), ("twice too broad", 1.0), ("coin", 0.5)]
)
@pytest.mark.parametrize("name", ["detection", "fuzzing"])
async def test_balanced_scores_see_no_gap_between_perfect_and_twice_too_broad(
    name: str, judge: str, expected: float
) -> None:
    found = await heard(name, judge, windows=100, features=10)

    assert values(found).mean() == pytest.approx(expected, abs=0.03 if judge == "coin" else 0.005)


@pytest.mark.parametrize(
    ("judge", "expected"), [("perfect", 1.0), ("misses half", 0.75), ("twice too broad", 1.0), ("coin", 0.5)]
)
async def test_surprisal_sees_no_gap_between_perfect_and_twice_too_broad(judge: str, expected: float) -> None:
    """A text that the explanation does not name gains nothing, so that half of the firing ones tie with the silent."""
    found = await heard("surprisal", judge, windows=100, features=10)

    assert values(found).mean() == pytest.approx(expected, abs=0.05 if judge == "coin" else 0.005)


@pytest.mark.parametrize(
    ("answer", "judge", "expected"),
    [
        ("choice", "perfect", 1.0),
        ("choice", "misses half", 0.75),
        ("choice", "twice too broad", 1.0),
        ("choice", "coin", 0.5),
        ("logprob", "perfect", 1.0),
        ("logprob", "misses half", 0.5),
        ("logprob", "twice too broad", 1.0),
        ("logprob", "coin", 0.0),
    ],
)
async def test_intervention_sees_an_effect_that_is_missed_and_none_that_is_claimed_besides(
    answer: str, judge: str, expected: float
) -> None:
    """The notions are about effects: *misses half* names one of the two words that the feature makes the subject write,
    *twice too broad* names besides a word that it does not cause. That word is as rare in changed texts as in clean
    ones, so nothing is lost by naming it. Where neither text has a named word the oracle says no, which is right half
    of the time; in nats it is no gain.
    """
    found = await heard("intervention", judge, windows=100, features=10, options={"answer": answer})

    assert values(found).mean() == pytest.approx(expected, abs=0.06 if judge in ("coin", "misses half") else 0.005)


async def test_detection_gives_a_half_to_what_holds_of_everything() -> None:
    found = await heard("detection", "everything", windows=100, features=5)

    assert values(found).tolist() == [0.5] * 5


@pytest.mark.parametrize(
    ("judge", "expected"),
    [("perfect", 1.0), ("misses half", 2 / 3), ("twice too broad", 2 / 3), ("everything", 0.0), ("coin", 0.23)],
)
async def test_retrieval_tells_missing_and_breadth_from_perfection(judge: str, expected: float) -> None:
    found = await heard("retrieval", judge, features=20, options=RANKED)

    assert values(found).mean() == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("errs", "least", "ordered"), [(0.02, 0.3, 0.98), (0.10, 0.2, 0.93)])
async def test_the_headline_shows_breadth_through_the_errors_of_a_judge(
    errs: float, least: float, ordered: float
) -> None:
    perfect = values(await heard("retrieval", "perfect", errs=errs, features=40, options=RANKED))
    broad = values(await heard("retrieval", "twice too broad", errs=errs, features=40, options=RANKED))

    assert perfect.mean() - broad.mean() > least
    assert np.mean(perfect > broad) >= ordered


@pytest.mark.parametrize(
    ("density", "errs", "shift", "expected"),
    [
        (1e-3, 0.02, 2.0, (0.79, 0.44, 0.88, 0.51)),
        (1e-3, 0.02, 3.0, (0.92, 0.49, 0.96, 0.51)),
        (1e-3, 0.10, 3.0, (0.70, 0.42, 0.92, 0.51)),
        (1e-2, 0.10, 3.0, (0.96, 0.48, 0.98, 0.50)),
    ],
)
async def test_correcting_for_the_judges_errors_lifts_a_precise_explanation_and_no_broad_one(
    density: float, errs: float, shift: float, expected: tuple[float, ...]
) -> None:
    """Mean precision of perfect and twice too broad, as the judge has it and corrected: METHODS' simulation table."""
    about = {"errs": errs, "density": density, "shift": shift, "features": 20, "options": RANKED}
    scores = [await heard("retrieval", judge, **about) for judge in ("perfect", "twice too broad")]

    found = [values(one, metric).mean() for metric in ("raw_precision", "precision") for one in scores]
    assert found == pytest.approx(expected, abs=0.06)
