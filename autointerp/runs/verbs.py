"""Runs: handed in, cancelled, resumed."""

from autointerp.domain.specs import Budget, HarvestSpec, RunSpec
from autointerp.errors import Conflict
from autointerp.jobs import tasks
from autointerp.jobs.expansion import expand, waiting_for
from autointerp.jobs.taking_up import take_up_run
from autointerp.runs.checking import check, check_plugins
from autointerp.runs.desk import Desk
from autointerp.runs.harvests import KEPT, cancel_harvest, resume_harvest, submit_missing_shards
from autointerp.runs.pausing import requeue
from autointerp.runs.reuse import harvest_for, reusable_by
from autointerp.storage import batches, budgets, harvests, run_features, runs
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.lineage import extended_by
from autointerp.storage.records import HarvestRecord, HarvestState, RunRecord, RunState


def create_run(desk: Desk, spec: RunSpec, *, idempotency_key: str | None) -> RunRecord:
    """Start a run; the same key and spec again give the same run, and Conflict says when the spec is another.

    Nothing is stored when the spec cannot be carried out.
    """
    if (made := _made_before(desk, spec, idempotency_key)) is not None:
        return made
    check(desk, spec)
    with desk.database.write() as session:
        run = runs.create(session, spec, harvest_id=None, idempotency_key=idempotency_key)
        if run.state is not RunState.WAITING:
            return run
        harvest = _harvest_of(session, spec)
        runs.set_harvest(session, run.id, harvest.id)
        budgets.open_budget(session, run.id, spec.budget)
        runs.set_state(session, run.id, RunState.HARVESTING)
    submit_missing_shards(desk, harvest)
    _expand_if_harvested(desk, run.id, harvest.id)
    return _get(desk, run.id)


def cancel_run(desk: Desk, run_id: str) -> RunRecord:
    """Stop a run within about a second; what it has stored stays. Its harvest stops too when only this run made it.

    Its batches are ended at the vendor, and what they had answered by then is kept.
    """
    with desk.database.write() as session:
        run = runs.get(session, run_id)
        if run.state.ended:
            raise Conflict(f"the run {run_id} is {run.state}; there is nothing to cancel")
        runs.set_state(session, run_id, RunState.CANCELLED)
        batches.ask_cancel(session, run_id)
    tasks.cancel_all(desk.jobs, tasks.run_prefix(run_id))
    if run.state is RunState.HARVESTING and run.harvest_id and isinstance(run.spec.harvest, HarvestSpec):
        _cancel_unwanted(desk, run.harvest_id)
    return _get(desk, run_id)


def resume_run(desk: Desk, run_id: str, *, budget: Budget | None = None) -> RunRecord:
    """Take up a run that has not everything it should have: only what is missing is done.

    A run that was paused goes on from there; what failed is tried again only of one that has ended. A run under way
    gets the jobs that it lacks, as after a crash of the process that handed it in. `budget` takes the place of the
    run's own, and counts what was spent before; None: the budget stays.
    """
    with desk.database.write() as session:
        run = runs.get(session, run_id)
        refuse_extended(session, run_id)
        if run.state is RunState.COMPLETE:
            raise Conflict(f"the run {run_id} is complete; there is nothing to resume")
        ended, paused = run.state.ended, run.state is RunState.PAUSED
        if ended:
            run_features.retry_failed(session, run_id)
        harvest = _harvest_of(session, run.spec) if run.harvest_id is None else harvests.get(session, run.harvest_id)
        runs.set_harvest(session, run_id, harvest.id)
        budgets.open_budget(session, run_id, run.spec.budget)
        if budget is not None:
            check_plugins(desk, run.spec.model_copy(update={"budget": budget}))
            budgets.change(session, run_id, budget)
        if not (harvest.state is HarvestState.FINISHED and run_features.count_states(session, run_id)):
            runs.set_state(session, run_id, RunState.HARVESTING)
        else:
            runs.set_state(session, run_id, RunState.RUNNING)
    if harvest.state is not HarvestState.FINISHED:
        resume_harvest(desk, harvest.id)
    _expand_if_harvested(desk, run_id, harvest.id)
    if paused:
        requeue(desk, run_id)
    else:
        take_up_run(desk.database, desk.jobs, run_id, anew=ended)
    return _get(desk, run_id)


def refuse_extended(session: ReadSession, run_id: str) -> None:
    """Conflict when another run has taken over what this one has and lacks."""
    if (newer := extended_by(session, run_id)) is not None:
        raise Conflict(f"the run {run_id} was extended; go on with the run {newer}, which has taken over all of it")


def _made_before(desk: Desk, spec: RunSpec, idempotency_key: str | None) -> RunRecord | None:
    """Return the run that the same request has made; what has changed since is no reason to refuse it now."""
    with desk.database.read() as session:
        return runs.find(session, spec, idempotency_key)


def _harvest_of(session: WriteSession, spec: RunSpec) -> HarvestRecord:
    if isinstance(spec.harvest, str):
        return harvests.get(session, spec.harvest)
    found = reusable_by(session, spec, spec.harvest, KEPT)
    return found or harvests.create(session, harvest_for(spec, spec.harvest))


def _expand_if_harvested(desk: Desk, run_id: str, harvest_id: str) -> None:
    """Start the chunks when the harvest is there; otherwise its last job will, having found this run waiting."""
    with desk.database.read() as session:
        finished = harvests.get(session, harvest_id).state is HarvestState.FINISHED
        waiting = runs.get(session, run_id).state is RunState.HARVESTING
    if finished and waiting:
        expand(desk.database, desk.jobs, run_id)


def _cancel_unwanted(desk: Desk, harvest_id: str) -> None:
    with desk.database.read() as session:
        under_way = harvests.get(session, harvest_id).state in (HarvestState.WAITING, HarvestState.RUNNING)
    if under_way and not waiting_for(desk.database, harvest_id):
        cancel_harvest(desk, harvest_id)


def _get(desk: Desk, run_id: str) -> RunRecord:
    with desk.database.read() as session:
        return runs.get(session, run_id)
