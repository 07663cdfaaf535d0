"""The doctor finds what keeps a service from working, says what to do, and changes nothing."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from autointerp.cli import app
from autointerp.doctor import places
from autointerp.doctor.database import check_clock, check_database, check_engine
from autointerp.doctor.findings import Finding, Level
from autointerp.doctor.places import check_place
from autointerp.doctor.prompts import check_prompts
from autointerp.doctor.settings import unknown_variables
from autointerp.doctor.workers import check_workers
from autointerp.domain.capabilities import Probe
from autointerp.jobs.place import beside
from autointerp.jobs.submitter import open_submitter
from autointerp.prompts import LOCK, default_folder
from autointerp.settings import Settings, load
from autointerp.storage import calls, endpoints, migrate, workers
from autointerp.storage.engine import Database
from autointerp.storage.tables.base import now
from autointerp.storage.tables.workers import WorkerTable
from autointerp.testing import failing, say, serve

Examine = Callable[..., tuple[int, dict[str, dict[str, str]]]]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load(database_url=database_url, data_dir=tmp_path)


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Runs the command in an empty folder over a database; returns its exit code and what it found, by check."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def run(*arguments: str, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
        variables = {"AUTOINTERP_DATA_DIR": str(tmp_path / "data"), **environment}
        done = CliRunner().invoke(app, ["doctor", "--json", *arguments], env=variables)
        return done.exit_code, {one["check"]: one for one in json.loads(done.stdout)}

    return run


def levels(findings: dict[str, dict[str, str]]) -> dict[str, str]:
    return {check: one["level"] for check, one in findings.items() if one["level"] != "ok"}


def only(findings: list[Finding]) -> Finding:
    [found] = findings
    return found


def test_an_empty_folder_is_no_failure_and_stays_empty(examine: Examine, tmp_path: Path) -> None:
    code, found = examine()

    assert code == 0
    assert levels(found) == {"database": "warning"}
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_version_fails_with_what_to_do(examine: Examine, new_url: str) -> None:
    database = Database(new_url)
    migrate.upgrade(database, "0004")
    database.close()

    code, found = examine(AUTOINTERP_DATABASE_URL=new_url)

    assert code == 1
    assert "0004" in found["database"]["found"]
    assert "autointerp db upgrade" in found["database"]["todo"]
    assert "workers: llm" not in found


def test_a_server_that_is_not_there_fails(examine: Examine) -> None:
    code, found = examine(AUTOINTERP_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert (code, found["database"]["level"]) == (1, "failed")


def test_a_wrong_setting_is_the_only_thing_that_is_told(examine: Examine) -> None:
    code, found = examine(AUTOINTERP_WORKER__LEASE="-1")

    assert (code, list(found)) == (1, ["settings"])
    assert "worker.lease" in found["settings"]["found"]


def test_a_file_with_a_key_that_others_can_read_is_a_warning(examine: Examine, tmp_path: Path) -> None:
    file = tmp_path / "autointerp.toml"
    file.write_text('[endpoints.mine]\nprovider = "openai"\napi_key = "sk-secret"\n')
    file.chmod(0o644)

    code, found = examine()

    assert (code, found["settings"]["level"]) == (0, "warning")
    assert "sk-secret" not in json.dumps(found)


def test_misspelt_variables_are_found() -> None:
    given = ("AUTOINTERP_WROKER__LEASE", "AUTOINTERP_WORKER__LEESE", "AUTOINTERP_PORT", "AUTOINTERP_LIVE_MODEL", "PATH")

    found = tuple(unknown_variables(dict.fromkeys((*given, "AUTOINTERP_ENDPOINTS__MINE__PROVIDER"), "x")))

    assert found == ("AUTOINTERP_WORKER__LEESE", "AUTOINTERP_WROKER__LEASE")


def test_only_what_is_asked_for_is_sent(examine: Examine, database: Database) -> None:
    with serve(say("Hello.")) as server, serve(failing(401)) as locked:
        environment = {
            "AUTOINTERP_DATABASE_URL": database.url,
            "AUTOINTERP_ENDPOINTS__MINE__PROVIDER": "openai",
            "AUTOINTERP_ENDPOINTS__MINE__BASE_URL": server.openai_url,
            "AUTOINTERP_ENDPOINTS__MINE__PRICE": '{"input": 1, "output": 1}',
            "AUTOINTERP_ENDPOINTS__SHUT__PROVIDER": "openai",
            "AUTOINTERP_ENDPOINTS__SHUT__BASE_URL": locked.openai_url,
            "AUTOINTERP_ENDPOINTS__NEW__PROVIDER": "openai",
            "AUTOINTERP_ENDPOINTS__NEW__BASE_URL": server.openai_url,
        }
        with database.write() as session:
            for name in ("mine", "shut"):
                endpoints.keep(session, Probe(name, "m-1", "openai", "f" * 64, (), now()))

        before = examine(**environment)
        sent = len(server.requests)
        code, found = examine("--ask", **environment)

    assert (before[0], sent) == (0, 0)
    assert (code, len(server.requests)) == (1, 1)
    asked = {check: one["level"] for check, one in found.items() if check.startswith("asked")}
    assert asked == {"asked: mine/m-1": "ok", "asked: shut/m-1": "failed", "asked: new": "warning"}
    with database.read() as session:
        lines = calls.list_calls(session, run_id=None, after=None, limit=10)
    assert {line.endpoint for _, line in lines} == {"mine", "shut"}


def test_a_database_that_is_well_is_written_to_and_nothing_stays(settings: Settings, database: Database) -> None:
    found = only(list(check_database(settings, database)))

    assert found.level is Level.OK
    with database.read() as session:
        assert session.sql.execute(sa.text("SELECT count(*) FROM rates")).scalar_one() == 0


def test_the_clock_of_a_server_is_compared(database: Database) -> None:
    found = list(check_clock(database))

    assert [one.level for one in found] == ([] if database.dialect == "sqlite" else [Level.OK])


def test_the_engines_tables_are_missed_and_found(database: Database) -> None:
    before = only(list(check_engine(database)))
    with open_submitter(beside(database.url)):
        after = only(list(check_engine(database)))

    assert (before.level, after.level) == (Level.WARNING, Level.OK)


def test_work_on_a_queue_that_nobody_serves_fails(settings: Settings, database: Database) -> None:
    with database.write() as session:
        workers.beat(session, "one", kind="worker", queues=["harvest"])
        workers.beat(session, "gone", kind="worker", queues=["llm"])
        silent = sa.update(WorkerTable).where(WorkerTable.id == "gone")
        session.sql.execute(silent.values(beat_at=now() - timedelta(hours=1)))
    with open_submitter(beside(database.url)) as jobs:
        jobs.submit("a", queue="llm", handler="chunk", args={})

    found = {one.check: one for one in check_workers(settings, database)}

    assert found["workers: llm"].level is Level.FAILED
    assert found["workers: llm"].found == "0 alive, 1 jobs wait"
    assert found["workers: harvest"].found == "1 alive, 0 jobs wait; one"
    assert "gone" in found["workers"].found


def test_a_disk_that_is_nearly_full_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enough = check_place("data folder", tmp_path / "not" / "there")
    monkeypatch.setattr(places, "LITTLE", 2**62)
    little = check_place("data folder", tmp_path)
    monkeypatch.setattr(places, "TOO_LITTLE", 2**61)
    too_little = check_place("data folder", tmp_path)
    file = tmp_path / "file"
    file.touch()

    found = [enough.level, little.level, too_little.level, check_place("data folder", file / "x").level]

    assert found == [Level.OK, Level.WARNING, Level.FAILED, Level.FAILED]


def test_prompts_that_were_not_reviewed_are_told(tmp_path: Path) -> None:
    for file in default_folder().rglob("*.md"):
        copy = tmp_path / file.relative_to(default_folder())
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / LOCK).write_text("another")

    own = only(list(check_prompts(load(prompts=tmp_path))))
    bundled = only(list(check_prompts(load())))

    assert (own.level, bundled.level) == (Level.WARNING, Level.OK)
