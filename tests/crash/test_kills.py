"""Workers and PostgreSQL are killed at random moments of runs: nothing is lost, and the runs end by themselves.

Each case lets one run alone, which says how many requests a run makes, and then hands in one run after the other and
kills twice in each, at random requests. What holds is checked at the end of each run.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from autointerp.storage.engine import Database
from tests.crash.conftest import MOMENTS
from tests.crash.installation import AT_ONCE, FEATURES, WORKERS, Installation, moments
from tests.crash.invariants import Results, account, results
from tests.crash.postgres import Postgres
from tests.crash.report import Line

pytestmark = pytest.mark.crash

KILLS = 2  # in a run: what a worker died over three times is given up, as it may be what kills them
STORING = 0.5  # seconds before a kill in which an answer came that may not have been stored


@dataclass(frozen=True, slots=True)
class Blow:
    """A kill: when, and of which workers; None: of none."""

    moment: float
    workers: frozenset[str] | None


Strike = Callable[[Installation, random.Random], Blow]


def one_worker(house: Installation, chance: random.Random) -> Blow:
    """Kill one worker, and start another in its place."""
    return _workers(house, frozenset([chance.choice(sorted(house.workers))]))


def all_workers(house: Installation, chance: random.Random) -> Blow:
    """Kill all workers, and start as many."""
    return _workers(house, frozenset(house.workers))


def _workers(house: Installation, killed: frozenset[str]) -> Blow:
    moment = time.time()
    house.kill_workers(killed)
    house.start_workers(len(killed))
    return Blow(moment, killed)


@pytest.mark.parametrize("strike", [one_worker, all_workers])
def test_killed_workers(
    strike: Strike, house: Installation, chance: random.Random, told: Callable[[str], Line]
) -> None:
    _strike_at_random(house, strike, chance, told(f"kill -9 of {strike.__name__.replace('_', ' ')}"))


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_killed_database(
    house: Installation, server: Postgres, chance: random.Random, told: Callable[[str], Line]
) -> None:
    def database(house: Installation, chance: random.Random) -> Blow:
        moment = time.time()
        server.kill()
        time.sleep(chance.uniform(0, 2))
        server.start()
        return Blow(moment, None)

    _strike_at_random(house, database, chance, told("kill -9 of PostgreSQL"))


def _strike_at_random(house: Installation, strike: Strike, chance: random.Random, line: Line) -> None:
    database = Database(house.url)
    usual = _left_alone(house, database)
    number = 0
    while line.moments < MOMENTS:
        number += 1
        model = f"m{number}"
        run_id = house.hand_in(model)
        blows: list[Blow] = []
        seen: list[Results] = []
        for request in moments(chance, min(KILLS, MOMENTS - line.moments), among=usual):
            house.await_request(run_id, model, request)
            time.sleep(chance.uniform(0, 0.2))
            seen.append(results(database, run_id))
            blows.append(strike(house, chance))
            line.moments += 1
        end = house.await_end(run_id)
        line.seconds.append(end - blows[-1].moment)
        _check(house, database, run_id, model, blows, seen, line)
    database.close()


def _left_alone(house: Installation, database: Database) -> int:
    """Carry out a run without killing anything, and return how many requests it made."""
    run_id = house.hand_in("m0")
    house.await_end(run_id)
    found = account(database, house.toll, run_id, "m0", features=FEATURES, seen=())
    assert (found.lost, found.doubled, found.set_aside, found.unaccounted) == (0, 0, 0, 0)
    assert house.toll.paid_again("m0") == 0
    return house.toll.count("m0")


def _check(
    house: Installation,
    database: Database,
    run_id: str,
    model: str,
    blows: list[Blow],
    seen: list[Results],
    line: Line,
) -> None:
    toll = house.toll
    found = account(database, toll, run_id, model, features=FEATURES, seen=seen)
    paid_again = toll.paid_again(model)
    unanswered = sum(toll.in_flight(model, one.moment, killed=one.workers) for one in blows)
    storing = sum(toll.in_flight(model, one.moment, killed=one.workers, storing=STORING) for one in blows)
    most = AT_ONCE * sum(WORKERS if one.workers is None else len(one.workers) for one in blows)
    line.lost += found.lost
    line.doubled += found.doubled
    line.paid_again += paid_again
    line.unanswered += unanswered
    line.most_in_flight += most
    print(
        f"{line.case}, {line.database}: {found} {paid_again=} {unanswered=} {storing=} {most=} {line.seconds[-1]:.0f} s"
    )
    assert (found.lost, found.doubled, found.set_aside) == (0, 0, 0), house.processes.logs()
    assert paid_again <= min(storing, most), house.processes.logs()
    assert found.unaccounted <= most
