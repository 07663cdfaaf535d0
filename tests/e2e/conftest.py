"""Real processes: the command line, the API and workers, as users start them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
from typer.testing import CliRunner, Result

from autointerp.cli import app
from tests.pipeline.conftest import folder, harvested, subjects

__all__ = ["folder", "harvested", "subjects"]

T = TypeVar("T")
PATIENCE = 240.0


@dataclass
class Processes:
    """Starts autointerp's commands in a folder of their own, and ends what is still running."""

    folder: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *arguments: str) -> Result:
        """Run a command to its end, in this process: what a process of its own would load is here already."""
        with chdir(self.folder):
            return CliRunner().invoke(app, list(arguments), env=self.environment)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on; its output goes to a file."""
        with (self.folder / f"{arguments[0]}-{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                self._command(arguments), cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.running.append(process)
        return process

    def logs(self) -> str:
        """What the started commands wrote."""
        return "\n".join(f"== {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        """Stop what is running: politely, and then not."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "autointerp.cli", *arguments]


@pytest.fixture
def processes(tmp_path: Path) -> Generator[Callable[[str], Processes]]:
    """Makes the processes of one installation, over the database of the given URL."""
    made: list[Processes] = []

    def make(url: str) -> Processes:
        environment = {
            **os.environ,
            "AUTOINTERP_DATABASE_URL": url,
            "AUTOINTERP_DATA_DIR": str(tmp_path / "data"),
            "AUTOINTERP_WORKER__POLLING": "0.1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "160",
        }
        made.append(Processes(tmp_path, environment))
        return made[-1]

    yield make
    for one in made:
        one.end()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def until(found: Callable[[], T | None], what: str, processes: Processes, *, every: float = 0.5) -> T:
    """Wait until `found`, asked `every` so many seconds, returns something true, or fail with what the processes wrote.

    What is asked costs time too, which those that are waited for then lack.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if value := found():
                return value
        except httpx2.TransportError:
            pass
        time.sleep(every)
    raise AssertionError(f"no {what} within {PATIENCE} s\n{processes.logs()}")
