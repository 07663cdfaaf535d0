"""The API is killed at random moments after a run is sent to it: the run is there once or not at all, and it ends.

After each kill another API is started. A run that was stored goes on by itself, and whoever sends it again under the
same key gets that one.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pytest

from autointerp.storage import runs
from autointerp.storage.engine import Database
from tests.crash.conftest import MOMENTS
from tests.crash.installation import Installation
from tests.crash.invariants import account
from tests.crash.report import Line
from tests.e2e.conftest import until

pytestmark = pytest.mark.crash

FEATURES = 6


def test_a_killed_api(house: Installation, chance: random.Random, told: Callable[[str], Line]) -> None:
    line, database = told("kill -9 of the API"), Database(house.url)
    usual, whole = _left_alone(house)
    stored = 0
    for moment in range(1, MOMENTS + 1):
        model = f"m{moment}"
        sending = _send(house, model)
        time.sleep(chance.uniform(0, 1.2 * usual) if moment % 4 else chance.uniform(usual, whole))
        house.kill_api()
        killed = time.time()
        sending.join()
        house.start_api()
        line.moments += 1
        made = _made(database, model)
        stored += len(made)
        if made:
            until(lambda: house.has_ended(made[0]), f"end of {made}", house.processes, every=0.25)  # noqa: B023
        run_id = house.hand_in(model, features=FEATURES)
        line.seconds.append(house.await_end(run_id) - killed)
        _check(house, database, run_id, model, made, line)
    print(f"{line.database}: {stored} of {MOMENTS} runs were stored when the API was killed")
    database.close()


def _left_alone(house: Installation) -> tuple[float, float]:
    """Hand in two runs and kill nothing; return how long the second takes to be taken in, and to end."""
    taken, whole = 0.0, 0.0
    for model in ("first", "second"):
        began = time.monotonic()
        run_id = house.hand_in(model, features=FEATURES)
        taken = time.monotonic() - began
        house.await_end(run_id)
        whole = time.monotonic() - began
    return taken, whole


def _send(house: Installation, model: str) -> threading.Thread:
    """Send a run without waiting for the answer."""

    def send() -> None:
        with suppress(httpx2.TransportError):
            house.hand_in(model, features=FEATURES)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def _made(database: Database, model: str) -> list[str]:
    """The runs that ask this model."""
    with database.read() as session:
        found = runs.list_runs(session, state=None, after=None, limit=1_000)
    return [run.id for run in found if run.spec.llm == f"server/{model}"]


def _check(house: Installation, database: Database, run_id: str, model: str, made: list[str], line: Line) -> None:
    found = account(database, house.toll, run_id, model, features=FEATURES, seen=())
    again = house.toll.paid_again(model)
    line.lost += found.lost
    line.doubled += found.doubled + len(_made(database, model)) - 1
    line.paid_again += again
    print(f"{line.case}, {line.database}: {found} {again=} {len(made)} stored {line.seconds[-1]:.1f} s")
    assert _made(database, model) == [run_id]
    assert made in ([], [run_id])
    assert (found.lost, found.doubled, found.set_aside, again) == (0, 0, 0, 0), house.processes.logs()
