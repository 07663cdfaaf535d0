"""The whole service in numbers, all its processes together: read from the database at the moment it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autointerp.jobs.records import QUEUES
from autointerp.runs.desk import Desk, workers_alive
from autointerp.runs.pace import pace_of
from autointerp.storage import census, harvests
from autointerp.storage.census import RunCensus
from autointerp.storage.ledger_sums import Key, LedgerSums, Sums
from autointerp.storage.records import HarvestState, RunState, WorkState


@dataclass(frozen=True, slots=True)
class Census:
    """`queued` are the jobs that wait, by queue, and `workers` those that serve it. `paces` are the tokens a second of
    the harvests that are being read. `ledger` None: it is still being read for the first time.
    """

    queued: Mapping[str, int]
    workers: Mapping[str, int]
    alive: int
    runs: Mapping[RunState, int]
    features: Mapping[WorkState, int]
    harvests: Mapping[HarvestState, int]
    tokens_harvested: int
    paces: Mapping[str, float]
    ledger: Mapping[Key, Sums] | None


@dataclass(frozen=True, slots=True)
class CensusTaker:
    """Takes a census whenever it is asked, remembering what cannot change."""

    desk: Desk
    counted: RunCensus = field(default_factory=RunCensus)
    sums: LedgerSums = field(default_factory=LedgerSums)

    def take(self) -> Census:
        """Count."""
        alive = workers_alive(self.desk)
        with self.desk.database.read() as session:
            states, features = self.counted.read(session)
            by_state, tokens = census.harvests_by_state(session), census.tokens_harvested(session)
            ledger = self.sums.read(session)
            under_way = harvests.list_under_way(session)
        paces = {one.id: pace_of(self.desk, one).tokens_per_second for one in under_way}
        return Census(
            queued={queue: self.desk.jobs.depth(queue) for queue in QUEUES},
            workers={queue: sum(queue in worker.queues for worker in alive) for queue in QUEUES},
            alive=len(alive),
            runs=states,
            features=features,
            harvests=by_state,
            tokens_harvested=tokens,
            paces={harvest: pace for harvest, pace in paces.items() if pace is not None},
            ledger=ledger,
        )
