"""Keys and the journal on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from autointerp.domain.keys import Key, Scope, Token, new_token, read_token
from autointerp.errors import NotFound
from autointerp.storage import journal, keys, rates
from autointerp.storage.engine import Database
from autointerp.storage.journal import Deed


def _make(database: Database, token: Token, *, expires_at: datetime | None = None) -> Key:
    with database.write() as session:
        return keys.create(session, token, name="lab", scope=Scope.RUN, requests_per_minute=60, expires_at=expires_at)


def test_a_key_is_found_by_its_token_alone(database: Database) -> None:
    token = new_token()
    made = _make(database, token)

    with database.read() as session:
        assert keys.find(session, token) == made
        assert keys.find(session, Token(token.id, new_token().secret)) is None
        assert keys.find(session, Token(new_token().id, token.secret)) is None


def test_a_secret_is_compared_in_constant_time_by_construction() -> None:
    token = new_token()

    assert (token.fits(token.digest), token.fits(keys.NOBODY)) == (True, False)
    assert "compare_digest" in Token.fits.__code__.co_names
    # Also where there is no such key.
    assert {"fits", "NOBODY"} <= set(keys.find.__code__.co_names)


def test_a_key_ends_when_it_expires_or_is_revoked(database: Database) -> None:
    moment = datetime.now(UTC)
    ending, lasting = _make(database, new_token(), expires_at=moment + timedelta(hours=1)), _make(database, new_token())
    with database.write() as session:
        revoked = keys.revoke(session, lasting.id)
        again = keys.revoke(session, lasting.id)

    assert (ending.is_valid(moment), ending.is_valid(moment + timedelta(hours=2))) == (True, False)
    assert (lasting.is_valid(moment), revoked.is_valid(moment)) == (True, False)
    assert revoked.revoked_at == again.revoked_at


def test_whether_there_is_a_valid_key(database: Database) -> None:
    def valid() -> bool:
        with database.read() as session:
            return keys.any_valid(session)

    found = [valid()]
    _make(database, new_token(), expires_at=datetime.now(UTC) - timedelta(hours=1))
    found.append(valid())
    made = _make(database, new_token())
    found.append(valid())
    with database.write() as session:
        keys.revoke(session, made.id)

    assert [*found, valid()] == [False, False, True, False]


def test_a_key_that_is_not_there_is_told(database: Database) -> None:
    with pytest.raises(NotFound, match="no key 'none'"), database.write() as session:
        keys.revoke(session, "none")


def test_the_journal_keeps_what_it_is_told(database: Database) -> None:
    deeds = [Deed("0123456789ab", "POST", "/v1/runs", "r" * 5_000, 202), Deed(None, "GET", None, "\x00", 401)]
    with database.write() as session:
        for deed in deeds:
            journal.write(session, deed)

    with database.read() as session:
        first, second = journal.list_lines(session, key_id=None, after=None, limit=10)
        assert journal.list_lines(session, key_id="0123456789ab", after=None, limit=10) == [first]
        assert journal.list_lines(session, key_id=None, after=first.id, limit=10) == [second]
    assert (len(first.deed.record or ""), second.deed.status) == (journal.LONGEST_RECORD, 401)


def test_a_turn_that_is_not_there_takes_nothing(database: Database) -> None:
    with database.write() as session:
        taken = [rates.try_turn(session, "a", 20.0, burst=60.0) for _ in range(3)]
        refused = [rates.try_turn(session, "a", 20.0, burst=60.0) for _ in range(3)]
        smaller = rates.try_turn(session, "b", 20.0, burst=60.0)

    assert [*taken, smaller] == [0.0] * 4
    assert all(19 <= wait <= 20 for wait in refused)


def test_a_token_reads_back_and_shows_no_secret_by_accident() -> None:
    token = new_token()

    assert read_token(str(token)) == token
    assert token.secret not in repr(token)
    assert [read_token(text) for text in ("", str(token)[1:], f"{token}\n", str(token).upper())] == [None] * 4


@pytest.mark.parametrize(("scope", "holds"), [(Scope.READ, 1), (Scope.RUN, 2), (Scope.ADMIN, 3)])
def test_each_scope_holds_those_before_it(scope: Scope, holds: int) -> None:
    assert [scope.holds(other) for other in Scope] == [True] * holds + [False] * (3 - holds)
