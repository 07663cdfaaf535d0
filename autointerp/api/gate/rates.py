"""How many requests a minute a key has, counted in the database for all processes of the API together."""

import threading
import time

from autointerp.domain.keys import Key
from autointerp.errors import TooMany
from autointerp.storage import rates
from autointerp.storage.engine import Database

MINUTE = 60.0
DRAWS = 10  # a process draws a tenth of a minute's requests at once, so that not every request writes


class Rates:
    """Hands out requests; safe to share between threads. What a process has drawn and not used stays its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._drawn: dict[str, int] = {}
        self._closed_until: dict[str, float] = {}

    def take(self, key: Key) -> None:
        """Take one request; TooMany says when there is one again."""
        if key.requests_per_minute is None or self._take_drawn(key.id):
            return
        wait = self._closed_until.get(key.id, 0.0) - time.monotonic()
        if wait <= 0:
            wait = self._draw(key.id, key.requests_per_minute)
        if wait > 0:
            raise TooMany(
                f"the key {key.id} has used up its {key.requests_per_minute} requests a minute; "
                f"ask again in {wait:.1f} s",
                wait=wait,
            )

    def _take_drawn(self, key_id: str) -> bool:
        with self._lock:
            left = self._drawn.get(key_id, 0)
            if left:
                self._drawn[key_id] = left - 1
            return left > 0

    def _draw(self, key_id: str, limit: int) -> float:
        """Draw requests and take one of them; otherwise return the seconds until there is one."""
        count, bucket, each = max(1, limit // DRAWS), f"key/{key_id}", MINUTE / limit
        with self._database.write() as session:
            wait = rates.try_turn(session, bucket, count * each, burst=MINUTE)
            if wait:
                count, wait = 1, rates.try_turn(session, bucket, each, burst=MINUTE)
        with self._lock:
            if wait:
                self._closed_until[key_id] = time.monotonic() + wait
            else:
                self._drawn[key_id] = self._drawn.get(key_id, 0) + count - 1
        return wait
