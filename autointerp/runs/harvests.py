"""Harvests: handed in, cancelled, resumed."""

from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.errors import Conflict
from autointerp.jobs import tasks
from autointerp.jobs.endings import settle_waiting
from autointerp.jobs.taking_up import take_up
from autointerp.runs.desk import Desk
from autointerp.runs.reuse import harvest_for, reusable, reusable_by
from autointerp.storage import harvests
from autointerp.storage.records import HarvestRecord, HarvestState

UNDER_WAY = (HarvestState.WAITING, HarvestState.RUNNING)
KEPT = (*UNDER_WAY, HarvestState.FINISHED)
ENDED = (HarvestState.FAILED, HarvestState.CANCELLED)


def create_harvest(desk: Desk, spec: HarvestSpec) -> HarvestRecord:
    """Start a harvest, or return the one of the same spec that is finished or under way."""
    desk.reach.check_harvest(spec)
    with desk.database.write() as session:
        record = reusable(session, spec, KEPT) or harvests.create(session, spec)
    submit_missing_shards(desk, record)
    return record


def continue_harvest(desk: Desk, spec: HarvestSpec) -> HarvestRecord:
    """Go on with the newest harvest of this spec from the shards that are finished, or start one."""
    with desk.database.read() as session:
        ended = None if reusable(session, spec, KEPT) else reusable(session, spec, ENDED)
    return create_harvest(desk, spec) if ended is None else resume_harvest(desk, ended.id)


def harvest_of(desk: Desk, run: RunSpec, spec: HarvestSpec) -> HarvestRecord:
    """Return the harvest that a run which describes `spec` will work on: one that is there, or one that is made now."""
    with desk.database.read() as session:
        found = reusable_by(session, run, spec, KEPT)
    return found or continue_harvest(desk, harvest_for(run, spec))


def cancel_harvest(desk: Desk, harvest_id: str) -> HarvestRecord:
    """Stop a harvest; the shards that are finished stay, and the runs that wait for it fail."""
    with desk.database.write() as session:
        record = harvests.get(session, harvest_id)
        if record.state not in UNDER_WAY:
            raise Conflict(f"the harvest {harvest_id} is {record.state}; there is nothing to cancel")
        harvests.set_state(session, harvest_id, HarvestState.CANCELLED)
    tasks.cancel_all(desk.jobs, tasks.harvest_prefix(harvest_id))
    settle_waiting(desk.database, desk.jobs, harvest_id)
    return _get(desk, harvest_id)


def resume_harvest(desk: Desk, harvest_id: str) -> HarvestRecord:
    """Go on with a harvest that failed or was cancelled, from the shards that are finished."""
    with desk.database.write() as session:
        record = harvests.get(session, harvest_id)
        if record.state is HarvestState.FINISHED:
            raise Conflict(f"the harvest {harvest_id} is finished; there is nothing to resume")
        if record.state not in UNDER_WAY:
            harvests.set_state(session, harvest_id, HarvestState.WAITING)
            harvests.forget_corpus(session, harvest_id)
        record = harvests.get(session, harvest_id)
    submit_missing_shards(desk, record)
    return record


def submit_missing_shards(desk: Desk, record: HarvestRecord) -> None:
    """Queue the shards of a harvest under way, unless a worker has or will take a job of it."""
    take_up(desk.database, desk.jobs, record)


def _get(desk: Desk, harvest_id: str) -> HarvestRecord:
    with desk.database.read() as session:
        return harvests.get(session, harvest_id)
