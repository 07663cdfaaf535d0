"""Looks at a run: how far it is and, from the looks before, how fast."""

import time
from dataclasses import dataclass, field

from autointerp.api.schemas.runs import Progress, RunEvent, RunPage
from autointerp.runs import UNKNOWN, Desk, Speed, Speedometer, warnings_about
from autointerp.storage import runs
from autointerp.storage.records import RunProgress, RunRecord, RunState


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks at the runs of a desk's database."""

    desk: Desk
    speedometer: Speedometer = field(default_factory=Speedometer)

    def page(self, run_id: str) -> RunPage:
        """Show a run with its progress and what is told of its models; NotFound when there is none."""
        record, progress, speed = self._look(run_id)
        return RunPage.with_progress(record, progress, warnings_about(self.desk, record.spec), speed)

    def event(self, run_id: str) -> RunEvent:
        """Tell how far a run is, without its spec; NotFound when there is none."""
        record, progress, speed = self._look(run_id)
        shown = Progress.of(progress, record.spec, speed)
        return RunEvent(id=record.id, state=record.state, error=record.error, progress=shown)

    def _look(self, run_id: str) -> tuple[RunRecord, RunProgress, Speed]:
        with self.desk.database.read() as session:
            record, progress = runs.get(session, run_id), runs.progress(session, run_id)
        if record.state is RunState.RUNNING:
            return record, progress, self.speedometer.note(run_id, progress, time.monotonic())
        self.speedometer.forget(run_id)
        return record, progress, UNKNOWN
