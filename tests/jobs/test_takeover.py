"""A worker that is killed loses nothing: another takes its jobs over."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from autointerp.jobs.reaper import Reaper
from autointerp.jobs.records import JobState
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.storage import holds, workers
from autointerp.storage.engine import Database
from autointerp.storage.tables.runs import HoldTable

WORKER = Path(__file__).parent / "worker_process.py"
LEASE = 1.0


def start(database: Database, notes: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(WORKER), database.url, str(notes), str(LEASE), str(seconds)]
    return subprocess.Popen(command)


def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


@pytest.mark.e2e
def test_a_second_worker_takes_over_what_a_killed_one_left(
    database: Database, jobs: DbosSubmitter, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    jobs.submit("run/1", queue="llm", handler="note_and_wait", args={})
    first = start(database, notes, 60)
    second: subprocess.Popen[bytes] | None = None
    try:
        until(lambda: len(notes.read_text().split()) == 1)
        second = start(database, notes, 0)
        until(lambda: len(_known(database)) == 2)
        first.kill()
        first.wait()
        until(lambda: [job.state for job in jobs.status("run/")] == [JobState.DONE])
    finally:
        for process in (first, second):
            if process is not None:
                process.terminate()
                process.wait()

    assert second is not None
    assert notes.read_text().split() == [str(first.pid), str(second.pid)]
    assert all(str(first.pid) not in worker for worker in _known(database))


def test_only_a_worker_that_is_silent_at_two_looks_is_taken_for_dead(
    database: Database, jobs: DbosSubmitter, caplog: pytest.LogCaptureFixture
) -> None:
    with database.write() as session:
        workers.beat(session, "silent", kind="worker", queues=["llm"])
    reaper = Reaper(database, jobs, worker="me", silence=timedelta(seconds=0))

    reaper.look()
    after_one_look = _known(database)
    reaper.look()

    assert after_one_look == ["silent"]
    assert _known(database) == []


def test_what_only_a_dead_worker_held_is_free_again_after_two_looks(database: Database, jobs: DbosSubmitter) -> None:
    with database.write() as session:
        workers.beat(session, "silent", kind="worker", queues=["llm"])
        for number, worker in enumerate(("me", "silent", "forgotten")):
            session.sql.add(HoldTable(id=number, run_id="r", worker=worker, cost=5, tokens=50))
    reaper = Reaper(database, jobs, worker="me", silence=timedelta(seconds=0))

    reaper.look()
    after_one_look = _holders(database)
    reaper.look()

    assert after_one_look == {"me", "silent", "forgotten"}
    assert _holders(database) == {"me"}


def test_a_worker_that_beats_between_two_looks_lives(database: Database, jobs: DbosSubmitter) -> None:
    lease = timedelta(seconds=0.3)
    reaper = Reaper(database, jobs, worker="me", silence=lease)
    with database.write() as session:
        workers.beat(session, "late", kind="worker", queues=["llm"])
    time.sleep(lease.total_seconds() + 0.05)

    reaper.look()
    with database.write() as session:
        workers.beat(session, "late", kind="worker", queues=["llm"])
    reaper.look()

    assert _known(database) == ["late"]


def _known(database: Database) -> list[str]:
    with database.read() as session:
        return [row.id for row in workers.list_workers(session)]


def _holders(database: Database) -> frozenset[str]:
    with database.read() as session:
        return holds.holders(session)
