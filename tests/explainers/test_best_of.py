"""The best of several candidates is the one that holds best on the validation split."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer, Judge, Question
from autointerp.domain.plan import build_explainer
from autointerp.domain.specs import PluginSpec
from autointerp.domain.tools import Tools
from autointerp.errors import InvalidSpec
from autointerp.llm.honest import answer
from autointerp.testing.rehearsal import Bench, Scripted, bench

HERE = __name__
RIGHT = 'Colours such as "red", "green", "blue", "yellow" or "purple"'
WRONG = 'Animals such as "horse", "goat" or "otter"'
SOME = 'Colours such as "red" or "green"'
LEXICAL = {"name": "detection", "judge": "lexical"}


class Config(BaseModel):
    """An explainer, and a judge, for this test: the explainer says what it is told."""

    text: str = ""
    fails: bool = False

    def build(self, tools: Tools) -> "Told":
        return Told(self)


class Told:
    """Says what it is told."""

    seen: ClassVar[list[Split]] = []

    def __init__(self, config: Config) -> None:
        self._config = config

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        Told.seen += [example.split for example in examples]
        if self._config.fails:
            return Unread(UnreadKind.FAILED, "told to fail")
        return Explanation(self._config.text, (examples[0].window,))


def told(*texts: str) -> list[dict[str, Any]]:
    return [{"name": HERE, "options": {"text": text}} for text in texts]


def saying(*texts: str) -> Scripted:
    """A language model that gives each explanation a draw of its own, and judges honestly."""

    def reply(request: Request) -> str:
        if "Explanation:" in request.messages[-1].text:
            return answer(request.messages, request.schema)
        return json.dumps({"explanation": texts[request.sample // 1000 % len(texts)]})

    return Scripted(reply)


async def explain(here: Bench, **options: object) -> Explanation | Unread:
    explainer = here.explainer("best_of", options)
    return await explainer.explain(here.specimen.feature, here.specimen.explain + here.specimen.validation)


@pytest.mark.parametrize("texts", [(WRONG, SOME, RIGHT), (RIGHT, WRONG, SOME), (SOME, RIGHT, WRONG)])
async def test_the_candidate_that_holds_best_on_validation_wins_wherever_it_stands(texts: tuple[str, ...]) -> None:
    explanation = await explain(bench(Scripted(), seed=3), explainer=told(*texts), n=1, scorer=LEXICAL)

    assert isinstance(explanation, Explanation)
    assert explanation.text == RIGHT


async def test_draws_of_one_explainer_differ_and_the_winner_names_its_own_request() -> None:
    llm = saying(WRONG, RIGHT, SOME)
    explanation = await explain(bench(llm, seed=3), n=3, scorer=LEXICAL)

    assert isinstance(explanation, Explanation)
    assert explanation.text == RIGHT
    assert [request.sample for request in llm.requests] == [0, 1000, 2000]
    assert len({request.messages for request in llm.requests}) == 3  # each looks at other examples, in other words
    assert explanation.request == llm.requests[1].key


async def test_candidates_of_an_explainer_that_wants_all_there_is_still_see_different_examples() -> None:
    llm = saying(WRONG, RIGHT, SOME)
    greedy = {"name": "default", "options": {"examples": 1000}}

    await explain(bench(llm, seed=3), explainer=greedy, n=3, scorer=LEXICAL)

    assert len({frozenset(request.messages[-1].text.split("\n")) for request in llm.requests}) == 3


async def test_the_first_candidate_is_what_the_explainer_alone_would_ask() -> None:
    alone, among = Scripted(), Scripted()
    here = bench(alone, seed=3)
    await here.explainer("default").explain(here.specimen.feature, here.specimen.explain)

    await explain(bench(among, seed=3), n=3, scorer=LEXICAL)

    assert alone.requests[0].key == among.requests[0].key


async def test_by_default_the_language_model_judges_each_different_candidate_once() -> None:
    llm = saying(RIGHT, WRONG, RIGHT)
    explanation = await explain(bench(llm, seed=3))

    judged = [request.messages[-1].text.split("\n")[0] for request in llm.requests[3:]]
    assert isinstance(explanation, Explanation)
    assert explanation.text == RIGHT
    assert {judged.count(line) for line in judged} == {len(judged) // 2}


async def test_candidates_of_one_text_are_not_judged_at_all() -> None:
    llm = saying(RIGHT)
    await explain(bench(llm, seed=3))

    assert len(llm.requests) == 3


async def test_the_earliest_of_equal_candidates_wins() -> None:
    here = bench(Scripted(), seed=3)
    same = [RIGHT, f"{RIGHT}.", f"{RIGHT}!"]

    for texts in (same, same[::-1]):
        explanation = await explain(here, explainer=told(*texts), n=1, scorer=LEXICAL)
        assert isinstance(explanation, Explanation)
        assert explanation.text == texts[0]


async def test_where_no_value_is_defined_the_earliest_candidate_wins() -> None:
    here = bench(Scripted(), seed=3)
    explainer = here.explainer("best_of", {"explainer": told(WRONG, RIGHT), "n": 1, "scorer": LEXICAL})

    explanation = await explainer.explain(here.specimen.feature, here.specimen.explain)

    assert isinstance(explanation, Explanation)
    assert explanation.text == WRONG


class Reading:
    """A judge that can only be read on some explanations."""

    def __init__(self, judge: Judge, unread: str) -> None:
        self._judge = judge
        self._unread = unread

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        if questions[0].explanation == self._unread:
            return [Answer(None, unread=UnreadKind.REFUSED)] * len(questions)
        return await self._judge.answer(questions)


async def test_the_winner_keeps_all_that_were_tried_with_their_values() -> None:
    llm = saying(WRONG, RIGHT, SOME)
    explanation = await explain(bench(llm, seed=3), n=3, scorer=LEXICAL)

    assert isinstance(explanation, Explanation)
    assert [one.text for one in explanation.candidates] == [WRONG, RIGHT, SOME]
    assert [one.request for one in explanation.candidates] == [request.key for request in llm.requests[:3]]
    wrong, right, some = (one.value for one in explanation.candidates)
    assert wrong is not None
    assert right is not None
    assert some is not None
    assert wrong < some < right


async def test_one_candidate_was_not_chosen_from_several() -> None:
    explanation = await explain(bench(saying(RIGHT), seed=3), n=3, scorer=LEXICAL)

    assert isinstance(explanation, Explanation)
    assert explanation.candidates == ()


async def test_an_undefined_value_loses_to_the_worst_defined_one() -> None:
    here = bench(Scripted(), seed=3)
    made = here.explainer("best_of", {"explainer": told(RIGHT, WRONG), "n": 1, "scorer": LEXICAL})
    reading = replace(made, scorer=here.scorer("detection", Reading(here.judge("lexical"), RIGHT)))  # type: ignore[type-var]

    explanation = await reading.explain(here.specimen.feature, here.specimen.explain + here.specimen.validation)

    assert isinstance(explanation, Explanation)
    assert explanation.text == WRONG
    lost, _ = explanation.candidates
    assert (lost.text, lost.value) == (RIGHT, None)
    assert lost.undefined


async def test_candidates_see_the_explain_split_alone() -> None:
    Told.seen.clear()
    await explain(bench(Scripted(), seed=3), explainer=told(RIGHT, WRONG), n=2, scorer=LEXICAL)

    assert set(Told.seen) == {Split.EXPLAIN}


async def test_the_judge_is_asked_about_windows_of_the_validation_split_only() -> None:
    llm = saying(RIGHT, WRONG)
    here = bench(llm, seed=3)
    await explain(here, n=2)

    validation = {json.dumps(example.text)[1:-1] for example in here.specimen.validation}
    asked = [line for request in llm.requests[2:] for line in request.messages[-1].text.split("\n")[1:]]
    assert asked
    assert all(next(iter(json.loads(line).values())) in validation for line in asked)


async def test_a_candidate_that_fails_is_left_out_and_only_failures_fail() -> None:
    here, broken = bench(Scripted(), seed=3), {"name": HERE, "options": {"fails": True}}

    explanation = await explain(here, explainer=[broken, *told(RIGHT)], n=1, scorer=LEXICAL)
    unread = await explain(here, explainer=[broken], n=2, scorer=LEXICAL)

    assert isinstance(explanation, Explanation)
    assert explanation.text == RIGHT
    assert isinstance(unread, Unread)
    assert unread.detail == "told to fail"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"explainer": "best_of"}, "validation split, which best_of sees too"),
        ({"explainer": []}, "at least one explainer"),
        ({"explainer": "oracle"}, "no explainer 'oracle'"),
        ({"explainer": {"name": "default", "options": {"colour": 1}}}, "colour"),
        ({"scorer": "detection"}, "needs a judge"),
        ({"n": 0}, "n:"),
    ],
)
def test_what_cannot_be_done_is_told_when_it_is_built(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        bench(Scripted(), seed=3).explainer("best_of", options)


def test_no_explainer_is_built_with_the_sample_of_the_score_split() -> None:
    tools = replace(bench(Scripted(), seed=3).tools, sample=object())  # type: ignore[arg-type]

    made = build_explainer(PluginSpec(name="best_of"), tools)

    assert made.tools.sample is None  # type: ignore[attr-defined]


def test_retrieval_cannot_try_candidates_and_the_reason_is_told() -> None:
    retrieval = {"name": "retrieval", "judge": "lexical"}
    spec = PluginSpec(name="best_of", options={"explainer": told(RIGHT), "scorer": retrieval})

    with pytest.raises(InvalidSpec, match="sample of the score split, which no explainer may see"):
        build_explainer(spec, bench(Scripted(), seed=3).tools)
