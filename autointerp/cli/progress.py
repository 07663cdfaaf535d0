"""What a waiting user sees: how far a harvest or a run is, how fast, what it costs and how long it will take."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from autointerp import runs
from autointerp.api.schemas.base import NANO
from autointerp.cli.console import NOTES
from autointerp.runs import Desk
from autointerp.storage import harvests
from autointerp.storage.batch_records import ItemState
from autointerp.storage.records import HarvestRecord, RunProgress, RunRecord, RunState

POLL = 0.3
SHOWN = 3  # batches by name


def follow_harvest(desk: Desk, harvest_id: str) -> HarvestRecord:
    """Wait until a harvest ends, drawing how far it is."""
    with _bars() as bars:
        bar = _Bar(bars, "harvest", "tokens")
        return runs.wait_harvest(
            desk, harvest_id, timeout=None, poll=POLL, on_progress=lambda record: _read(desk, bar, record)
        )


def follow_run(desk: Desk, run_id: str) -> RunRecord:
    """Wait until a run ends, drawing how far it and its harvest are."""
    with _bars() as bars:
        harvest, work = _Bar(bars, "harvest", "tokens"), _Bar(bars, "features", "features")

        def draw(record: RunRecord, progress: RunProgress) -> None:
            if record.state == RunState.HARVESTING and record.harvest_id is not None:
                with desk.database.read() as session:
                    found = harvests.get(session, record.harvest_id)
                _read(desk, harvest, found)
            total = progress.waiting + progress.done + progress.failed
            more = " · ".join(filter(None, (_cost(progress), at_vendors(progress))))
            work.move(progress.done + progress.failed, total, more)

        return runs.wait_run(desk, run_id, timeout=None, poll=POLL, on_progress=draw)


def _read(desk: Desk, bar: "_Bar", record: HarvestRecord) -> None:
    """Draw how far a harvest is, all its workers together."""
    shards = record.spec.shards
    total = record.tokens_total or 0
    where = f"{runs.pace_of(desk, record).shards_done}/{shards} shards" if shards > 1 and total else ""
    bar.move(min(record.tokens_done, total), total, where)


def _cost(progress: RunProgress) -> str:
    if not progress.requests:
        return ""
    return in_dollars(progress.cost / NANO, unknown=progress.cost_unknown)


def in_dollars(cost: float, *, unknown: int) -> str:
    """What requests cost, as far as it is known; what is not known is never shown as nothing."""
    if not unknown:
        return f"${cost:.4f}"
    requests = f"{unknown:,} requests of unknown price"
    return f"${cost:.4f} + {requests}" if cost else requests


def at_vendors(progress: RunProgress) -> str:
    """How many requests are at a vendor, in which batches, and how many wait for one."""
    if progress.batch is None:
        return ""
    sent, waiting = (progress.batch.items.get(state, 0) for state in (ItemState.SENT, ItemState.PENDING))
    names = ", ".join(record.remote_id or "about to be handed in" for record in progress.batch.open[:SHOWN])
    more = f" and {len(progress.batch.open) - SHOWN} more" if len(progress.batch.open) > SHOWN else ""
    at = f"{sent:,} requests at the vendor ({names}{more})" if sent else ""
    return ", ".join(filter(None, (at, f"{waiting:,} wait for a batch" if waiting else "")))


class _Bar:
    """One bar, drawn from the first time that its total is known; its rate is that of the last half minute."""

    def __init__(self, bars: Progress, name: str, unit: str) -> None:
        self._bars = bars
        self._name = name
        self._unit = unit
        self._task: TaskID | None = None

    def move(self, done: int, total: int, more: str) -> None:
        if not total:
            return
        if self._task is None:
            self._task = self._bars.add_task(self._name, total=total, rate="", more="")
        self._bars.update(self._task, completed=done, total=total, more=more)
        speed = self._bars.tasks[self._bars.task_ids.index(self._task)].speed
        going = speed and done < total
        self._bars.update(self._task, rate=f"{speed:,.1f} {self._unit}/s now" if going else "")


class _Bars(Progress):
    """Bars that leave nothing behind, not even an empty line, where none was drawn."""

    def stop(self) -> None:
        if self.tasks:
            super().stop()
        else:
            self.live.stop()


def _bars() -> Progress:
    return _Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[more]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=NOTES,
    )
