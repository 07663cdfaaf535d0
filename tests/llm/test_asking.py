"""Several questions at once: the first failure ends the rest, but what only has to wait for a batch does not."""

import asyncio

import pytest

from autointerp.errors import Deferred, Unavailable
from autointerp.llm.asking import at_once


async def _later(answers: list[int], value: int) -> int:
    await asyncio.sleep(0.01 * value)
    answers.append(value)
    return value


async def _failing(error: Exception) -> int:
    raise error


async def test_answers_come_in_the_order_of_the_questions() -> None:
    assert await at_once(_later([], value) for value in (2, 1)) == [2, 1]


async def test_one_that_waits_for_a_batch_lets_the_rest_ask() -> None:
    answers: list[int] = []
    with pytest.raises(Deferred):
        await at_once([_failing(Deferred("later")), _later(answers, 1), _later(answers, 2)])
    assert answers == [1, 2]


async def test_a_failure_ends_the_rest() -> None:
    answers: list[int] = []
    with pytest.raises(Unavailable):
        await at_once([_later(answers, 1), _failing(Unavailable("down")), _failing(Deferred("later"))])
    assert answers == []
