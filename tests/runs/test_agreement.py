"""Scorers are correlated over the explanations that both scored, explainer by explainer."""

import pytest

from autointerp.errors import InvalidInput, NotFound
from autointerp.runs import agree
from tests.runs.scored import DETECTION, FUZZING, SIMULATION, Stage, rising

ALL = (DETECTION, FUZZING, SIMULATION)


def test_every_pair_of_scorers_is_correlated_for_each_explainer(stage: Stage) -> None:
    falling = rising(-0.01)
    run = stage.run(
        {0: rising(), 1: falling, 2: [*rising()[:10], "constant", None]},
        {0: rising(), 1: rising()},
        explainers=("default", "token_statistics"),
        scorers=ALL,
    )

    default, statistics = agree(stage.database, [run], seed=0)

    assert (default.explainer.origin.explainer, default.explanations) == ("default", 12)
    assert [one.label for one in default.scorers] == ["detection:lexical", "fuzzing:lexical", "simulation"]
    assert {pair: (found.value, found.count) for pair, found in default.pairs.items()} == {
        (0, 1): (-1.0, 12),
        (0, 2): (1.0, 10),
        (1, 2): (-1.0, 10),
    }
    assert [one.label for one in statistics.scorers] == ["detection:lexical", "fuzzing:lexical"]
    assert statistics.pairs[0, 1].value == 1.0


def test_a_later_run_joins_by_the_explanations_that_it_scored(stage: Stage) -> None:
    first = stage.run({0: rising()})
    later = stage.run({0: rising()}, claims=stage.claims(first), scorers=(FUZZING,))
    other = stage.run({0: rising()}, scorers=(FUZZING,))

    [joined] = agree(stage.database, [first, later], seed=0)
    apart = agree(stage.database, [first, other], seed=0)

    assert [(one.run_id, one.label) for one in joined.scorers] == [
        (first, "detection:lexical"),
        (later, "fuzzing:lexical"),
    ]
    assert joined.pairs[0, 1].value == 1.0
    assert [table.pairs for table in apart] == [{}, {}]


def test_one_scorer_cannot_agree(stage: Stage) -> None:
    run = stage.run({0: rising()})

    with pytest.raises(InvalidInput, match=f"only detection:lexical has scored in {run}; agreement needs two scorers"):
        agree(stage.database, [run], seed=0)
    with pytest.raises(InvalidInput, match="no scorer has scored in"):
        agree(stage.database, [stage.seeded.waiting_run], seed=0)


def test_an_unknown_run_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no run none"):
        agree(stage.database, ["none"], seed=0)
