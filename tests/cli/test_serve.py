"""`serve` answers soon and stops when it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest

DEADLINE = 60.0


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


PROGRAM = [sys.executable, "-m", "autointerp.cli"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of commands that share an empty database."""
    return {**os.environ, "AUTOINTERP_DATA_DIR": str(tmp_path)}


@pytest.fixture
def server(tmp_path: Path, port: int, environment: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    """The API of an empty database, in a process of its own."""
    command = [*PROGRAM, "serve", "--api-only", "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_with_a_key_it_serves_an_address_that_others_reach_and_logs_no_key(
    tmp_path: Path, port: int, environment: dict[str, str]
) -> None:
    chatty = {**environment, "AUTOINTERP_LOG_LEVEL": "INFO"}
    command = [*PROGRAM, "serve", "--api-only", "--host", "0.0.0.0", "--port", str(port)]
    refused = subprocess.run(command, cwd=tmp_path, env=chatty, capture_output=True, text=True, check=False)
    made = [*PROGRAM, "keys", "create", "me", "--scope", "admin"]
    key = subprocess.run(made, cwd=tmp_path, env=chatty, capture_output=True, text=True, check=True).stdout.strip()

    with subprocess.Popen(command, cwd=tmp_path, env=chatty, stdout=-1, stderr=subprocess.STDOUT, text=True) as process:
        _get(f"http://127.0.0.1:{port}/health")
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/keys", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(asked, timeout=DEADLINE) as answer:
            listed = json.loads(answer.read())["items"]
        for url in (f"/v1/keys?key={key}", "/v1/keys"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{url}", timeout=DEADLINE)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE)

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "`autointerp keys create NAME --scope admin`" in refused.stderr
    assert [one["name"] for one in listed] == ["me"]
    assert output.count("GET /v1/keys 401") == 2
    assert key[16:] not in output


def test_it_answers_and_stops_on_sigterm(server: subprocess.Popen[str], port: int) -> None:
    health = _get(f"http://127.0.0.1:{port}/health")

    server.send_signal(signal.SIGTERM)
    _, errors = server.communicate(timeout=DEADLINE)

    assert health["status"] == "ok"
    assert "Traceback" not in errors
    assert server.returncode in (0, -signal.SIGTERM)


def _get(url: str) -> dict[str, object]:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.loads(answer.read())
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
