"""Carries out a run for a command: price, submission, waiting and results."""

import typer

from autointerp import runs
from autointerp.api.schemas.runs import RunPage
from autointerp.cli import results
from autointerp.cli.console import OUT, note, print_json
from autointerp.cli.controls import controls_table
from autointerp.cli.parts import at_desk
from autointerp.cli.price import agree
from autointerp.cli.progress import follow_run, in_dollars
from autointerp.cli.results_table import results_table
from autointerp.cli.summary import summary_table
from autointerp.domain.specs import Budget, RunSpec
from autointerp.runs import Desk
from autointerp.storage import runs as stored_runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunRecord, RunState

SHOWN = 30
PAGE = 100


def perform(spec: RunSpec, *, yes: bool, wait: bool, as_json: bool) -> None:
    """Do what a spec asks, or go on where the same spec was interrupted, and print what was found."""
    with at_desk(working=wait) as desk:
        agree(desk, [spec], yes=yes)
        record = under_way(desk.database, spec.digest) or runs.create_run(desk, spec, idempotency_key=None)
        if record.state is RunState.PAUSED:
            record = runs.resume_run(desk, record.id)
        finish(desk, record, wait=wait, as_json=as_json)


def resume(run_id: str, *, budget: Budget | None, wait: bool, as_json: bool) -> None:
    """Take up a run that was interrupted or has ended with something missing, with another budget if one is given."""
    with at_desk(working=wait) as desk:
        with desk.database.read() as session:
            record = stored_runs.get(session, run_id)
        for warning in runs.warnings_about(desk, record.spec):
            note(warning)
        if record.state.ended or record.state is RunState.PAUSED or budget is not None:
            record = runs.resume_run(desk, run_id, budget=budget)
        finish(desk, record, wait=wait, as_json=as_json)


def finish(desk: Desk, record: RunRecord, *, wait: bool, as_json: bool) -> None:
    """Wait for a run if asked to, print it, and end with exit code 1 where it is not complete.

    Of a run that is left to workers there is nothing to see yet, but where to look for it.
    """
    if not (wait or as_json or record.state.ended):
        OUT.print(
            f"run {record.id} {record.state.value}: left to workers (`autointerp worker`)",
            soft_wrap=True,
            highlight=False,
        )
        note(f"autointerp runs show {record.id} tells how far it is")
        note(f"autointerp run --resume {record.id} works on it here, and follows it to its end")
        return
    note(f"run {record.id}; autointerp run --resume {record.id} goes on after an interruption")
    if wait:
        record = follow_run(desk, record.id)
    show(desk, record.id, as_json=as_json)
    if wait and record.state != RunState.COMPLETE:
        raise typer.Exit(1)


def show(desk: Desk, run_id: str, *, as_json: bool) -> None:
    """Print a run with what it found and what it could not do."""
    with desk.database.read() as session:
        record = stored_runs.get(session, run_id)
    page = results.page_of_run(desk, record, most=None if as_json else SHOWN)
    if as_json:
        print_json(page)
        return
    if page.results:
        OUT.print(results_table(page.results, width=OUT.width))
    if page.summary and (page.progress.scores or record.state.ended):
        OUT.print("", summary_table(page.summary))
    if page.controls.items:
        note(f"\nagainst controls, on {page.controls.sample} of the features")
        OUT.print(controls_table(page.controls))
    tell(page)
    for failure in page.progress.failures:
        note(f"  feature {failure.index} failed: {failure.reason}")


def under_way(database: Database, digest: str) -> RunRecord | None:
    """Return the newest run of this spec that has not ended."""
    with database.read() as session:
        found = [
            record
            for state in stored_runs.UNDER_WAY
            for record in stored_runs.list_runs(session, state=state, after=None, limit=PAGE)
            if record.spec_digest == digest
        ]
    return max(found, key=lambda record: record.id, default=None)


def tell(page: RunPage) -> None:
    """Say how far a run is, and what is still to be done about its batches where it was cancelled."""
    note(summary_of(page))
    if page.progress.batch is not None and page.progress.batch.ending is not None:
        note(page.progress.batch.ending)


def summary_of(page: RunPage) -> str:
    """Tell in one line how far a run is."""
    done = page.progress
    cost = f", {in_dollars(done.cost, unknown=done.cost_unknown)}" if done.requests else ""
    if done.prompt_cache:
        cost += f" ({done.prompt_cache:.0%} of the input from prompt caches)"
    why = f": {page.error}" if page.error else ""
    unread = f", {done.unread} unread replies" if done.unread else ""
    more = f"; autointerp export --run {page.id} writes all" if done.done > SHOWN else ""
    counts = f"{done.done} features done, {done.failed} failed, {done.explanations} explanations, {done.scores} scores"
    return f"run {page.id} {page.state.replace('_', ' ')}{why}: {counts}{unread}{cost}{more}"
