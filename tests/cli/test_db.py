"""A database is made, upgraded and checked from the command line."""

import json
from pathlib import Path

from autointerp.storage import migrate
from tests.cli.conftest import Run


def test_a_new_database_is_made_by_upgrade(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/folder/new.db"

    before = json.loads(run("db", "current", "--url", url, "--json").stdout)
    after = json.loads(run("db", "upgrade", "--url", url, "--json").stdout)

    assert before == {"current": None, "head": migrate.head(), "up_to_date": False}
    assert after == {"current": migrate.head(), "head": migrate.head(), "up_to_date": True}


def test_an_upgrade_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"

    first = run("db", "upgrade", "--url", url)
    second = run("db", "upgrade", "--url", url)

    assert first.stdout == second.stdout
    assert "up to date" in second.stdout


def test_the_migrations_make_the_tables_that_the_code_expects(run: Run) -> None:
    done = run("db", "check")

    assert done.exit_code == 0
    assert "migrations match the tables" in done.stdout


def test_a_file_that_is_no_database_is_one_sentence(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("dear diary, " * 1_000)

    done = run("db", "current", "--url", f"sqlite:///{path}")

    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
