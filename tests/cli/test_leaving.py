"""An API that is told to stop says so at once, ends what it has begun, and lets its worker finish."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import httpx2
import pytest

DEADLINE = 90.0
BODY = b'{"message": "a request that takes its time"}'


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def server(tmp_path: Path, port: int) -> Generator[subprocess.Popen[str]]:
    """The API with a worker, in processes of their own; it writes JSON lines and tells two seconds ahead."""
    environment = {
        **os.environ,
        "AUTOINTERP_DATA_DIR": str(tmp_path),
        "AUTOINTERP_LOG_LEVEL": "INFO",
        "AUTOINTERP_LOG_FORMAT": "json",
        "AUTOINTERP_STOP_NOTICE": "2",
        "AUTOINTERP_WORKER__POLLING": "0.1",
    }
    command = [sys.executable, "-m", "autointerp.cli", "serve", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=log, text=True)
    yield process
    process.kill()
    process.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            if holds():
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)


@pytest.mark.e2e
def test_what_has_begun_ends_and_nothing_new_is_sent_here(
    server: subprocess.Popen[str], port: int, tmp_path: Path
) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        until(lambda: client.get("/ready", params={"workers": 1}).status_code == 200, "worker")
        with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
            head = f"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}"
            slow.sendall(
                head.encode() + b"\r\nContent-Type: application/json\r\nX-Request-ID: slow-1\r\n\r\n" + BODY[:5]
            )
            server.send_signal(signal.SIGTERM)
            until(lambda: client.get("/ready").status_code == 503, "notice")
            still = client.get("/v1/models").status_code
            until(lambda: _refused(port), "end of listening")
            slow.sendall(BODY[5:])
            answer = slow.recv(65_536).decode()

    code = server.wait(timeout=DEADLINE)

    log = (tmp_path / "log").read_text()
    assert still == 200
    assert answer.startswith("HTTP/1.1 422")
    assert "x-request-id: slow-1" in answer
    assert code == 0
    assert '"request_id": "slow-1"' in log
    assert "leaves; features in flight are finished first" in log
    assert "Traceback" not in log
    assert {json.loads(line)["service"] for line in log.splitlines()} == {"api", "worker"}


def _refused(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) != 0
