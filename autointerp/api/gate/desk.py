"""The desk at the gate: looks keys up, counts their requests, and keeps the journal. It waits for the database."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from autointerp.api.gate.access import Caller
from autointerp.api.gate.rates import Rates
from autointerp.domain.keys import Key, Scope, Token
from autointerp.errors import AutointerpError, Forbidden, Unauthorised
from autointerp.storage import journal, keys
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.journal import Deed

MINUTE = 60.0
REFUSALS = 60  # kept in the journal each minute; more say nothing new, and could fill the disk
log = logging.getLogger(__name__)


class GateDesk:
    """Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rates = Rates(database)
        self._lock = threading.Lock()
        self._touched: dict[str, float] = {}
        self._refused: deque[float] = deque(maxlen=REFUSALS)

    def know(self, token: Token) -> Key:
        """Return the key that a token opens; Unauthorised when it opens nothing."""
        with self._database.read() as session:
            key = keys.find(session, token)
        if key is None:
            raise Unauthorised("there is no such key; ask an administrator for one, who runs `autointerp keys create`")
        if not key.is_valid(datetime.now(UTC)):
            how = "was revoked" if key.revoked_at is not None else f"expired at {key.expires_at:%Y-%m-%d %H:%M} UTC"
            raise Unauthorised(f"the key {key.id} {how}; ask an administrator for another")
        return key

    def admit(self, key: Key, needed: Scope) -> Caller:
        """Let a key in; Forbidden when it does not reach that far, TooMany when its requests are used up."""
        self._rates.take(key)
        if not key.scope.holds(needed):
            raise Forbidden(f"the key {key.id} has the scope {key.scope}, and this needs {needed}")
        return Caller(key, key.scope)

    def is_touch_due(self, key: Key) -> bool:
        """Whether the last use of a key was kept a minute ago or never; says so once."""
        with self._lock:
            moment = time.monotonic()
            due = moment - self._touched.get(key.id, moment - MINUTE) >= MINUTE
            if due:
                self._touched[key.id] = moment
            return due

    def touch(self, key: Key) -> None:
        """Keep when a key was last used."""
        self._write_quietly(lambda session: keys.touch(session, key.id, datetime.now(UTC)))

    def note(self, deed: Deed) -> None:
        """Write down what was done."""
        self._write_quietly(lambda session: journal.write(session, deed))

    def note_refusal(self, deed: Deed) -> None:
        """Write down who was refused, unless there were many such just now."""
        with self._lock:
            moment = time.monotonic()
            full = len(self._refused) == REFUSALS and moment - self._refused[0] < MINUTE
            if not full:
                self._refused.append(moment)
        if not full:
            self.note(deed)

    def _write_quietly(self, write: Callable[[WriteSession], None]) -> None:
        """Write after the answer was sent: what goes wrong now is for the log."""
        try:
            with self._database.write() as session:
                write(session)
        except AutointerpError as error:
            log.error("the journal of keys could not be written: %s", error.detail)
