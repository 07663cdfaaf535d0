"""The slip that goes with a chunk through the stages: what it is about, and what has gone wrong so far."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from autointerp.domain.plan import Plan
from autointerp.errors import AutointerpError, Deferred, OutOfBudget, Unavailable
from autointerp.jobs.records import Stop
from autointerp.llm.base import CallFailed
from autointerp.observing.tracing import span
from autointerp.pipeline.bounded import for_each
from autointerp.storage.records import FeatureRow, HarvestRecord, RunRecord

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Slip:
    """One chunk on its way. `generation` counts how often the run was resumed.

    `sample` are all features of the run that have controls, in order, where one of them is in the chunk; `random` says
    that the chunk's features are random directions, and so themselves controls.

    `failures` says by feature id why a feature cannot be finished. `halt` is why nothing more can be asked for at all
    (the budget is spent, the endpoint refuses every request). `crash` is what no feature can be blamed for: a mistake
    of the program, or a database that is not there. `deferred` are the features whose answers come with a batch.
    """

    run: RunRecord
    harvest: HarvestRecord
    plan: Plan
    features: tuple[FeatureRow, ...]
    sample: tuple[int, ...]
    random: bool
    stop: Stop
    generation: int
    failures: dict[int, str] = field(default_factory=dict[int, str])
    halt: AutointerpError | None = None
    crash: Exception | None = None
    crashed: set[int] = field(default_factory=set[int])
    deferred: set[int] = field(default_factory=set[int])

    async def each(self, work: Callable[[FeatureRow], Awaitable[None]], *, at_once: int) -> None:
        """Do `work` to each feature that has not crashed or was deferred, until nothing more can be asked for.

        A run that asks through batches has all its features in flight, so that their requests share a batch.
        """
        healthy = [feature for feature in self.features if feature.id not in self.crashed | self.deferred]
        at_once = max(1, len(healthy)) if self.run.spec.mode == "batch" else at_once
        await for_each(healthy, work, at_once=at_once, stop=lambda: self.stop() or self.halt is not None)

    async def settles(self, feature: FeatureRow, work: Awaitable[None]) -> bool:
        """Wait for `work` and note what goes wrong; False: the feature is neither done nor failed and stays waiting."""
        try:
            with span("feature", **{"autointerp.feature": feature.id}):
                await work
        except OutOfBudget as error:
            self.halt = error
        except Deferred:
            self.deferred.add(feature.id)
        except Unavailable as error:
            self._crash(feature, error)
        except AutointerpError as error:
            if not (isinstance(error, CallFailed) and error.endpoint_dead):
                self.failures[feature.id] = error.detail
                return True
            self.halt = error
        except Exception as error:  # noqa: BLE001 - noted, and raised again when the other features are done
            self._crash(feature, error)
        else:
            return True
        return False

    @staticmethod
    async def in_turn(works: Iterable[Awaitable[None]]) -> None:
        """Do one thing after the other; what is deferred does not keep the next one from being asked for."""
        deferred: Deferred | None = None
        for work in works:
            try:
                await work
            except Deferred as error:
                deferred = error
        if deferred is not None:
            raise deferred

    def _crash(self, feature: FeatureRow, error: Exception) -> None:
        _log.debug("feature %s crashed", feature.record.name, exc_info=error)
        self.crash = self.crash or error
        self.crashed.add(feature.id)
