"""Bricken: many short passages in one request, token by token; and the tokens that the feature promotes."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autointerp import plugins
from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.features import BINS, BINS_PER_OCTAVE, LOWEST_EXPONENT, FeatureRecord, TokenCount, TokenLogit
from autointerp.domain.scores import Score
from autointerp.scorers._stretches import stretches
from autointerp.testing import predictors
from autointerp.testing.predictors import Oracle, Sees
from autointerp.testing.rehearsal import Script, Scripted, bench
from autointerp.testing.specimen import COLOURS, STRONGEST, WORDS, specimen

MADE = specimen(per_quantile=12, random=50, same_token=40, seed=1)


def grouped(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The specimen's windows as a harvest groups them: intervals besides, and the strongest as `top`."""
    firing = [e for e in examples if not e.silent]
    top = [replace(e, group=Group(Kind.TOP)) for e in sorted(firing, key=lambda e: -e.max)[:6]]
    inner = [replace(e, group=Group(Kind.INTERVAL, math.ceil(12 * e.max / STRONGEST) - 1)) for e in firing]
    return (*examples, *top, *inner)


# Nothing promoted, so that nothing is asked about the logits where a test is not about them.
FEATURE = replace(MADE.feature, statistics=replace(MADE.feature.statistics, promoted=(), suppressed=()))
EXAMPLES = grouped(MADE.score)


def oracle(sees: Sees) -> Oracle:
    return Oracle(EXAMPLES, sees, strongest=STRONGEST, most=9)


async def score(
    script: Script,
    options: dict[str, Any] | None = None,
    feature: FeatureRecord = FEATURE,
    examples: tuple[Example, ...] = EXAMPLES,
    explanation: str = "x",
) -> Score:
    scorer = plugins.configure("scorer", "bricken", options or {}).build(bench(Scripted(script), seed=3).tools)
    return await scorer.score(explanation, feature, examples)


def notes(found: Score) -> list[dict[str, Any]]:
    return [json.loads(trial.note) for trial in found.trials if trial.group.kind is not Kind.PROMOTED]


async def test_sixty_passages_of_nine_tokens_go_into_one_request() -> None:
    llm = Scripted(oracle(predictors.perfect))
    scorer = plugins.configure("scorer", "bricken", {}).build(bench(llm, seed=3).tools)
    found = await scorer.score("x", FEATURE, EXAMPLES)

    assert len(llm.requests) == 1
    shown = [json.loads(line) for line in llm.requests[0].messages[-1].text.splitlines()[1:]]
    assert [list(one) for one in shown] == [[str(i)] for i in range(1, 61)]
    assert {len(pieces) for one in shown for pieces in one.values()} == {9}
    kinds = Counter(trial.group.kind for trial in found.trials)
    assert kinds == {Kind.TOP: 6, Kind.INTERVAL: 24, Kind.RANDOM: 10, Kind.SAME_TOKEN: 20}


async def test_the_passages_come_in_an_order_that_does_not_tell_their_groups() -> None:
    found = await score(oracle(predictors.perfect))

    changes = sum(a.group.kind != b.group.kind for a, b in zip(found.trials, found.trials[1:], strict=False))
    assert changes > 20


async def test_two_passages_come_from_each_of_twelve_intervals() -> None:
    firing = [e for e in MADE.score if e.group == Group(Kind.QUANTILE, 4)]
    windows = [
        replace(
            e,
            group=Group(Kind.INTERVAL, k),
            context=100 * k + n,
            tokens=tuple(range(10_000 * k + 100 * n, 10_000 * k + 100 * n + len(e.tokens))),
        )
        for k in range(12)
        for n, e in enumerate(firing[:5])
    ]
    silent = [e for e in MADE.score if e.silent]

    found = await score(lambda request: "no", {"top": 0}, examples=(*windows, *silent))

    counts = Counter(str(trial.group) for trial in found.trials if trial.group.kind is Kind.INTERVAL)
    assert counts == {f"interval {k}": 2 for k in range(12)}


async def test_the_headline_is_spearmans_of_the_levels_and_pearsons_stands_beside() -> None:
    found = await score(oracle(predictors.misses_half))

    true, predicted = ([value for note in notes(found) for value in note[side]] for side in ("true", "predicted"))
    assert found.metric == "spearman"
    assert found.value == pytest.approx(stats.spearmanr(true, predicted).statistic)
    assert found.metrics["pearson"] == pytest.approx(stats.pearsonr(true, predicted).statistic)
    assert found.interval is not None
    assert found.interval[0] < (found.value or 0) < found.interval[1]


