"""The honest reader finds what a feature does by the structure of the prompt."""

import pytest

from autointerp.llm.honest_effects import describe

PAIR = '{"clean": " the house and", "steered": " the red red"}'
PROMOTED = '{"effect": "promoted", "tokens": [" blue", " green"]}'
SUPPRESSED = '{"effect": "suppressed", "tokens": [" dog"]}'


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("nothing of the sort", None),
        ('{"text": "«red»"}', None),
        (f"{PROMOTED}\n{SUPPRESSED}", 'words such as "blue" or "green"'),
        (f"{PROMOTED}\n{SUPPRESSED}\n{PAIR}", 'words such as "red"'),
        (SUPPRESSED, "nothing that the texts have in common"),
        ('{"effect": 3}\n{"effect": "promoted"}\n["effect"]\n{"clean"', "nothing that the texts have in common"),
        ('{"clean": 1, "steered": null}', "nothing that the texts have in common"),
    ],
)
def test_it_names_what_steering_adds_and_else_what_is_promoted(prompt: str, said: str | None) -> None:
    assert describe(prompt) == said
