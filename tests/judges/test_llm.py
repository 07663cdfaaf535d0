"""The language-model judge: a few questions a request, and what cannot be read is not judged."""

import json
from collections.abc import Callable

import pytest

from autointerp.domain.calls import Finish, Reply, Request, TokenLogprob, Usage
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence, Lineup, Passage, Pick, Picker, Question
from autointerp.errors import InvalidSpec
from autointerp.judges._labels import probability
from autointerp.llm.base import BadRequest, Malformed, MissingCapability, TimedOut
from autointerp.testing.rehearsal import Scripted, bench, honestly

QUESTIONS = [
    Question("detection", 'The word "red".', Passage((f" {i}", " red" if i % 2 else " no"))) for i in range(12)
]


def reply(request: Request, text: str, finish: Finish = Finish.STOP, logprobs: tuple[TokenLogprob, ...] = ()) -> Reply:
    return Reply(text, finish, Usage(), request.model, raw=text, logprobs=logprobs)


async def ask(llm: Scripted, questions: list[Question], options: dict[str, object] | None = None) -> list[Answer]:
    return list(await bench(llm, seed=3).judge("llm", options).answer(questions))


async def test_five_questions_go_into_a_request_with_one_required_boolean_each() -> None:
    llm = Scripted()
    answers = await ask(llm, QUESTIONS, {"questions": 5})

    sizes = [len(json.loads(request.schema or "")["required"]) for request in llm.requests]
    assert sorted(sizes) == [2, 5, 5]
    assert json.loads(llm.requests[0].schema or "")["required"] == ["a", "b", "c", "d", "e"]
    assert [answer.verdict for answer in answers] == [bool(i % 2) for i in range(12)]


async def test_the_last_message_is_the_explanation_and_one_json_object_a_passage() -> None:
    llm = Scripted()
    await ask(llm, QUESTIONS[:3])

    first, *lines = llm.requests[0].messages[-1].text.split("\n")
    assert first == 'Explanation: "The word \\"red\\"."'
    assert [next(iter(json.loads(line))) for line in lines] == ["a", "b", "c"]


async def test_what_many_requests_share_is_the_same_byte_for_byte() -> None:
    llm = Scripted()
    await ask(llm, QUESTIONS)

    assert len({request.messages[:-1] for request in llm.requests}) == 1
    assert llm.requests[0].messages[-2].shared


async def test_questions_on_different_explanations_never_share_a_request() -> None:
    llm = Scripted()
    other = [Question("detection", 'The word "no".', question.passage) for question in QUESTIONS[:3]]
    answers = await ask(llm, QUESTIONS[:3] + other)

    assert [answer.verdict for answer in answers] == [False, True, False, True, False, True]
    assert len(llm.requests) == 2


async def test_a_question_asked_twice_is_paid_for_once() -> None:
    llm = Scripted()
    answers = await ask(llm, [QUESTIONS[0], QUESTIONS[1], QUESTIONS[0]])

    assert len(llm.requests[0].messages[-1].text.split("\n")) == 3
    assert answers[0] == answers[2]


async def test_another_seed_puts_other_questions_together() -> None:
    first, second = Scripted(), Scripted()
    await bench(first, seed=3).judge("llm").answer(QUESTIONS)
    await bench(second, seed=4).judge("llm").answer(QUESTIONS)

    assert {r.key for r in first.requests} != {r.key for r in second.requests}


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (lambda r: reply(r, '{"a": true', Finish.LENGTH), UnreadKind.TRUNCATED),
        (lambda r: reply(r, "I cannot help.", Finish.REFUSAL), UnreadKind.REFUSED),
        (lambda r: reply(r, "", Finish.FILTER), UnreadKind.FILTERED),
        (lambda r: reply(r, ""), UnreadKind.EMPTY),
        (lambda r: reply(r, "yes, yes, no"), UnreadKind.PROSE),
        (lambda r: reply(r, '{"a": true}'), UnreadKind.WRONG_COUNT),
        (lambda r: reply(r, '{"a": "true", "b": false}'), UnreadKind.UNPARSABLE),
        (lambda r: reply(r, '{"a": true, "b": null}'), UnreadKind.UNPARSABLE),
        (lambda r: reply(r, '{"a": true, "b": false, "c": true}'), UnreadKind.WRONG_COUNT),
        (lambda r: reply(r, '{"a": 1, "b": 0}'), UnreadKind.UNPARSABLE),
    ],
)
async def test_a_reply_that_cannot_be_read_answers_none_of_its_questions(
    script: Callable[[Request], Reply], kind: UnreadKind
) -> None:
    llm = Scripted(script)
    answers = await ask(llm, QUESTIONS[:2])

    final = (UnreadKind.TRUNCATED, UnreadKind.REFUSED, UnreadKind.FILTERED)
    assert [request.sample for request in llm.requests] == ([0] if kind in final else [0, 1])
    assert answers == [Answer(None, unread=kind, request=llm.requests[-1].key)] * 2


async def test_a_second_reply_that_can_be_read_is_read_and_named() -> None:
    llm = Scripted(lambda r: honestly(r) if r.sample else reply(r, "let me think"))
    answers = await ask(llm, QUESTIONS[:2])

    assert [answer.verdict for answer in answers] == [False, True]
    assert {answer.request for answer in answers} == {llm.requests[1].key}


