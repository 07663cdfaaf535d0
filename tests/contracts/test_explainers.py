"""What every explainer keeps to, found by its file name.

What speaks of a feature's input is tried by detection, what speaks of its output by intervention, and what speaks of
both by both. Only `vocabulary`, which looks at no example, is not asked for windows or tried with too few of them.
"""

from dataclasses import replace

import pytest

from autointerp import plugins
from autointerp.domain.calls import Finish, Reply, Request, Usage
from autointerp.domain.examples import Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.tools import shown_to, splits_of
from autointerp.errors import InvalidSpec, OutOfBudget
from autointerp.testing.rehearsal import Bench, Scripted, bench

EXPLAINERS = plugins.names("explainer")
OUTPUT_ONLY = ("output", "vocabulary")
INPUT_SIDE = [name for name in EXPLAINERS if name not in OUTPUT_ONLY]
OUTPUT_SIDE = [name for name in EXPLAINERS if name in (*OUTPUT_ONLY, "combined")]
WITH_EXAMPLES = [name for name in EXPLAINERS if name != "vocabulary"]


def truncated(request: Request) -> Reply:
    return Reply(text='{"explanation": "Names of', finish=Finish.LENGTH, usage=Usage(), model=request.model, raw="raw")


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def explain(on: Bench, name: str) -> Explanation | Unread:
    explainer = on.explainer(name)
    shown = shown_to(explainer, on.specimen.explain + on.specimen.validation)
    return await explainer.explain(on.specimen.feature, shown)


async def read(on: Bench, name: str) -> Explanation:
    explanation = await explain(on, name)
    assert isinstance(explanation, Explanation)
    return explanation


async def value(on: Bench, scorer: str, explanation: str) -> float:
    score = await on.scorer(scorer, on.judge("lexical")).score(explanation, on.specimen.feature, on.specimen.score)
    assert score.value is not None
    return score.value


@pytest.mark.parametrize("name", INPUT_SIDE)
async def test_its_explanation_beats_a_wrong_one_on_other_documents(name: str, on: Bench) -> None:
    explanation = await read(on, name)

    assert await value(on, "detection", explanation.text) > 0.9
    assert await value(on, "detection", on.specimen.wrong) < 0.6


@pytest.mark.parametrize("name", OUTPUT_SIDE)
async def test_its_explanation_beats_a_wrong_one_on_what_the_model_writes(name: str, on: Bench) -> None:
    explanation = await read(on, name)

    assert await value(on, "intervention", explanation.text) > 0.9
    assert await value(on, "intervention", on.specimen.wrong) < 0.6


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_it_is_one_line_and_says_which_windows_it_saw(name: str, on: Bench) -> None:
    explanation = await read(on, name)

    assert explanation.text.strip()
    assert "\n" not in explanation.text
    assert set(explanation.shown) <= {example.window for example in on.specimen.explain}
    assert len(set(explanation.shown)) == len(explanation.shown)
    assert bool(explanation.shown) == (name in WITH_EXAMPLES)


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_the_order_of_the_examples_does_not_matter(name: str, on: Bench) -> None:
    back = {"explain": on.specimen.explain[::-1], "validation": on.specimen.validation[::-1]}
    turned = Bench(replace(on.specimen, **back), on.tools)

    assert await explain(on, name) == await explain(turned, name)


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_the_same_seed_gives_the_same_explanation(name: str, on: Bench) -> None:
    assert await explain(on, name) == await explain(bench(Scripted(), seed=3), name)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
async def test_too_few_examples_are_a_reason_and_no_explanation(name: str, on: Bench) -> None:
    few = Bench(replace(on.specimen, explain=on.specimen.explain[:2]), on.tools)

    unread = await explain(few, name)

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.FAILED
    assert "needed" in unread.detail


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_examples_of_another_split_are_a_mistake_of_the_caller(name: str, on: Bench) -> None:
    with pytest.raises(ValueError, match="score"):
        await on.explainer(name).explain(on.specimen.feature, on.specimen.score)


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_the_score_split_is_shown_to_none_and_validation_to_those_that_say_so(name: str, on: Bench) -> None:
    explainer = on.explainer(name)

    assert splits_of(explainer) in ((Split.EXPLAIN,), (Split.EXPLAIN, Split.VALIDATION))
    if splits_of(explainer) == (Split.EXPLAIN,):
        with pytest.raises(ValueError, match="validation"):
            await explainer.explain(on.specimen.feature, on.specimen.validation)


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_a_reply_that_was_cut_off_never_becomes_an_explanation(name: str) -> None:
    llm = Scripted(truncated)
    unread = await explain(bench(llm, seed=3), name)
    if not llm.requests:
        pytest.skip("this explainer asks no language model")

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.TRUNCATED
    assert unread.request == llm.requests[0].key


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_an_explainer_that_needs_an_llm_stops_when_the_budget_is_spent(name: str) -> None:
    used, none = Scripted(), Scripted(budget=0)
    await explain(bench(used, seed=3), name)
    if not used.requests:
        pytest.skip("this explainer asks no language model")

    with pytest.raises(OutOfBudget):
        await explain(bench(none, seed=3), name)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_an_unknown_option_is_refused_by_name(name: str, on: Bench) -> None:
    with pytest.raises(InvalidSpec, match="no_such_option"):
        on.explainer(name, {"no_such_option": 1})
