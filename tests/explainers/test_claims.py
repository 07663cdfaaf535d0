"""A claim is one bounded line, and what tells how it was found is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autointerp.explainers._claims import LONGEST, Claim, Reasoned, one_line, thinking

CLAIM = "Names of colours, such as red or blue"

LEAKS = [
    f"<think>The strong ones all hold red.</think> {CLAIM}",
    f"<thinking>\nred, blue\n</thinking>\n{CLAIM}",
    f"<reasoning>They share colours.</reasoning><answer>{CLAIM}</answer>",
    f"<answer>{CLAIM}</answer>",
    f"Reasoning: they all hold a colour. Explanation: {CLAIM}",
    f"**Reasoning**: they all hold a colour.\n\n**Explanation**: {CLAIM}",
    f"They all hold a colour.\n\n[EXPLANATION]: {CLAIM}",
    f"Step 1: look at the top ones. Step 2: compare. {CLAIM}",
    f"## Analysis\nThey all hold a colour.\n## Conclusion\n{CLAIM}",
    f"Thought: colours. Final answer: {CLAIM}",
    f"Let me look at the strongest first. {CLAIM}",
    f"Let's see. {CLAIM}",
    f"Okay, the strong ones hold red. {CLAIM}",
    f"Hmm, red stands in most of them. {CLAIM}",
    f"First, red is marked in three of them. {CLAIM}",
    f"Looking at the marked tokens, they are colours. {CLAIM}",
    f"I see colours in all of them. {CLAIM}",
    f"Red is marked, I think it is about colours. I will say: {CLAIM}",
    f"We need to find what is shared. {CLAIM}",
    f"The top examples all contain a colour word. {CLAIM}",
    f"Most of the excerpts show colours. {CLAIM}",
    f"The silent passages contain animals. {CLAIM}",
    "Red, blue and green are marked. Therefore, it fires on colours.",
    "Red, blue and green are marked. So the answer is colours.",
    "Red is marked; this suggests colours.",
    f"Red is marked. Wait, blue is too. {CLAIM}",
    '{"reasoning": "they share colours", "explanation": "Names of colours"}',
    '{"explanation": "Names of colours"}',
    "red " * LONGEST,
]  # fmt: skip

CLAIMS = [
    CLAIM,
    'Phrases in which a speaker thinks aloud, such as "Let me see" or "I think"',
    'The word "Therefore" at the start of a sentence that draws a conclusion. Also "so" and "thus".',
    'Headings such as "Answer:", "Reasoning:" or "Step 1:" in question-and-answer text',
    'HTML tags such as "<answer>" and "</think>"',
    "Well-known people and the firsts of their kind",
    "First names of women",
    "Words of seeing: look, see, watch",
    "The token after a colon in a JSON object, such as \"{\" or \"[\"",
    "Explanations and answers in textbooks; definitions too",
    "Conclusions of arguments: hence, thus",
    'The token "def" (100%).',
]  # fmt: skip


@pytest.mark.parametrize("text", LEAKS)
def test_reasoning_in_the_field_of_the_claim_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Claim(explanation=text)
    with pytest.raises(ValidationError):
        Reasoned(reasoning="They share colours.", explanation=text)


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_about_reasoning_is_a_claim(text: str) -> None:
    assert thinking(text) is None
    assert Claim(explanation=text).explanation == text


def test_a_claim_that_repeats_the_reasoning_is_refused_and_one_that_it_ends_with_is_not() -> None:
    reasoning = "Strong ones hold colours in front of a noun. Names of colours in front of a noun."

    with pytest.raises(ValidationError, match="repeats the reasoning"):
        Reasoned(reasoning=reasoning, explanation=reasoning)
    assert Reasoned(reasoning=reasoning, explanation="Names of colours in front of a noun.").explanation


@given(st.text(), st.integers(20, 50))
def test_one_line_is_one_line_of_at_most_that_length(text: str, length: int) -> None:
    line = one_line(text, length)

    assert len(line) <= length
    assert len(line.splitlines()) <= 1


@given(st.text(max_size=200))
def test_any_text_is_looked_at_without_a_crash(text: str) -> None:
    thinking(text)
