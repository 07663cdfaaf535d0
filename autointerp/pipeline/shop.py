"""What the stages work with."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from autointerp.domain.tools import Tools
from autointerp.jobs.records import Submitter
from autointerp.pipeline.batches.deferring import Turn
from autointerp.storage.engine import Database
from autointerp.storage.group_commit import GroupCommit
from autointerp.storage.records import HarvestRecord, RunRecord


class Bench(Protocol):
    """Lays out the tools for one turn of a run over the SAE at position `sae` of a harvest, and clears them away."""

    def lay_out(
        self, run: RunRecord, harvest: HarvestRecord, turn: Turn, *, sae: int
    ) -> AbstractAsyncContextManager[Tools]: ...


@dataclass(frozen=True, slots=True)
class Shop:
    """The parts that stages share; `at_once` is how many features of a chunk are in flight."""

    database: Database
    commits: GroupCommit
    jobs: Submitter
    bench: Bench
    at_once: int
