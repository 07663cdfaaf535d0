"""Rates that workers share through the database."""

import asyncio
import time

from autointerp.storage import rates
from autointerp.storage.engine import Database
from autointerp.storage.llm_books import open_books


async def test_two_workers_together_keep_to_one_rate(database: Database) -> None:
    other = Database(database.url)
    began = time.monotonic()
    async with open_books(database) as one, open_books(other) as two:
        turns = [books.turn("e/requests", 0.5, burst=1.0) for books in (one, two) for _ in range(10)]
        waits = sorted(await asyncio.gather(*turns))
    passed = time.monotonic() - began
    other.close()

    # Two of the twenty find a second gathered and one finds the bucket just free; each of the others waits for those
    # before it. Meanwhile time goes on, so that the last waits less.
    assert waits[:2] == [0.0, 0.0]
    assert 8.5 - passed - 0.01 <= waits[-1] <= 8.5
    assert len({round(wait, 6) for wait in waits}) >= 17


async def test_another_bucket_is_another_rate(database: Database) -> None:
    with database.write() as session:
        first = rates.turn(session, "a", 100.0, burst=1.0)
        other = rates.turn(session, "b", 100.0, burst=1.0)
        again = rates.turn(session, "a", 100.0, burst=1.0)

    assert (0.0, 0.0) == (first, other)
    assert 98 <= again <= 99
