"""Harvests: handed in, cancelled, resumed."""

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import Conflict
from autointerp.jobs import tasks
from autointerp.jobs.expansion import waiting_for
from autointerp.runs.desk import Desk
from autointerp.storage import harvests, runs
from autointerp.storage.engine import WriteSession
from autointerp.storage.records import HarvestRecord, HarvestState, RunState

UNDER_WAY = (HarvestState.WAITING, HarvestState.RUNNING)
KEPT = (*UNDER_WAY, HarvestState.FINISHED)


def create_harvest(desk: Desk, spec: HarvestSpec) -> HarvestRecord:
    """Start a harvest, or return the one of the same spec that is finished or under way."""
    with desk.database.write() as session:
        record = found_or_created(session, spec)
    submit_missing_shards(desk, record)
    return record


def cancel_harvest(desk: Desk, harvest_id: str) -> HarvestRecord:
    """Stop a harvest; the shards that are finished stay, and the runs that wait for it fail."""
    with desk.database.write() as session:
        record = harvests.get(session, harvest_id)
        if record.state not in UNDER_WAY:
            raise Conflict(f"the harvest {harvest_id} is {record.state}; there is nothing to cancel")
        harvests.set_state(session, harvest_id, HarvestState.CANCELLED)
    tasks.cancel_all(desk.jobs, tasks.harvest_prefix(harvest_id))
    for run_id in waiting_for(desk.database, harvest_id):
        with desk.database.write() as session:
            runs.set_state(session, run_id, RunState.FAILED, error="its harvest was cancelled; resume it to go on")
    return _get(desk, harvest_id)


def resume_harvest(desk: Desk, harvest_id: str) -> HarvestRecord:
    """Go on with a harvest that failed or was cancelled, from the shards that are finished."""
    with desk.database.write() as session:
        record = harvests.get(session, harvest_id)
        if record.state is HarvestState.FINISHED:
            raise Conflict(f"the harvest {harvest_id} is finished; there is nothing to resume")
        if record.state not in UNDER_WAY:
            harvests.set_state(session, harvest_id, HarvestState.WAITING)
            harvests.set_tokens(session, harvest_id, 0)
        record = harvests.get(session, harvest_id)
    submit_missing_shards(desk, record)
    return record


def found_or_created(session: WriteSession, spec: HarvestSpec) -> HarvestRecord:
    """Return the harvest of this spec that is finished or under way, or store a new one."""
    return harvests.find_by_digest(session, spec.digest, KEPT) or harvests.create(session, spec)


def submit_missing_shards(desk: Desk, record: HarvestRecord) -> None:
    """Queue the shards of a harvest under way that no worker has or will take."""
    if record.state not in UNDER_WAY:
        return
    found = desk.jobs.status(tasks.harvest_prefix(record.id))
    if not tasks.live_parts(found):
        generation = tasks.next_generation(found)
        tasks.submit_shards(desk.jobs, record.id, record.spec.shards, generation=generation)


def _get(desk: Desk, harvest_id: str) -> HarvestRecord:
    with desk.database.read() as session:
        return harvests.get(session, harvest_id)
