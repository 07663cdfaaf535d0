"""What every explainer keeps to, found by its file name."""

from dataclasses import replace

import pytest

from autointerp import plugins
from autointerp.domain.calls import Finish, Reply, Request, Usage
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.errors import InvalidSpec, OutOfBudget
from autointerp.testing.rehearsal import Bench, Scripted, bench

EXPLAINERS = plugins.names("explainer")


def truncated(request: Request) -> Reply:
    return Reply(text='{"explanation": "Names of', finish=Finish.LENGTH, usage=Usage(), model=request.model, raw="raw")


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def explain(on: Bench, name: str) -> Explanation | Unread:
    return await on.explainer(name).explain(on.specimen.feature, on.specimen.explain)


async def read(on: Bench, name: str) -> Explanation:
    explanation = await explain(on, name)
    assert isinstance(explanation, Explanation)
    return explanation


async def value(on: Bench, explanation: str) -> float:
    scorer = on.scorer("detection", on.judge("lexical"))
    score = await scorer.score(explanation, on.specimen.feature, on.specimen.score)
    assert score.value is not None
    return score.value


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_its_explanation_beats_a_wrong_one_on_other_documents(name: str, on: Bench) -> None:
    explanation = await read(on, name)

    assert await value(on, explanation.text) > 0.9
    assert await value(on, on.specimen.wrong) < 0.6


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_it_is_one_line_and_says_which_windows_it_saw(name: str, on: Bench) -> None:
    explanation = await read(on, name)

    assert explanation.text.strip()
    assert "\n" not in explanation.text
    assert set(explanation.shown) <= {example.window for example in on.specimen.explain}
    assert len(set(explanation.shown)) == len(explanation.shown) > 0


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_the_order_of_the_examples_does_not_matter(name: str, on: Bench) -> None:
    turned = Bench(replace(on.specimen, explain=on.specimen.explain[::-1]), on.tools)

    assert await explain(on, name) == await explain(turned, name)


@pytest.mark.parametrize("name", EXPLAINERS)
async def test_the_same_seed_gives_the_same_explanation(name: str, on: Bench) -> None:
    assert await explain(on, name) == await explain(bench(Scripted(), seed=3), name)


@pytest.mark.parametrize("name", EXPLAINERS)
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
