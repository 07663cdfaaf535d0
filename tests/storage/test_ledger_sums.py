"""The ledger's sums: whatever the order in which lines are committed, each is counted once and read seldom."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Attempt, AttemptStatus
from autointerp.storage import calls, ledger_sums
from autointerp.storage.engine import Database
from autointerp.storage.ledger_sums import LedgerSums
from autointerp.storage.tables.books import CallTable

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few lines that a test can write them."""
    monkeypatch.setattr(ledger_sums, "FRESH", 3)
    monkeypatch.setattr(ledger_sums, "PAGE", 4)


def lines(count: int, *, status: AttemptStatus = AttemptStatus.ANSWERED, seconds: float = 1.0) -> list[Attempt]:
    return [
        Attempt(
            run=None,
            request="r" * 64,
            prompt=None,
            endpoint="openai",
            model_asked="m",
            model_answered=None,
            status=status,
            attempt=number,
            usage=Usage(input=1, output=2),
            cost=3,
            provider_request=None,
            error=None,
            started_at=START,
            finished_at=START + timedelta(seconds=seconds),
        )
        for number in range(count)
    ]


def count(database: Database, sums: LedgerSums) -> int | None:
    with database.read() as session:
        found = sums.read(session)
    return None if found is None else sum(one.lines for one in found.values())


@pytest.mark.usefixtures("few")
def test_every_line_is_counted_once_however_often_one_reads(database: Database) -> None:
    sums, found = LedgerSums(), []
    for more in (0, 2, 5, 0, 11, 1):
        if more:
            with database.write() as session:
                calls.record(session, lines(more))
        found.append(count(database, sums))

    assert found == [0, 2, 7, 7, 18, 19]


@pytest.mark.usefixtures("few")
def test_a_line_that_is_committed_late_is_counted(database: Database) -> None:
    sums = LedgerSums()
    with database.write() as session:
        calls.record(session, lines(8))
        session.sql.execute(sa.update(CallTable).where(CallTable.id == 7).values(id=1_000))
    with database.write() as session:
        session.sql.execute(sa.update(CallTable).where(CallTable.id == 1_000).values(id=9))

    before = count(database, sums)
    with database.write() as session:
        session.sql.execute(sa.update(CallTable).where(CallTable.id == 9).values(id=7))
        calls.record(session, lines(1))

    assert (before, count(database, sums)) == (8, 9)


@pytest.mark.usefixtures("few")
def test_settled_lines_are_not_read_again(database: Database) -> None:
    sums = LedgerSums()
    with database.write() as session:
        calls.record(session, lines(10))
    assert count(database, sums) == 10

    with database.write() as session:
        session.sql.execute(sa.delete(CallTable).where(CallTable.id <= 7))

    assert count(database, sums) == 10


@pytest.mark.usefixtures("few")
def test_a_long_ledger_is_read_in_several_readings(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_sums, "PATIENCE", -1.0)
    sums = LedgerSums()
    with database.write() as session:
        calls.record(session, lines(10))

    first = count(database, sums)
    monkeypatch.setattr(ledger_sums, "PATIENCE", 10.0)

    assert (first, count(database, sums)) == (None, 10)
