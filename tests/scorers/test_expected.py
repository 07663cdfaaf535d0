"""Expected values read from the odds of the labels."""

import math

import pytest

from autointerp.domain.calls import Finish, Reply, TokenLogprob, Usage
from autointerp.scorers._expected import expectation, of_fields


def token(text: str, **odds: float) -> TokenLogprob:
    return TokenLogprob(text.encode(), math.log(odds.pop("own", 0.5)), said(odds))


def said(odds: dict[str, float]) -> tuple[tuple[bytes, float], ...]:
    return tuple((name.lstrip("_").encode(), math.log(p)) for name, p in odds.items())


def reply(*tokens: TokenLogprob) -> Reply:
    text = b"".join(one.token for one in tokens).decode()
    return Reply(text, Finish.STOP, Usage(), "m", raw=text, logprobs=tokens)


def test_it_is_the_mean_of_the_labels_by_their_renormalised_odds() -> None:
    one = token("3", own=0.5, _2=0.25, _10=0.05, _11=0.1, x=0.1)

    assert expectation(one, most=10, least_mass=0.5) == pytest.approx((3 * 0.5 + 2 * 0.25 + 10 * 0.05) / 0.8, abs=1e-4)


def test_labels_are_known_with_the_space_and_the_comma_around_them() -> None:
    one = TokenLogprob(b" 3,", math.log(0.5), ((b": 5", math.log(0.5)), (b" four", -9.0)))

    assert expectation(one, most=10, least_mass=0.5) == pytest.approx(4.0)


def test_where_hardly_any_weight_lies_on_labels_there_is_no_expected_value() -> None:
    one = token("?", own=0.9, _7=0.02, _3=0.02)

    assert expectation(one, most=9, least_mass=0.5) is None
    assert expectation(one, most=9, least_mass=0.0) == pytest.approx(5.0)
    assert expectation(token("?", own=0.9), most=9, least_mass=0.0) is None


def test_each_field_gets_the_odds_of_its_own_token() -> None:
    answer = reply(
        token('{"'), token("1"), token('":'), token(" 0", own=0.75, _4=0.25), token(","), token(' "'), token("2"),
        token('":'), token(" 9", own=1.0), token("}"),
    )  # fmt: skip

    assert of_fields(answer, {"1": 0, "2": 9}, most=10) == (1.0, 9.0)


def test_a_ten_that_is_spelled_in_two_tokens_is_still_a_ten() -> None:
    answer = reply(token('{"1":'), token("1", own=0.8, _9=0.2), token("0"), token("}"))

    assert of_fields(answer, {"1": 10}, most=10) == (pytest.approx(9.8),)


def test_numbers_stay_as_written_where_the_odds_are_of_another_text() -> None:
    answer = reply(token('{"1":'), token("4", own=0.5, _9=0.5), token("}"))
    other = Reply('{"1": 4}', Finish.STOP, Usage(), "m", raw="", logprobs=answer.logprobs)

    assert of_fields(other, {"1": 4}, most=10) == (4.0,)
