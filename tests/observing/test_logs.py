"""A log line says what it is about, in text or as JSON, and holds no secret."""

import json
import logging

import pytest

from autointerp.observing.context import about
from autointerp.observing.logs import HIDDEN, Lines


def record(message: str = "a chunk waits", *, failed: bool = False, **fields: object) -> logging.LogRecord:
    error = ValueError("wrong\nin two lines") if failed else None
    exc_info = (ValueError, error, None) if error is not None else None
    made = logging.LogRecord("autointerp.jobs", logging.WARNING, "engine.py", 1, message, (), exc_info)
    made.__dict__["fields"] = fields
    return made


def test_a_line_is_one_json_object_with_what_it_is_about() -> None:
    lines = Lines("json", "worker", ())

    with about(request_id="r-1", run_id=None), about(run_id="0192"):
        line = lines.format(record(status=503))

    told = json.loads(line)
    assert {"request_id": "r-1", "run_id": "0192", "service": "worker", "status": 503}.items() <= told.items()
    assert (told["level"], told["logger"], told["message"]) == ("warning", "autointerp.jobs", "a chunk waits")
    assert told["time"].endswith("+00:00")


def test_a_traceback_stays_in_its_line() -> None:
    line = Lines("json", "api", ()).format(record(failed=True))

    assert "\n" not in line
    assert "wrong\nin two lines" in json.loads(line)["exception"]


def test_what_a_line_is_about_is_forgotten_afterwards() -> None:
    with about(run_id="0192"):
        pass

    assert "run_id" not in json.loads(Lines("json", "api", ()).format(record()))


def test_people_read_text() -> None:
    with about(run_id="0192"):
        line = Lines("text", "api", ()).format(record())

    assert line.endswith("WARNING autointerp.jobs: a chunk waits [run_id=0192]")


@pytest.mark.parametrize("style", ["text", "json"])
def test_secrets_are_blotted_out_wherever_they_stand(style: str) -> None:
    secret = 'sk-"quoted"\\0123'
    lines = Lines("json" if style == "json" else "text", "api", (secret, secret + "-longer", "ab"))

    line = lines.format(record(f"key {secret}-longer or {secret}, about", url=f"http://u:{secret}@host"))

    assert secret not in line
    assert json.dumps(secret)[1:-1] not in line
    assert line.count(HIDDEN) == 3
    assert "about" in line
