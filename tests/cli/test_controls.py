"""Scores against their controls, as a terminal shows them."""

from io import StringIO

from rich.console import Console

from autointerp.api.schemas.controls import LINE, Against, RunControls
from autointerp.cli.controls import controls_table


def shown(*lines: dict[str, object]) -> list[list[str]]:
    """The words of each row."""
    console = Console(width=140, file=StringIO(), record=True)
    console.print(controls_table(RunControls(sample=10, items=[Against.model_validate(LINE | line) for line in lines])))
    return [line.split() for line in console.export_text().splitlines()]


def test_a_line_has_both_means_and_the_interval_of_their_difference() -> None:
    rows = shown({})

    assert rows[1] == ["detection:llm", "shuffled", "10", "0.86", "0.52", "+0.34", "[+0.25,", "+0.41]"]


def test_what_is_undefined_or_unknown_is_said() -> None:
    lacking = {
        "scorer_label": "detection",
        "control": "random_direction",
        "features": 1,
        "undefined": 3,
        "difference": None,
    }

    rows = shown(lacking, lacking | {"score": None})

    assert rows[1] == ["detection", "random", "direction", "1", "(3", "undefined)", "0.86", "0.52", "+0.34"]
    assert rows[2][-3:] == ["–", "0.52", "–"]


def test_explainers_are_named_where_there_are_several() -> None:
    rows = shown({}, {"explainer_label": "token_statistics"})

    assert [row[:3] for row in rows[1:]] == [
        ["detection:llm", "of", "default"],
        ["detection:llm", "of", "token_statistics"],
    ]
