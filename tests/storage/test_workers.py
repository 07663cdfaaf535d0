"""Workers: their heartbeats, and the lock that lets one of them bury the dead."""

from datetime import timedelta

from autointerp.storage import workers
from autointerp.storage.engine import Database


def test_a_worker_that_beats_is_alive(database: Database) -> None:
    with database.write() as session:
        workers.beat(session, "w", kind="llm", queues=["llm", "harvest"])
    with database.write() as session:
        (first,) = workers.list_workers(session)
        workers.beat(session, "w", kind="llm", queues=["llm"])

    with database.read() as session:
        (worker,) = workers.list_workers(session)
        assert workers.dead(session, lease=timedelta(seconds=60)) == ()
    assert ("w", "llm", ("llm",)) == (worker.id, worker.kind, worker.queues)
    assert worker.started_at == first.started_at
    assert worker.beat_at >= first.beat_at


def test_a_worker_that_has_not_beaten_for_its_lease_is_dead_until_it_is_removed(database: Database) -> None:
    with database.write() as session:
        workers.beat(session, "w", kind="llm", queues=[])
        workers.beat(session, "v", kind="llm", queues=[])

    with database.write() as session:
        assert ["v", "w"] == [worker.id for worker in workers.dead(session, lease=timedelta(seconds=-1))]
        workers.remove(session, "v")
        assert ["w"] == [worker.id for worker in workers.list_workers(session)]


def test_a_lock_has_one_holder_until_the_end_of_its_transaction(database: Database) -> None:
    other = Database(database.url)
    if database.dialect == "sqlite":
        with database.write() as session:
            assert workers.try_lock(session, "reaper")
    else:
        with database.write() as session, other.write() as second:
            assert workers.try_lock(session, "reaper")
            assert not workers.try_lock(second, "reaper")
            assert workers.try_lock(second, "another")
    with other.write() as session:
        assert workers.try_lock(session, "reaper")
    other.close()
