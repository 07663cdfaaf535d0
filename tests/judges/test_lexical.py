"""What an explanation names, and what a passage holds of it."""

import pytest

from autointerp.domain.judging import Confidence, Lineup, Passage, Question
from autointerp.judges._words import Terms
from autointerp.judges.lexical import Lexical


def count(explanation: str, *pieces: str, marks: tuple[bool, ...] = ()) -> tuple[int, ...]:
    return Terms.of(explanation).counts(Passage(pieces, marks))


@pytest.mark.parametrize(
    ("explanation", "names"),
    [
        ('Tokens such as "def" (40%) or "class" (20%).', ("def", "class")),
        ('the token " self", right after "\\n"', ("self", "\n")),
        ("an opening “(” or the word `print`", ("(", "print")),
        ("the words 'red' and 'blue', it's clear", ("red", "blue")),
        ('a quote \\"x\\" or "\\""', ("x\\", '\\""')),
    ],
)
def test_quoted_tokens_come_first(explanation: str, names: tuple[str, ...]) -> None:
    found = Terms.of(explanation)

    assert found.quoted
    if "quote" not in explanation:
        assert found.names == names


def test_without_quotes_the_content_words_count_without_their_endings() -> None:
    assert Terms.of("Fires on words related to running horses and races").names == ("run", "hors", "rac")
    assert count("mentions of horses", " The", " horse", " horses") == (2,)


@pytest.mark.parametrize(
    ("name", "pieces", "times"),
    [
        ("red", (" Red", " redder", " red", "."), 2),
        ("None", (" none", " None"), 1),
        ("(", ("print", "(", "f", "("), 2),
        ("\\n", ("a", "\n", "b", "\n\n"), 3),
        ("ing", (" walk", "ing"), 1),
        ("def", (" default", " def"), 1),
        ("get value", (" get", " value"), 1),
    ],
)
def test_whole_words_and_whole_tokens_are_found(name: str, pieces: tuple[str, ...], times: int) -> None:
    assert count(f'"{name}"', *pieces) == (times,)


def test_marks_restrict_the_search_and_take_in_the_word_they_touch() -> None:
    pieces = (" sc", "orch", "ing", " red")

    assert count('"red"', *pieces, marks=(False, True, False, False)) == (0,)
    assert count('"red"', *pieces, marks=(False, False, False, True)) == (1,)
    assert count('"scorching"', *pieces, marks=(False, True, False, False)) == (1,)
    assert count('"orch"', *pieces, marks=(False, True, False, False)) == (1,)


async def test_a_name_that_every_passage_holds_weighs_less_than_a_rare_one() -> None:
    texts = [("print", "(")] * 3 + [("f", "(")] * 9
    questions = [Question("detection", '"(" right after "print"', Passage((*t, str(i)))) for i, t in enumerate(texts)]

    answers = await Lexical().answer(questions)

    assert [answer.verdict for answer in answers] == [True] * 3 + [False] * 9
    assert {answer.kind for answer in answers} == {Confidence.OVERLAP}


async def test_a_lone_question_is_answered_by_whether_anything_is_there() -> None:
    there = await Lexical().answer([Question("detection", '"red" or "blue"', Passage((" red",)))])
    absent = await Lexical().answer([Question("detection", '"red" or "blue"', Passage((" no",)))])

    assert (there[0].verdict, absent[0].verdict) == (True, False)


async def test_an_explanation_that_names_nothing_holds_nowhere() -> None:
    [answer] = await Lexical().answer([Question("detection", "it fires on the tokens", Passage((" red",)))])

    assert (answer.verdict, answer.confidence) == (False, 0.0)


async def test_a_rare_name_that_turns_up_by_chance_does_not_drown_a_common_one() -> None:
    held = [("def", f"{i}") for i in range(42)] + [("x", f"{i}") for i in range(56)]
    strays = [("\n\n", f"{i}") for i in range(2)]
    questions = [Question("fuzzing", '"def" right after "\\n\\n"', Passage(pieces)) for pieces in held + strays]

    answers = await Lexical().answer(questions)

    assert [answer.verdict for answer in answers[:98]] == [True] * 42 + [False] * 56


def lineup(*texts: str, explanation: str | None = None) -> Lineup:
    return Lineup("intruder", tuple(Passage((text,)) for text in texts), explanation)


async def test_the_odd_one_out_shares_least_words_with_the_others() -> None:
    [pick] = await Lexical().pick(
        [lineup("horses and carts", "a horse, a cart", "bread and butter", "the cart's horse")]
    )

    assert (pick.position, pick.kind) == (2, Confidence.OVERLAP)
    assert pick.confidence == pytest.approx(4 / 3)  # each of the others shares two words with two of three


async def test_with_an_explanation_the_odd_one_out_holds_fewest_of_its_names() -> None:
    [pick] = await Lexical().pick([lineup("red bread", "blue bread", "bread bread", explanation='"red" or "blue"')])

    assert pick.position == 2


async def test_where_marked_tokens_are_no_words_the_tokens_themselves_are_compared() -> None:
    marks = (False, True, False)
    texts = [("print", "(", "x"), ("len", "(", "y"), ("z", "[", "0"), ("f", "(", "q")]

    [pick] = await Lexical().pick([Lineup("intruder", tuple(Passage(text, marks) for text in texts))])

    assert pick.position == 2


async def test_among_equals_no_position_is_favoured() -> None:
    texts = [f"word{chr(97 + i)}" for i in range(26)]
    lineups = [lineup(*texts[i : i + 5]) for i in range(20)]

    picks = await Lexical().pick(lineups)

    assert len({pick.position for pick in picks}) > 1
    assert {pick.confidence for pick in picks} == {0.0}
    [turned] = await Lexical().pick([lineup(*texts[4::-1])])
    assert turned.position == 4 - (picks[0].position or 0)
