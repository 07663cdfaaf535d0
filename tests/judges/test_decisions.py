"""The judge by decisions: one question a passage, the probability of yes as its confidence, and nothing made up."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from autointerp.domain.calls import Decided, Finish, Reply, Request, Usage
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence, Passage, Question
from autointerp.errors import InvalidSpec
from autointerp.llm.base import BadRequest, Malformed, MissingCapability, TimedOut
from autointerp.testing.rehearsal import Scripted, bench, honestly

QUESTIONS = [
    Question("detection", 'The word "red".', Passage((f" {i}", " red" if i % 2 else " no"))) for i in range(12)
]


async def ask(llm: Scripted, questions: list[Question], options: dict[str, object] | None = None) -> list[Answer]:
    return list(await bench(llm, seed=3).judge("decisions", options).answer(questions))


def deciding(*decided: Decided) -> Callable[[Request], Reply]:
    def script(request: Request) -> Reply:
        return Reply("", Finish.STOP, Usage(), request.model, raw="", decided=decided)

    return script


async def test_each_passage_is_a_question_of_its_own_about_what_all_share() -> None:
    llm = Scripted()
    answers = await ask(llm, QUESTIONS, {"questions": 5})

    assert sorted(len(request.questions) for request in llm.requests) == [2, 5, 5]
    assert len({request.messages for request in llm.requests}) == 1
    rules, claim = llm.requests[0].messages
    assert rules.shared
    assert claim.text == 'Explanation: "The word \\"red\\"."'
    assert json.loads(llm.requests[0].questions[0].text.splitlines()[-1]).keys() == {"text"}
    assert [answer.verdict for answer in answers] == [bool(i % 2) for i in range(12)]


async def test_the_confidence_is_the_probability_of_yes_and_says_that_it_was_decided() -> None:
    script = deciding(Decided("e000", 0.51), Decided("e001", 0.5))
    answers = await ask(Scripted(script), QUESTIONS[:2])

    assert [(a.verdict, a.confidence, a.kind) for a in answers if a.verdict] == [(True, 0.51, Confidence.DECISION)]
    assert [(a.confidence, a.kind) for a in answers if not a.verdict] == [(0.5, Confidence.DECISION)]


async def test_the_threshold_can_be_set() -> None:
    script = deciding(Decided("e000", 0.3))

    [answer] = await ask(Scripted(script), QUESTIONS[:1], {"threshold": 0.2})

    assert answer.verdict is True


@pytest.mark.parametrize("kind", [UnreadKind.REFUSED, UnreadKind.UNDECIDED, UnreadKind.MISSING])
async def test_a_question_that_is_not_decided_is_unread_and_the_others_are_answered(kind: UnreadKind) -> None:
    llm = Scripted(deciding(Decided("e000", None, kind), Decided("e001", 0.9)))
    answers = await ask(llm, QUESTIONS[:2])

    unread = Answer(None, unread=kind, request=llm.requests[0].key)
    assert unread in answers
    assert sorted(answer.confidence or 0 for answer in answers) == [0, 0.9]


async def test_a_question_that_the_reply_leaves_out_is_missing() -> None:
    answers = await ask(Scripted(deciding(Decided("e001", 0.9))), QUESTIONS[:2])

    assert sorted(str(answer.unread) for answer in answers) == ["None", "missing"]


@pytest.mark.parametrize("failure", [BadRequest("too long"), Malformed("html")])
async def test_a_request_that_fails_for_itself_leaves_its_questions_unread(failure: Exception) -> None:
    first: list[str] = []

    def script(request: Request) -> Reply:
        first.append(request.key)
        if request.key == first[0]:
            raise failure
        return honestly(request)

    answers = await ask(Scripted(script), QUESTIONS, {"questions": 5})

    assert [answer.unread for answer in answers if answer.verdict is None] == [UnreadKind.FAILED] * 5


@pytest.mark.parametrize("failure", [MissingCapability("no decisions"), TimedOut("slow")])
async def test_a_failure_that_says_nothing_of_this_request_ends_the_batch(failure: Exception) -> None:
    def script(request: Request) -> str:
        raise failure

    with pytest.raises(type(failure)):
        await ask(Scripted(script), QUESTIONS)


async def test_a_question_asked_twice_is_paid_for_once() -> None:
    llm = Scripted()
    answers = await ask(llm, [QUESTIONS[0], QUESTIONS[1], QUESTIONS[0]])

    assert len(llm.requests[0].questions) == 2
    assert answers[0] == answers[2]


async def test_a_pair_of_texts_is_one_question() -> None:
    llm = Scripted()
    pair = Question("intervention", 'The word "red".', Passage((" red",)), Passage((" no",)))
    turned = replace(pair, passage=Passage((" no",)), rival=Passage((" red",)))

    answers = await ask(llm, [pair, turned])

    assert [answer.verdict for answer in answers] == [True, False]
    assert json.loads(llm.requests[0].questions[0].text.splitlines()[-1]).keys() == {"text", "rival"}


async def test_a_task_without_a_prompt_is_told_by_the_prompts_that_exist() -> None:
    with pytest.raises(InvalidSpec, match="decisions/detection"):
        await ask(Scripted(), [Question("telepathy", "x", Passage(("y",)))])
