"""A harvest in shards, done by several worker processes of which one is killed, is that of a single process."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from autointerp import wiring
from autointerp.cli.specfile import read_harvest
from autointerp.demo import MODEL, SAE_TOPK
from autointerp.jobs.place import beside
from autointerp.jobs.records import Job, JobState
from autointerp.jobs.submitter import DbosSubmitter, open_submitter
from autointerp.runs import create_harvest, wait_harvest
from autointerp.settings import load
from autointerp.storage import harvests
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, HarvestState
from autointerp.storage.tables.harvests import ExampleTable, FeatureTable, HarvestedFeatureTable, PoolTable
from autointerp.storage.tables.models import SaeTable
from tests.e2e.conftest import PATIENCE, Processes, until

pytestmark = pytest.mark.e2e

LEASE = 10.0
SHARDS = 6
WORKERS = 3
SPEC = f"""
tokens = 24_000
context = 128
batch = 2
pool = 1_000
[subject]
model = "{MODEL}"
[[saes]]
path = "{SAE_TOPK}"
[corpus]
kind = "stdlib"
"""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_killed_worker_is_taken_over_within_the_lease_and_nothing_differs(
    database_url: str, processes: Callable[[str], Processes], tmp_path: Path
) -> None:
    installation = processes(database_url)
    installation.environment["AUTOINTERP_WORKER__LEASE"] = str(LEASE)
    spec = tmp_path / "harvest.toml"
    spec.write_text(SPEC)
    handed_in = installation.run("harvest", str(spec), "--shards", str(SHARDS), "--no-wait", "--json")
    harvest_id = json.loads(handed_in.stdout)["id"]
    workers = {
        str(process.pid): process
        for process in (installation.start("worker", "--queues", "harvest") for _ in range(WORKERS))
    }
    prefix = f"harvest/{harvest_id}/"
    with _opened(database_url) as (database, jobs):
        running = until(
            lambda: _reading(database, jobs, harvest_id), "work on several shards", installation, every=0.05
        )
        victim = max(running, key=lambda job: job.began or datetime.min)  # the furthest from its end
        name = str(victim.worker)
        workers[name.split("-")[-2]].kill()
        killed = time.monotonic()
        until(lambda: all(job.worker != name for job in _live(jobs, prefix)), "takeover", installation, every=0.05)
        seconds = time.monotonic() - killed
        until(lambda: _record(database, harvest_id).state in harvests.ENDS, "end of the harvest", installation)
        found = _content(database, harvest_id)
        done = _record(database, harvest_id)
        (again,) = (job for job in jobs.status(prefix) if job.id == victim.id)
        merges = [job for job in jobs.status(prefix) if job.id.endswith("/merge")]

    alone = _harvested_alone(spec, tmp_path / "alone")
    assert (done.state, done.error, done.tokens_done) == (HarvestState.FINISHED, None, done.tokens_total)
    assert seconds <= LEASE
    assert again.state is JobState.DONE
    assert again.worker != name
    assert [job.state for job in merges] == [JobState.DONE]
    assert found == alone
    assert len(found) > 100


@contextmanager
def _opened(url: str) -> Iterator[tuple[Database, DbosSubmitter]]:
    database = Database(url)
    with open_submitter(beside(database.url)) as jobs:
        yield database, jobs
    database.close()


def _reading(database: Database, jobs: DbosSubmitter, harvest_id: str) -> list[Job]:
    """The shards that are being read, when they are several and the first tokens are counted."""
    running = [job for job in _live(jobs, f"harvest/{harvest_id}/") if job.state is JobState.RUNNING]
    return running if len(running) > 1 and _record(database, harvest_id).tokens_done else []


def _live(jobs: DbosSubmitter, prefix: str) -> list[Job]:
    return [job for job in jobs.status(prefix) if job.state.live]


def _record(database: Database, harvest_id: str) -> HarvestRecord:
    with database.read() as session:
        return harvests.get(session, harvest_id)


def _harvested_alone(spec: Path, folder: Path) -> list[tuple[Any, ...]]:
    """What one process stores that does the whole corpus in one shard."""
    here = load(data_dir=folder)
    database = wiring.open_database(here)
    with wiring.open_desk(here, database) as desk, wiring.embedded_worker(here, database):
        made = wait_harvest(desk, create_harvest(desk, read_harvest(spec)).id, timeout=PATIENCE)
        found = _content(database, made.id)
    database.close()
    return found


def _content(database: Database, harvest_id: str) -> list[tuple[Any, ...]]:
    """Every byte that is stored of a harvest: its pool, and each feature's statistics and examples."""
    with database.read() as session:
        named = [SaeTable.fingerprint, FeatureTable.index]
        of_feature = FeatureTable.id == HarvestedFeatureTable.feature_id
        statistics = sa.select(*named, HarvestedFeatureTable).join(FeatureTable, of_feature).join(SaeTable)
        shown = sa.select(*named, ExampleTable.split, ExampleTable.packed).join(
            FeatureTable, FeatureTable.id == ExampleTable.feature_id
        )
        rows = [
            (sae, index, one.firings, one.density, one.max, one.mean, one.statistics)
            for sae, index, one in session.sql.execute(statistics.where(HarvestedFeatureTable.harvest_id == harvest_id))
        ]
        rows += map(tuple, session.sql.execute(shown.join(SaeTable).where(ExampleTable.harvest_id == harvest_id)))
        pool = session.sql.scalars(sa.select(PoolTable.packed).where(PoolTable.harvest_id == harvest_id)).one()
        return [(pool,), *sorted(rows, key=repr)]