async def test_a_perfect_predictor_scores_one_and_each_error_costs() -> None:
    found = {
        sees: await score(oracle(sees))
        for sees in (predictors.perfect, predictors.misses_half, predictors.twice_too_broad, predictors.coin)
    }
    values = {sees: one.value or 0.0 for sees, one in found.items()}

    assert values[predictors.perfect] == pytest.approx(1.0)
    assert values[predictors.misses_half] < 0.85
    assert values[predictors.twice_too_broad] < 0.85
    assert abs(values[predictors.coin]) < 0.2
    assert [g for g in found[predictors.perfect].breakdown if g.correct < g.answered] == []
    assert [g.correct for g in found[predictors.twice_too_broad].breakdown if g.group == "same_token"] == [0]


async def test_a_constant_prediction_is_undefined_and_not_zero() -> None:
    found = await score(oracle(predictors.constant))

    assert (found.value, found.interval) == (None, None)
    assert "predicted activation is 5 at every token" in (found.undefined or "")
    assert found.asked == found.answered == 60


async def test_fewer_than_twenty_passages_are_undefined_and_ask_nothing() -> None:
    firing = tuple(e for e in EXAMPLES if e.group.kind is Kind.TOP)
    silent = tuple(e for e in EXAMPLES if e.silent)
    llm = Scripted()
    scorer = plugins.configure("scorer", "bricken", {}).build(bench(llm, seed=3).tools)

    few = await scorer.score("x", FEATURE, (*firing, *silent[-13:]))
    dead = await scorer.score("x", FEATURE, silent)

    assert few.undefined == "only 19 different examples; 20 are needed"
    assert dead.undefined == "only 0 firing examples; 1 are needed"
    assert llm.requests == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda row: row[:-1], "wrong_count"),
        (lambda row: [*row, 0], "wrong_count"),
        (lambda row: [None, *row[1:]], "not_a_number"),
        (lambda row: [True, *row[1:]], "not_a_number"),
        (lambda row: [0.5, *row[1:]], "not_a_number"),
        (lambda row: [10, *row[1:]], "out_of_range"),
        (lambda row: [-1, *row[1:]], "out_of_range"),
    ],
)
async def test_one_list_that_cannot_be_read_leaves_the_others(change: Any, kind: str) -> None:
    def script(request: Request) -> str:
        lists = json.loads(oracle(predictors.perfect)(request))
        return json.dumps(lists | {"7": change(lists["7"])})

    found = await score(script)

    assert dict(found.unread) == {kind: 1}
    assert (found.asked, found.answered) == (60, 59)
    assert notes(found)[6]["predicted"] is None
    assert found.value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "kind"), [("no", "prose"), ('{"1": [0]}', "wrong_count"), ('{"1": NaN}', "not_a_number")]
)
async def test_a_reply_that_cannot_be_read_leaves_every_passage_unread(text: str, kind: str) -> None:
    found = await score(lambda request: text)

    assert dict(found.unread) == {kind: 60}
    assert found.value is None
    assert f"60 {kind}" in (found.undefined or "")


def window(tokens: Sequence[int], peak: int, kind: Kind = Kind.TOP, context: int = 0) -> Example:
    activations = tuple(5.0 * (i == peak) * (kind is Kind.TOP) for i in range(len(tokens)))
    pieces = tuple(f" {token}" for token in tokens)
    return Example(Split.SCORE, Group(kind), context, context, 0, peak, tuple(tokens), pieces, activations)


@given(st.integers(1, 40), st.data())
def test_the_peak_is_in_the_passage_wherever_it_stands_in_the_window(length: int, data: st.DataObject) -> None:
    peak = data.draw(st.integers(0, length - 1))

    (found,) = stretches([window(range(length), peak)], around=4, top_tokens=())

    assert len(found.tokens) == min(9, length)
    assert max(found.activations) == 5.0
    if 4 <= peak < length - 4:
        assert found.activations[4] == 5.0


def test_a_silent_passage_with_a_familiar_token_is_cut_around_it() -> None:
    example = window(range(32), 16, Kind.SAME_TOKEN)
    top = [TokenCount(token, "", 1, 1.0) for token in (99, 5, 25)]

    (found,) = stretches([example], around=4, top_tokens=top)

    assert found.tokens == tuple(range(1, 10))


def test_the_same_text_is_shown_once_and_counts_for_the_first_group() -> None:
    found = stretches(
        [window(range(20), 10), window([7, *range(1, 20)], 10, context=1), window(range(20), 10, Kind.RANDOM, 2)],
        around=4,
        top_tokens=(),
    )

    assert [one.example.group.kind for one in found] == [Kind.TOP]


def weighted(**changes: Any) -> FeatureRecord:
    """The feature with all its firings between 1 and 2**0.25 (in the second of twelve intervals of (0, 8])."""
    histogram = [0] * BINS
    histogram[-LOWEST_EXPONENT * BINS_PER_OCTAVE] = 1_000
    return replace(FEATURE, statistics=replace(FEATURE.statistics, histogram=tuple(histogram), **changes))


