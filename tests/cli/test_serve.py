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


@pytest.fixture
def server(tmp_path: Path, port: int) -> Generator[subprocess.Popen[str]]:
    """The API of an empty database, in a process of its own."""
    environment = {**os.environ, "AUTOINTERP_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "autointerp.cli", "serve", "--api-only", "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


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
