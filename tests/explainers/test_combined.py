"""The combined explainer says which side each claim is about, in one bounded line."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autointerp.domain.examples import Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.tools import splits_of
from autointerp.errors import InvalidSpec
from autointerp.explainers._sides import both
from autointerp.testing.rehearsal import Scripted, bench
from autointerp.testing.specimen import COLOURS

TWO = {"input": "token_statistics", "output": "vocabulary"}


async def explain(llm: Scripted, options: dict[str, object] | None = None) -> Explanation | Unread:
    here = bench(llm, seed=3)
    return await here.explainer("combined", options).explain(here.specimen.feature, here.specimen.explain)


async def test_one_request_asks_for_both_sides() -> None:
    llm = Scripted(lambda request: '{"fires_on": "names of colours.", "promotes": "nouns\\nafter them"}')
    explanation = await explain(llm)

    assert isinstance(explanation, Explanation)
    assert explanation.text == "Fires on: names of colours. Promotes: nouns after them."
    assert explanation.request == llm.requests[0].key
    assert len(llm.requests) == 1
    firsts = [next(iter(json.loads(line))) for line in llm.requests[0].messages[-1].text.split("\n")]
    assert firsts == ["text"] * 20 + ["effect"] * 2 + ["clean"] * 10


async def test_two_explainers_make_a_claim_each() -> None:
    llm = Scripted()
    explanation = await explain(llm, dict(TWO))

    assert isinstance(explanation, Explanation)
    assert explanation.text.startswith('Fires on: Tokens such as "')
    assert '. Promotes: tokens such as "red"' in explanation.text
    assert all(explanation.text.count(f'"{colour}"') == 2 for colour in COLOURS)
    assert (explanation.request, explanation.prompt, llm.requests) == (None, None, [])


async def test_the_request_that_is_kept_is_that_of_the_side_that_asked() -> None:
    llm = Scripted()
    explanation = await explain(llm, {"input": "token_statistics", "output": "output"})

    assert isinstance(explanation, Explanation)
    assert explanation.request == llm.requests[0].key


async def test_where_one_side_has_nothing_to_say_nothing_is_said() -> None:
    unread = await explain(Scripted(), {**TWO, "input": {"name": "token_statistics", "options": {"least": 1000}}})

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.FAILED
    assert unread.detail.startswith("input side: ")


async def test_an_empty_side_is_no_explanation() -> None:
    unread = await explain(Scripted(lambda request: '{"fires_on": "colours", "promotes": " "}'))

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.EMPTY


@pytest.mark.parametrize("options", [{"input": "default"}, {"output": "output"}])
def test_one_explainer_alone_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidSpec, match="both input and output"):
        bench(Scripted(), seed=3).explainer("combined", options)


async def test_it_sees_validation_where_one_of_its_parts_does_and_hands_it_to_that_part_only() -> None:
    here = bench(Scripted(), seed=3)
    explainer = here.explainer("combined", {"input": "best_of", "output": "output"})

    explanation = await explainer.explain(here.specimen.feature, here.specimen.explain + here.specimen.validation)

    assert splits_of(explainer) == (Split.EXPLAIN, Split.VALIDATION)
    assert isinstance(explanation, Explanation)


@given(st.text(), st.text(), st.integers(60, 200))
@example("0", "0" * 20, 60)
def test_both_sides_are_one_line_of_at_most_that_length_and_neither_is_lost(a: str, b: str, length: int) -> None:
    text = both(a, b, length)

    assert len(text) <= length
    assert len(text.splitlines()) <= 1
    assert text == "" or (text.startswith("Fires on:") and ". Promotes:" in text)
