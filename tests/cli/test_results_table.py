"""What a run found, as a terminal shows it."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console

from autointerp.api.schemas.explanations import Explanation
from autointerp.api.schemas.features import Feature
from autointerp.api.schemas.scores import Score
from autointerp.cli.results import Explained, Result
from autointerp.cli.results_table import results_table

CLAIM = "the keyword import at the start of a line, followed by the name of a module"


def example(schema: type[Any]) -> dict[str, Any]:
    """The example of a schema of the API."""
    [found] = schema.model_config["json_schema_extra"]["examples"]
    return found


def shown(*claims: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]], width: int = 140) -> list[str]:
    """The lines of the table of one feature with explanations, each with scores."""
    explained = [
        Explained.model_validate(
            {**example(Explanation), "text": CLAIM, **about, "scores": [{**example(Score), **one} for one in scores]}
        )
        for about, scores in claims
    ]
    result = Result.model_validate({**example(Feature), "explanations": explained})
    console = Console(width=width, file=StringIO(), record=True)
    console.print(results_table([result], width=width))
    return console.export_text().splitlines()


def ten() -> list[dict[str, Any]]:
    """Scores by ten scorers, one of which has none."""
    scores = [{"scorer": f"scorer{i}", "judge": None, "value": i / 10} for i in range(9)]
    return [
        *scores,
        {"scorer": "scorer9", "judge": None, "value": None, "undefined": "nothing " * 20, "interval": None},
    ]


def test_scorers_for_which_there_is_room_have_a_column_each() -> None:
    lines = shown(({}, [{}, {"scorer": "fuzzing", "value": 0.5}]))

    assert lines[0].split() == ["detection", "fuzzing"]
    assert lines[1].split() == ["id", "feature", "density", "explanation", "llm", "llm"]
    assert "0.86" in lines[2]
    assert "0.50" in lines[2]
    assert lines[3].split()[-4:] == ["[0.79,", "0.92]", "[0.79,", "0.92]"]


def test_ten_scorers_stand_below_each_other() -> None:
    lines = shown(({}, ten()))

    assert lines[0].split() == ["id", "feature", "density", "explanation", "scorer", "score"]
    assert [line.split()[-4:] for line in lines[2:9]] == [
        [f"scorer{i}", f"0.{i}0", "[0.79,", "0.92]"] for i in range(1, 8)
    ]
    assert lines[10].rstrip().endswith("…")
    assert len(lines) == 11
    assert CLAIM[:20] in lines[1]


def test_the_same_scorers_stand_below_each_other_where_the_terminal_is_narrow() -> None:
    lines = shown(({}, [{}, {"scorer": "fuzzing", "value": 0.5}]), width=80)

    assert [line.split()[-4:] for line in lines[1:3]] == [
        ["detection:llm", "0.86", "[0.79,", "0.92]"],
        ["fuzzing:llm", "0.50", "[0.79,", "0.92]"],
    ]


def test_ten_scorers_are_read_in_a_narrow_terminal() -> None:
    assert all(f"scorer{i}  0.{i}0 [0.79, 0.92]" in "\n".join(shown(({}, ten()), width=80)) for i in range(9))


def test_scorers_and_explainers_of_one_name_are_told_apart_by_their_options() -> None:
    few = {"options": {"random": 10, "least": 5}}
    many = {"options": {"random": 50, "least": 5}}

    lines = shown(({}, [few, many]), ({"options": {"n": 3}}, [few]))

    assert lines[1].split()[3:] == ["explainer", "explanation", "llm(random=10)", "llm(random=50)"]
    assert "default(n=3)" in "\n".join(lines)


def test_a_reason_why_there_is_no_score_leaves_room_for_the_others() -> None:
    lines = shown(({}, [{"scorer": "fuzzing", "value": 0.5}, *ten()[9:]]), width=100)

    assert any("0.50" in line and CLAIM[:10] in line for line in lines)
    assert any("[0.79, 0.92]" in line for line in lines)
