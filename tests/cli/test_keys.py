"""`autointerp keys`: a key is told once, listed without its secret, and revoked."""

import json
import shutil
from pathlib import Path

import pytest

from autointerp.domain.keys import read_token
from tests.cli.conftest import Run


@pytest.fixture
def library(upgraded_sqlite: Path, tmp_path: Path) -> tuple[Path, None]:
    """An empty database of its own, because keys are stored."""
    shutil.copyfile(upgraded_sqlite, tmp_path / "autointerp.db")
    return tmp_path / "autointerp.db", None


def test_a_key_is_made_listed_and_revoked(run: Run) -> None:
    made = run("keys", "create", "the lab", "--scope", "run", "--days", "30")
    token = read_token(made.stdout.strip())
    assert token is not None
    listed = run("keys", "list")
    revoked = run("keys", "revoke", token.id)
    after = json.loads(run("keys", "list", "--json").stdout)

    assert (made.exit_code, revoked.exit_code) == (0, 0)
    assert {token.id, "the lab", "run", "600"} <= set(listed.stdout.replace("the lab", "").split()) | {"the lab"}
    assert token.secret not in made.stderr + listed.output + revoked.output + json.dumps(after)
    assert [(key["id"], key["valid"]) for key in after] == [(token.id, False)]


def test_a_key_as_json_has_its_secret_once(run: Run) -> None:
    made = json.loads(run("keys", "create", "lab", "--per-minute", "0", "--json").stdout)

    assert read_token(made["key"])
    assert (made["scope"], made["requests_per_minute"], made["expires_at"]) == ("read", None, None)