@pytest.mark.parametrize(
    ("failure", "kind"), [(BadRequest("too long"), UnreadKind.FAILED), (Malformed("html"), UnreadKind.MALFORMED)]
)
async def test_a_request_that_fails_for_itself_leaves_its_questions_unread_and_the_others_answered(
    failure: Exception, kind: UnreadKind
) -> None:
    first: list[str] = []

    def script(request: Request) -> str:
        first.append(request.key)
        if request.key == first[0]:
            raise failure
        return honestly(request)

    answers = await ask(Scripted(script), QUESTIONS, {"questions": 5})

    unread = [answer for answer in answers if answer.verdict is None]
    assert {answer.unread for answer in unread} == {kind}
    assert len(unread) == 5


@pytest.mark.parametrize("failure", [MissingCapability("no schema"), TimedOut("slow")])
async def test_a_failure_that_says_nothing_of_this_request_ends_the_batch(failure: Exception) -> None:
    def script(request: Request) -> str:
        raise failure

    with pytest.raises(type(failure)):
        await ask(Scripted(script), QUESTIONS)


async def test_a_task_without_a_prompt_is_told_by_the_prompts_that_exist() -> None:
    with pytest.raises(InvalidSpec, match="scorers/detection"):
        await ask(Scripted(), [Question("telepathy", "x", Passage(("y",)))])


def tokens(*parts: tuple[str, float, dict[str, float]]) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(text.encode(), logprob, tuple((t.encode(), p) for t, p in others.items()))
        for text, logprob, others in parts
    )


def said(*parts: tuple[str, float, dict[str, float]]) -> Reply:
    text = "".join(text for text, _, _ in parts)
    return Reply(text, Finish.STOP, Usage(), "m", raw="", logprobs=tokens(*parts))


def test_the_confidence_is_the_odds_of_true_at_the_value_of_the_field() -> None:
    found = said(
        ('{"e00":', 0, {}),
        (" true", -0.2231, {" false": -1.6094, "true": -9999.0}),  # 0.8 and 0.2
        (', "e01', 0, {}),
        ('": ', 0, {}),
        ("f", -0.1054, {"t": -2.3026}),  # 0.9 and 0.1
        ("alse}", 0, {}),
    )

    assert probability(found, "e00") == pytest.approx(0.8, abs=1e-3)
    assert probability(found, "e01") == pytest.approx(0.1, abs=1e-3)
    assert probability(found, "e02") is None


def test_a_token_that_also_holds_the_colon_and_one_with_a_half_character_are_found() -> None:
    found = Reply(
        text='{"é":1,"e00":true}',
        finish=Finish.STOP,
        usage=Usage(),
        model="m",
        raw="",
        logprobs=(
            TokenLogprob(b'{"\xc3', 0),
            TokenLogprob(b'\xa9":1,"e00"', 0),
            TokenLogprob(b":true", -0.6931, ((b":false", -0.6931),)),
            TokenLogprob(b"}", 0),
        ),
    )

    assert probability(found, "e00") == pytest.approx(0.5, abs=1e-3)


def test_a_label_that_is_not_among_the_alternatives_is_bounded_by_the_least_of_them() -> None:
    found = said(('{"e00":', 0, {}), ("true", -0.01, {"1": -6.0, '"': -7.0}), ("}", 0, {}))

    assert probability(found, "e00") == pytest.approx(1 - 0.00091, abs=1e-4)


@pytest.mark.parametrize(
    "found",
    [
        said(('{"e00":', 0, {}), ("true", -3.0, {"maybe": -0.1}), ("}", 0, {})),
        Reply('{"e00":true}', Finish.STOP, Usage(), "m", raw=""),
        Reply('{"e00":false}', Finish.STOP, Usage(), "m", raw="", logprobs=tokens(('{"e00":true}', 0, {}))),
    ],
    ids=["little mass", "no logprobs", "logprobs of another text"],
)
def test_odds_that_say_nothing_are_no_confidence(found: Reply) -> None:
    assert probability(found, "e00") is None


async def test_confidences_come_with_the_answers_where_the_reply_has_them() -> None:
    def script(request: Request) -> Reply:
        return said(('{"a":', 0, {}), ("true", -0.1054, {"false": -2.3026}), ("}", 0, {}))

    [answer] = await ask(Scripted(script), QUESTIONS[:1], {"logprobs": 5})

    assert answer.verdict is True
    assert answer.kind is Confidence.LOGPROB
    assert answer.confidence == pytest.approx(0.9, abs=1e-3)


async def test_a_lineup_is_asked_about_once_and_answered_by_the_letter() -> None:
    llm = Scripted(lambda request: '{"odd": "b"}')
    one = Lineup("intruder", (Passage((" red",)), Passage((" no",)), Passage((" red",))))
    other = Lineup("intruder", (Passage((" no",)), Passage((" red",))), "Colours.")
    judge = bench(llm, seed=3).judge("llm", {"logprobs": 5})
    assert isinstance(judge, Picker)

    picks = await judge.pick([one, other, one])

    assert [pick.position for pick in picks] == [1, 1, 1]
    assert picks[0] == picks[2] == Pick(1, request=llm.requests[0].key)
    assert [request.messages[-1].text.split("\n") for request in llm.requests] == [
        ['{"a": " red"}', '{"b": " no"}', '{"c": " red"}'],
        ['Explanation: "Colours."', '{"a": " no"}', '{"b": " red"}'],
    ]
    assert [request.logprobs for request in llm.requests] == [None, None]
