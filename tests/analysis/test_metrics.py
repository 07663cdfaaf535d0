"""Rates, areas and cuts, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, precision_score, roc_auc_score

from autointerp.analysis.metrics import Confusion, auroc, f1, otsu, precision_at

labelled = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
scored = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=60)


@given(labelled)
def test_balanced_accuracy_is_scikit_learns(pairs: list[tuple[bool, bool]]) -> None:
    truths, verdicts = np.array(pairs, dtype=bool).T
    assume(0 < truths.sum() < len(truths))

    assert Confusion.of(truths, verdicts).balanced_accuracy == pytest.approx(balanced_accuracy_score(truths, verdicts))


@given(scored)
def test_auroc_with_ties_is_scikit_learns(pairs: list[tuple[bool, int]]) -> None:
    truths = np.array([truth for truth, _ in pairs])
    confidences = np.array([confidence for _, confidence in pairs], dtype=float)
    assume(0 < truths.sum() < len(truths))

    assert auroc(truths, confidences) == pytest.approx(roc_auc_score(truths, confidences))


def test_rates_without_a_denominator_are_undefined_and_not_zero() -> None:
    only_positives = Confusion.of(np.array([True, True]), np.array([True, False]))

    assert (only_positives.tpr, only_positives.fpr, only_positives.balanced_accuracy) == (0.5, None, None)
    assert auroc(np.array([True, True]), np.array([0.1, 0.2])) is None
    assert precision_at(0.1, tpr=0.5, fpr=None) is None
    assert precision_at(0.1, tpr=0.0, fpr=0.0) is None
    assert f1(None, 0.5) is None


@given(labelled)
def test_precision_at_the_samples_own_prevalence_is_the_samples_precision(pairs: list[tuple[bool, bool]]) -> None:
    truths, verdicts = np.array(pairs, dtype=bool).T
    assume(0 < truths.sum() < len(truths))
    assume(verdicts.any())
    confusion = Confusion.of(truths, verdicts)

    precision = precision_at(float(truths.mean()), tpr=confusion.tpr, fpr=confusion.fpr)

    assert precision == pytest.approx(precision_score(truths, verdicts))


def test_an_explanation_twice_too_broad_is_perfect_on_a_balanced_sample_but_not_at_its_density() -> None:
    density = 1e-3
    broad_fpr = density / (1 - density)  # it fires on as many silent windows as there are firing ones

    assert (1 + 1 - broad_fpr) / 2 == pytest.approx(1, abs=1e-3)
    assert precision_at(density, tpr=1.0, fpr=broad_fpr) == pytest.approx(0.5)
    assert f1(0.5, 1.0) == pytest.approx(2 / 3)


def test_an_explanation_that_misses_half_loses_a_quarter_of_balanced_accuracy() -> None:
    truths = np.array([True] * 50 + [False] * 50)
    verdicts = np.array([True] * 25 + [False] * 75)

    assert Confusion.of(truths, verdicts).balanced_accuracy == pytest.approx(0.75)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_the_cut_maximises_the_variance_between_the_classes(values: list[float]) -> None:
    array = np.array(values)
    cut = otsu(array)
    if cut is None:
        assert len(set(values)) == 1
        return

    def between(at: float) -> float:
        low, high = array[array <= at], array[array > at]
        return len(low) * len(high) * (high.mean() - low.mean()) ** 2 if len(low) and len(high) else 0.0

    assert between(cut) == pytest.approx(max(between(value) for value in array), rel=1e-6, abs=1e-12)


def test_two_clusters_are_cut_between_them() -> None:
    assert otsu(np.array([0.1, 0.12, 0.9, 0.11, 0.95])) == pytest.approx(0.51)
