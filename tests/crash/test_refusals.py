"""The database refuses to write for a while: the run waits and says why, loses nothing, and goes on afterwards."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from autointerp.storage.engine import Database
from tests.crash.conftest import Harvested
from tests.crash.installation import FEATURES, Installation, installed
from tests.crash.invariants import account
from tests.crash.report import Line
from tests.crash.toll import Toll
from tests.e2e.conftest import until

pytestmark = [pytest.mark.crash, pytest.mark.parametrize("kind", ["sqlite"], indirect=True)]

PATIENT = 1  # seconds that a session waits for another's lock, instead of 30
HELD = 8  # seconds that the lock is held
ROOM = 48  # MB on the small disk


@dataclass
class Disk:
    """A small disk that can be filled and emptied."""

    folder: Path

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.folder / "filler").open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def empty(self) -> None:
        """Make room again."""
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    """A disk of a few megabytes, where one can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield Disk(folder)
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(copied: Harvested, disk: Disk, toll: Toll, tmp_path: Path, told: Callable[[str], Line]) -> None:
    shutil.move(copied.url.removeprefix("sqlite:///"), disk.folder / "autointerp.db")
    url = f"sqlite:///{disk.folder / 'autointerp.db'}"
    with installed(url, copied.harvest, toll, tmp_path) as house:
        _refused_for_a_while(house, told("full disk"), "is full; free some space", begin=disk.fill, end=disk.empty)


def test_a_locked_database(copied: Harvested, toll: Toll, tmp_path: Path, told: Callable[[str], Line]) -> None:
    file = copied.url.removeprefix("sqlite:///")
    other = sqlite3.connect(file, isolation_level=None)

    def lock() -> None:
        other.execute("PRAGMA busy_timeout = 60000")
        other.execute("BEGIN IMMEDIATE")

    def release() -> None:
        time.sleep(HELD)
        other.execute("ROLLBACK")

    with installed(f"{copied.url}?timeout={PATIENT}", copied.harvest, toll, tmp_path) as house:
        line = told(f"database locked for {HELD} s")
        _refused_for_a_while(house, line, "is locked by another process", begin=lock, end=release)
    other.close()


def _refused_for_a_while(
    house: Installation, line: Line, sentence: str, *, begin: Callable[[], None], end: Callable[[], None]
) -> None:
    """Let the database refuse in the middle of a run, until a worker has said why and the API has refused another."""
    database, model = Database(house.url), "m1"
    run_id = house.hand_in(model)
    house.await_request(run_id, model, 60)
    begin()
    refused = time.time()
    until(lambda: sentence in house.processes.logs(), f"worker that says {sentence!r}", house.processes)
    answer = _hand_in(house, "m2")
    shown = house.run(run_id)
    end()
    line.moments += 1
    line.seconds.append(house.await_end(run_id) - refused)
    found = account(database, house.toll, run_id, model, features=FEATURES, seen=())
    line.lost, line.doubled = found.lost, found.doubled
    line.paid_again = house.toll.paid_again(model)
    line.unanswered = house.toll.in_flight(model, refused, killed=None)
    print(f"{line.case}: {found} {line.paid_again=} {line.unanswered=} {line.seconds[-1]:.1f} s, {answer.text}")
    database.close()

    assert answer.status_code == 503
    assert sentence in answer.json()["detail"]
    assert shown is not None
    assert shown["state"] == "running"
    assert (found.lost, found.doubled, found.set_aside) == (0, 0, 0), house.processes.logs()


def _hand_in(house: Installation, model: str) -> httpx2.Response:
    """Try to hand in another run."""
    return house.client.post("/v1/runs", json=house.spec(model), headers={"Idempotency-Key": os.urandom(4).hex()})
