"""Fuzzing asks whether the marks are right."""

import pytest

from autointerp.testing.rehearsal import Bench, Scripted, bench


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


@pytest.mark.parametrize("wrong", ["silent", "firing"])
@pytest.mark.parametrize("judge", ["llm", "lexical", "embedding"])
async def test_a_true_explanation_finds_the_right_marks_wherever_the_wrong_ones_are(
    on: Bench, judge: str, wrong: str
) -> None:
    scorer = on.scorer("fuzzing", on.judge(judge), {"wrong": wrong})

    found = await scorer.score(on.specimen.meaning, on.specimen.feature, on.specimen.score)

    assert found.value is not None
    assert found.value > (0.75 if (judge, wrong) == ("embedding", "firing") else 0.9)  # it sees the neighbours too
    assert sum(trial.truth for trial in found.trials) * 2 == found.asked == 100


async def test_what_was_marked_is_kept_with_the_trial(on: Bench) -> None:
    found = await on.scorer("fuzzing", on.judge("lexical")).score(
        on.specimen.meaning, on.specimen.feature, on.specimen.score
    )

    assert all(trial.note.startswith("tokens ") and "marked" in trial.note for trial in found.trials)


async def test_where_only_firing_windows_are_used_the_wrong_marks_have_rows_of_their_own(on: Bench) -> None:
    found = await on.scorer("fuzzing", on.judge("lexical"), {"wrong": "firing"}).score(
        on.specimen.meaning, on.specimen.feature, on.specimen.score
    )

    assert {group.group for group in found.breakdown} == {
        f"quantile {k}{suffix}" for k in range(10) for suffix in ("", ", wrong marks")
    }


async def test_the_windows_that_are_marked_wrongly_can_be_of_a_harder_kind(on: Bench) -> None:
    found = await on.scorer("fuzzing", on.judge("lexical"), {"silent": "same_token"}).score(
        on.specimen.meaning, on.specimen.feature, on.specimen.score
    )

    assert {str(trial.group) for trial in found.trials if not trial.truth} == {"same_token"}
