"""Two sides are compared by the scorers that scored both in the same way, and by nothing else."""

import pytest

from autointerp.domain.examples import Group, Kind
from autointerp.domain.judging import Answer
from autointerp.domain.scores import Trial
from autointerp.domain.specs import PluginSpec, ScorerSpec
from autointerp.errors import InvalidInput, NotFound
from autointerp.runs import Compared, RunSide, compare_sides
from tests.runs.scored import DETECTION, FUZZING, SIMULATION, Stage, rising

BY_LLM = ScorerSpec(name="detection", judge=PluginSpec(name="llm"))


def compared(stage: Stage, first: str, second: str, *, verdicts: bool = False) -> Compared:
    sides = [RunSide(run, explainer or None) for run, _, explainer in (side.partition(":") for side in (first, second))]
    return compare_sides(stage.database, sides[0], sides[1], seed=0, verdicts=verdicts)


def test_two_explainers_of_one_run_are_compared_feature_by_feature(stage: Stage) -> None:
    run = stage.run(
        {0: [0.9, 0.8, "constant", None]}, {0: [0.7, 0.8, 0.4, 0.6]}, explainers=("default", "token_statistics")
    )

    by_name = compared(stage, f"{run}:default", f"{run}:token_statistics")

    [scorer] = by_name.scorers
    assert scorer.scorer.label == "detection:lexical"
    assert (scorer.comparison.pairs, scorer.comparison.wins, scorer.comparison.ties) == (2, 1, 1)
    assert scorer.comparison.difference == pytest.approx(0.1)
    assert scorer.comparison.left_out == {"first_undefined": 1, "first_not_scored": 1}
    assert (by_name.first.explainer.models, by_name.second.explainer.models) == (
        ("openai/default",),
        ("openai/token_statistics",),
    )
    assert compared(stage, f"{run}:0", f"{run}:1") == by_name


def test_two_runs_are_compared_by_every_scorer_they_share(stage: Stage) -> None:
    first = stage.run({0: rising(), 1: rising(), 2: rising()}, scorers=(DETECTION, FUZZING, SIMULATION))
    second = stage.run({0: rising(), 1: rising(start=0.1)}, scorers=(SIMULATION, DETECTION), seed=1)

    found = compared(stage, first, second)

    assert [(one.scorer.label, one.comparison.pairs) for one in found.scorers] == [
        ("detection:lexical", 12),
        ("simulation", 12),
    ]
    assert found.scorers[0].comparison.difference == pytest.approx(0.1)
    assert [(one.scorer, one.why) for one in found.not_compared] == [("fuzzing:lexical", "only the first side has it")]
    assert (found.same_harvest, found.same_seed) == (True, False)


def test_scorers_with_other_options_are_not_the_same(stage: Stage) -> None:
    narrow = DETECTION.model_copy(update={"options": {"random": 10}})
    first = stage.run({0: rising(), 1: rising()}, scorers=(DETECTION, narrow))
    second = stage.run({0: rising()}, scorers=(narrow,))

    found = compared(stage, first, second)

    assert [one.scorer.label for one in found.scorers] == ["detection(random=10):lexical"]
    assert [one.scorer for one in found.not_compared] == ["detection:lexical"]


def test_scores_of_other_judging_models_are_not_compared(stage: Stage) -> None:
    first = stage.run({0: rising(), 1: rising()}, scorers=(BY_LLM, SIMULATION), judged_by="openai/a")
    second = stage.run({0: rising()}, scorers=(BY_LLM,), judged_by="openai/b")

    with pytest.raises(InvalidInput, match="its models differ: openai/a on the first side, openai/b on the second"):
        compared(stage, first, second)


def test_scores_by_other_prompts_are_not_compared(stage: Stage) -> None:
    first, second = (stage.run({0: rising()}, scorers=(BY_LLM,), prompt=prompt) for prompt in ("a" * 64, "b" * 64))

    with pytest.raises(InvalidInput, match="its prompts differ: aaaaaaaaaaaa on the first side"):
        compared(stage, first, second)


def test_a_side_that_asked_no_model_because_nothing_could_be_asked_is_compared(stage: Stage) -> None:
    first = stage.run({0: ["too few"] * 12}, scorers=(BY_LLM,))
    second = stage.run({0: rising()}, scorers=(BY_LLM,), judged_by="openai/b", prompt="b" * 64)

    [scorer] = compared(stage, first, second).scorers

    assert (scorer.comparison.pairs, scorer.comparison.left_out) == (0, {"first_undefined": 12})


def test_a_run_that_only_scored_is_a_side_by_the_names_of_the_explainers(stage: Stage) -> None:
    explained = stage.run({0: rising()}, explainers=("default",))
    scored = stage.run({0: rising(start=0.3)}, claims=stage.claims(explained))

    found = compared(stage, f"{scored}:default", explained)

    assert found.scorers[0].comparison.difference == pytest.approx(0.1)
    assert (found.first.explainer.origin.position, found.second.explainer.origin.position) == (None, 0)


def trials(wrong: int) -> tuple[Trial, ...]:
    return tuple(Trial(Group(Kind.TOP), (20, i), True, Answer(i != wrong)) for i in range(4))


def test_verdicts_are_compared_question_by_question(stage: Stage) -> None:
    first = stage.run({0: rising()}, trials=lambda feature: trials(wrong=0))
    second = stage.run({0: rising()}, trials=lambda feature: trials(wrong=feature % 2))

    [scorer] = compared(stage, first, second, verdicts=True).scorers

    asked = scorer.verdicts
    assert asked is not None
    assert (asked.both_right, asked.first_right, asked.second_right, asked.both_wrong) == (30, 6, 6, 6)
    assert (asked.unmatched, compared(stage, first, second).scorers[0].verdicts) == (0, None)


def test_features_in_common_are_needed(stage: Stage) -> None:
    first = stage.run({0: [0.5, 0.5, None]})
    second = stage.run({0: [None, None, 0.5]})

    with pytest.raises(InvalidInput, match=f"{first}:0 and {second}:0 have no scored feature in common"):
        compared(stage, first, second)


def test_a_scorer_in_common_is_needed(stage: Stage) -> None:
    first, second = stage.run({0: rising()}), stage.run({0: rising()}, scorers=(FUZZING,))

    with pytest.raises(InvalidInput, match="detection:lexical: only the first side has it; fuzzing:lexical: only the"):
        compared(stage, first, second)


@pytest.mark.parametrize(
    ("side", "says"),
    [
        ("{two}", r"has scored 2 explainers; say which: {two}:0 \(default\), {two}:1 \(default\)"),
        ("{two}:default", "has several explainers 'default'; say which by its position"),
        ("{two}:bricken", r"has scored no explainer 'bricken'; there are {two}:0 \(default\)"),
        ("{two}:2", "has scored no explainer 2"),
        ("{waiting}", r"the run {waiting} \(waiting\) has no scores"),
        ("{one}", "both sides are {one}:0"),
    ],
)
def test_a_side_that_is_not_clear_is_refused_in_one_sentence(stage: Stage, side: str, says: str) -> None:
    one = stage.run({0: rising()})
    two = stage.run({0: rising()}, {0: rising()}, explainers=("default", "default"))
    names = {"one": one, "two": two, "waiting": stage.seeded.waiting_run}

    with pytest.raises(InvalidInput, match=says.format(**names)):
        compared(stage, side.format(**names), one)


def test_an_unknown_run_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no run none"):
        compared(stage, "none", stage.run({0: rising()}))
