"""Recall and precision of a search are what their formulas say, and nearly unbiased for rare features."""

import numpy as np
import pytest

from autointerp.analysis.retrieval import Design, Placed, summarise_search, window_prevalence
from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for

EVEN = np.array([0.5, 0.5])
YES, NO, UNREAD = Answer(True), Answer(False), Answer(None, unread=UnreadKind.REFUSED)


class Page:
    """Makes trials, each of a window of its own."""

    def __init__(self) -> None:
        self.placed: list[Placed] = []

    def add(self, kind: Kind, *, yes: int, no: int, unread: int = 0, fires: bool = False) -> "Page":
        return self._add(Group(kind), (None, False), fires, yes=yes, no=no, unread=unread)

    def known(self, interval: int, *, yes: int, no: int, unread: int = 0, reached: bool = False) -> "Page":
        return self._add(Group(Kind.QUANTILE, interval), (interval, reached), True, yes=yes, no=no, unread=unread)

    def _add(
        self, group: Group, place: tuple[int | None, bool], truth: bool, *, yes: int, no: int, unread: int
    ) -> "Page":
        for answer in [YES] * yes + [NO] * no + [UNREAD] * unread:
            self.placed.append(Placed(Trial(group, (len(self.placed), 0), truth, answer), *place))
        return self

    def score(self, *, shares: np.ndarray = EVEN, expected: float | None = None, noise: float = 0.2) -> Score:
        return summarise_search(self.placed, Design(shares, expected, noise), rng=rng_for(0, "test"))


def page() -> Page:
    """Recall 0.8 * 1/2 + 0.5 * 1/2; of 20 found windows 8 of 10 and 3 of 10 are yeses; 1 of 10 random ones is."""
    return (
        Page()
        .known(0, yes=4, no=1)
        .known(1, yes=1, no=1)
        .add(Kind.RETRIEVED, yes=8, no=2, fires=True)
        .add(Kind.RETRIEVED, yes=3, no=7)
        .add(Kind.RANDOM, yes=1, no=9)
    )


def test_the_headline_is_the_f1_of_recall_and_noise_corrected_precision() -> None:
    found = page().score()

    recall, precision = 0.65, (8 - 0.1 * 10) / ((8 - 0.1 * 10) + (3 - 0.1 * 10))
    assert found.metrics["recall"] == pytest.approx(recall)
    assert found.metrics["precision"] == pytest.approx(precision)
    assert found.metrics["raw_precision"] == pytest.approx(8 / 11)
    assert found.metrics["fpr"] == pytest.approx(0.1)
    assert found.value == pytest.approx(2 * recall * precision / (recall + precision))
    assert found.metric == "f1"
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_each_interval_weighs_as_much_as_its_share_of_the_firing_windows() -> None:
    assert page().score(shares=np.array([0.9, 0.1])).metrics["recall"] == pytest.approx(0.9 * 0.8 + 0.1 * 0.5)


def test_the_breakdown_names_the_intervals_and_what_was_found() -> None:
    assert [(g.group, g.asked, g.correct) for g in page().score().breakdown] == [
        ("interval 0", 5, 4),
        ("interval 1", 2, 1),
        ("random", 10, 9),
        ("retrieved firing", 10, 8),
        ("retrieved silent", 10, 7),
    ]


def test_unread_answers_change_no_rate() -> None:
    some = (
        page()
        .known(0, yes=0, no=0, unread=5)
        .add(Kind.RETRIEVED, yes=0, no=0, unread=10, fires=True)
        .add(Kind.RETRIEVED, yes=0, no=0, unread=10)
        .add(Kind.RANDOM, yes=0, no=0, unread=3)
    )

    found = some.score()

    assert found.metrics == pytest.approx(page().score().metrics)
    assert (found.asked, found.answered, dict(found.unread)) == (37 + 28, 37, {"refused": 28})


def test_more_noise_than_a_usable_judge_makes_is_not_forgiven() -> None:
    everything = (
        Page()
        .known(0, yes=10, no=0)
        .add(Kind.RETRIEVED, yes=5, no=0, fires=True)
        .add(Kind.RETRIEVED, yes=95, no=0)
        .add(Kind.RANDOM, yes=100, no=0)
    )

    found = everything.score()

    assert found.metrics["recall"] == 1
    assert found.metrics["precision"] == pytest.approx(0.05)


def test_what_finds_nothing_in_which_the_feature_fires_is_not_precise() -> None:
    found = Page().known(0, yes=9, no=1).add(Kind.RETRIEVED, yes=0, no=20).add(Kind.RANDOM, yes=0, no=20).score()

    assert found.metrics["precision"] == 0
    assert found.value == 0
    assert found.undefined is None


def test_known_windows_within_reach_stand_for_those_of_a_rare_feature() -> None:
    rare = (
        Page()
        .known(0, yes=6, no=0, reached=True)
        .known(0, yes=4, no=0)
        .add(Kind.RETRIEVED, yes=2, no=98)
        .add(Kind.RANDOM, yes=0, no=100)
    )

    found = rare.score(expected=5.0)

    assert found.metrics["precision"] == pytest.approx(5 * 0.6 / (5 * 0.6 + 2))


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Kind.RANDOM, "random"), (Kind.RETRIEVED, "retrieved silent")],
)
def test_without_answers_of_a_sort_the_score_is_undefined_and_says_why(kind: Kind, name: str) -> None:
    others = Kind.RETRIEVED if kind is Kind.RANDOM else Kind.RANDOM
    found = Page().known(0, yes=9, no=1).add(others, yes=1, no=9).add(kind, yes=0, no=0, unread=7).score()

    assert found.value is None
    assert found.interval is None
    assert found.undefined == f"no answer on any of 7 {name} windows (refused)"


@pytest.mark.parametrize("burst", [1, 3, 8])
@pytest.mark.parametrize("density", [1e-4, 1e-3, 2e-2])
def test_the_share_of_windows_is_reckoned_from_the_share_of_tokens(density: float, burst: int) -> None:
    """Bursts of firing tokens stand anywhere in a long text; windows of 32 tokens are drawn uniformly, and known ones
    are centred on a burst's first token, as a harvest's are on a peak."""
    rng, length, size = rng_for(0, density, burst), 32, 3_000_000
    fires = np.zeros(size, dtype=bool)
    for start in rng.integers(size - burst, size=round(size * density / burst)):
        fires[start : start + burst] = True
    counts = np.concatenate([[0], np.cumsum(fires)])
    uniform = np.arange(0, size - length, length)
    true = float(np.mean(counts[uniform + length] > counts[uniform]))
    segments = uniform[counts[uniform + length] > counts[uniform]]
    peaks = np.array([start + int(np.argmax(fires[start : start + length])) for start in segments])
    begin = np.clip(peaks - length // 2, 0, size - length)

    reckoned = window_prevalence(
        density=float(fires.mean()), length=length, firing=float(np.mean(counts[begin + length] - counts[begin]))
    )

    assert reckoned == pytest.approx(true, rel=0.3 if burst == 8 else 0.15)