async def test_each_sort_of_passage_is_weighted_by_how_common_it_is() -> None:
    found = await score(oracle(predictors.perfect), feature=weighted())

    weights = {(trial.group.kind, trial.group.index): json.loads(trial.note)["weight"] for trial in found.trials}
    assert weights[Kind.RANDOM, None] == 1.0
    assert weights[Kind.TOP, None] == weights[Kind.SAME_TOKEN, None] == 0.0
    assert weights[Kind.INTERVAL, 1] == pytest.approx(0.01)  # the density, and all firings
    assert weights[Kind.INTERVAL, 11] == 0.0
    assert found.metrics["weighted_spearman"] == pytest.approx(1.0)


async def test_the_weighted_number_hardly_sees_what_is_predicted_on_rare_passages() -> None:
    def same_token_fires(pieces: Sequence[str], true: Sequence[float], strongest: float) -> Sequence[float]:
        return [strongest if piece.strip() in COLOURS else value for piece, value in zip(pieces, true, strict=True)]

    found = await score(oracle(same_token_fires), feature=weighted())

    assert found.value is not None
    assert found.value < 0.9
    assert found.metrics["weighted_spearman"] == pytest.approx(1.0, abs=1e-3)


async def test_without_a_histogram_the_weighted_number_is_undefined() -> None:
    found = await score(oracle(predictors.perfect))

    assert found.metrics["weighted_spearman"] is None
    assert found.value == pytest.approx(1.0)


def promoting(pieces: Sequence[str]) -> FeatureRecord:
    promoted = tuple(TokenLogit(1_000 + i, piece, 5.0 - i / 10) for i, piece in enumerate(pieces))
    return replace(FEATURE, statistics=replace(FEATURE.statistics, promoted=promoted))


NAMES = [f" hue{i}" for i in range(20)]


def knows(names: Sequence[str]) -> Script:
    def script(request: Request) -> str:
        shown = [json.loads(line) for line in request.messages[-1].text.splitlines() if line.startswith("{")]
        if all(isinstance(value, list) for one in shown for value in one.values()):
            return oracle(predictors.perfect)(request)
        return json.dumps({name: piece in names for one in shown for name, piece in one.items()})

    return script


async def test_the_logit_score_asks_about_the_promoted_tokens_after_the_first_ten_and_as_many_others() -> None:
    found = await score(knows(NAMES), {"promoted": 10}, promoting(NAMES))

    asked = {json.loads(t.note)["token"]: t.truth for t in found.trials if t.group.kind is Kind.PROMOTED}
    assert {piece for piece, promoted in asked.items() if promoted} == set(NAMES[10:])
    others = {piece for piece, promoted in asked.items() if not promoted}
    assert len(others) == 10
    assert others <= {f" {word}" for word in WORDS}
    assert (found.metrics["logit_promoted"], found.metrics["logit_others"]) == (10.0, 10.0)
    assert found.metrics["logit_balanced_accuracy"] == 1.0
    assert found.asked == found.answered == len(found.trials) == 80
    rows = {group.group: (group.asked, group.correct) for group in found.breakdown}
    assert (rows["promoted tokens"], rows["other tokens"]) == ((10, 10), (10, 10))


async def test_saying_the_same_to_every_token_is_worth_a_coin() -> None:
    found = await score(knows([]), feature=promoting(NAMES))

    assert found.metrics["logit_balanced_accuracy"] == 0.5
    assert found.value == pytest.approx(1.0)


async def test_where_no_more_than_ten_promoted_tokens_were_kept_all_are_asked_about() -> None:
    found = await score(knows(NAMES), feature=promoting(NAMES[:8]))

    assert found.metrics["logit_promoted"] == 8.0


async def test_logits_that_cannot_be_read_leave_the_headline_alone() -> None:
    def script(request: Request) -> str:
        return "no" if "boolean" in (request.schema or "") else oracle(predictors.perfect)(request)

    found = await score(script, feature=promoting(NAMES))

    assert found.value == pytest.approx(1.0)
    assert found.metrics["logit_balanced_accuracy"] is None
    assert found.unread["prose"] == found.asked - 60


async def test_without_promoted_tokens_nothing_is_asked_about_them() -> None:
    found = await score(oracle(predictors.perfect))

    assert found.asked == 60
    assert found.metrics["logit_balanced_accuracy"] is None
    assert found.metrics["logit_promoted"] == 0.0


async def test_every_explanation_is_asked_about_the_same_passages_in_the_same_order() -> None:
    first, second = [await score(oracle(predictors.perfect), explanation=text) for text in ("x", "y")]

    assert notes(first) == notes(second)


async def test_a_harvest_without_intervals_shows_the_quantiles_instead() -> None:
    found = await score(oracle(predictors.perfect), examples=MADE.score)

    kinds = Counter(trial.group.kind for trial in found.trials)
    assert kinds == {Kind.QUANTILE: 30, Kind.RANDOM: 10, Kind.SAME_TOKEN: 20}
