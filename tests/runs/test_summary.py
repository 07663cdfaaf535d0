"""A run's scores are put together by explainer and scorer, with what is not there counted."""

import pytest

from autointerp.errors import NotFound
from autointerp.runs import summarise_run
from tests.runs.scored import DETECTION, FUZZING, Stage, rising


def test_each_explainer_and_scorer_has_a_line(stage: Stage) -> None:
    gaps = [*rising()[:8], "only 3 firing examples; 10 are needed", "only 5 firing examples; 10 are needed", None, None]
    run = stage.run(
        {0: rising(), 1: gaps}, {1: rising()}, explainers=("default", "bricken"), scorers=(DETECTION, FUZZING)
    )

    found = summarise_run(stage.database, run)

    assert [(one.explainer.origin.explainer, one.scorer.label) for one in found] == [
        ("default", "detection:lexical"),
        ("default", "fuzzing:lexical"),
        ("bricken", "detection:lexical"),
        ("bricken", "fuzzing:lexical"),
    ]
    assert (found[2].aggregate.scored, found[2].aggregate.missing, found[2].aggregate.mean) == (0, 12, None)
    whole, partial = found[0].aggregate, found[1].aggregate
    assert (whole.scored, whole.missing, whole.mean, whole.median) == (
        12,
        0,
        pytest.approx(0.475),
        pytest.approx(0.475),
    )
    assert (partial.scored, partial.undefined, partial.missing) == (
        8,
        {"only 3–5 firing examples; 10 are needed": 2},
        2,
    )


def test_a_run_that_has_scored_nothing_has_its_lines_without_numbers(stage: Stage) -> None:
    found = summarise_run(stage.database, stage.seeded.waiting_run)

    assert found
    assert {(one.aggregate.scored, one.aggregate.mean) for one in found} == {(0, None)}


def test_an_unknown_run_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no run none"):
        summarise_run(stage.database, "none")
