"""Runs."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Response

from autointerp import runs as verbs
from autointerp.api.paging import Page, Paged
from autointerp.api.parts import MOST, AtDesk, Stored, Watched
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.agreement import Agreement
from autointerp.api.schemas.estimates import Estimate
from autointerp.api.schemas.explanations import UnreadReply
from autointerp.api.schemas.runs import SPEC_EXAMPLE, Change, FailedFeature, Retry, Run, RunPage, WarnedRun
from autointerp.api.schemas.summaries import Summary
from autointerp.domain.specs import Budget, Extension, RunSpec
from autointerp.errors import Conflict, NotFound
from autointerp.storage import explanations, run_features, runs
from autointerp.storage.records import RunState

EXTENSION = {"scorers": [{"name": "fuzzing", "judge": "lexical"}]}
router = APIRouter(prefix="/runs", tags=["runs"], route_class=Reading)
Spec = Annotated[RunSpec, Body(openapi_examples={"sample": {"summary": "100 features", "value": SPEC_EXAMPLE}})]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="the same key and spec again give the same run"),
]
Resamples = Annotated[int, Query(ge=0, le=MOST, description="seed of the resamples")]
NewBudget = Annotated[
    Budget | None, Body(openapi_examples={"more": {"summary": "up to five dollars in all", "value": {"dollars": 5.0}}})
]

Changed = Annotated[Change, Body(openapi_examples={"first": {"summary": "before others", "value": {"priority": 5}}})]
Retried = Annotated[
    Retry | None, Body(openapi_examples={"two": {"summary": "these two features", "value": {"features": [412, 413]}}})
]
Extended = Annotated[Extension, Body(openapi_examples={"scorer": {"summary": "one more scorer", "value": EXTENSION}})]


@router.post("", status_code=202, responses=documented(NotFound, Conflict))
def create_run(desk: AtDesk, response: Response, spec: Spec, idempotency_key: Key = None) -> WarnedRun:
    """Start a run; a key that was used with another spec is refused."""
    record = verbs.create_run(desk, spec, idempotency_key=idempotency_key)
    response.headers["Location"] = f"/v1/runs/{record.id}"
    return WarnedRun.warned(record, verbs.warnings_about(desk, record.spec))


@router.post("/estimate", responses=documented(NotFound, Conflict))
def estimate_run(desk: AtDesk, spec: Spec) -> Estimate:
    """Tell what a run is likely to ask and to cost; nothing is stored or spent, and its harvest must be finished."""
    return Estimate.of(verbs.estimate(desk, spec))


@router.get("", responses=documented())
def list_runs(
    database: Stored, paging: Paged, state: Annotated[RunState | None, Query(description="in this state")] = None
) -> Page[Run]:
    """List runs, newest first."""
    with database.read() as session:
        rows = runs.list_runs(session, state=state, after=paging.after_text(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=Run.of)


@router.get("/{run_id}", responses=documented(NotFound))
def get_run(looks: Watched, run_id: str) -> RunPage:
    """Show one run, how far it is and what it has cost."""
    return looks.page(run_id)


@router.patch("/{run_id}", responses=documented(NotFound, Conflict))
def change_run(looks: Watched, desk: AtDesk, run_id: str, change: Changed) -> RunPage:
    """Change the priority of a run that has not ended; what workers have in hand is finished as it is."""
    verbs.change_priority(desk, run_id, change.priority)
    return looks.page(run_id)


@router.get("/{run_id}/summary", responses=documented(NotFound))
def summarise_run(database: Stored, run_id: str) -> Summary:
    """Put the run's scores together: a line for each explainer and scorer, with what was left out of it and why."""
    return Summary.of(verbs.summarise_run(database, run_id))


@router.get("/{run_id}/agreement", responses=documented(NotFound))
def get_agreement(database: Stored, run_id: str, seed: Resamples = 0) -> Agreement:
    """Tell how far the run's scorers agree: their rank correlations over the same explanations."""
    return Agreement.of(verbs.agree(database, [run_id], seed=seed))


@router.post("/{run_id}/cancel", responses=documented(NotFound, Conflict))
def cancel_run(looks: Watched, desk: AtDesk, run_id: str) -> RunPage:
    """Stop a run; what it has stored stays, and it can be resumed.

    Batches that a vendor has are ended by a worker: `progress.batch.ending` says what is still to be done.
    """
    verbs.cancel_run(desk, run_id)
    return looks.page(run_id)


@router.post("/{run_id}/pause", responses=documented(NotFound, Conflict))
def pause_run(looks: Watched, desk: AtDesk, run_id: str) -> RunPage:
    """Let a run rest until it is resumed: it keeps its place, and its open batches are still read."""
    verbs.pause_run(desk, run_id)
    return looks.page(run_id)


@router.post("/{run_id}/retry", status_code=202, responses=documented(NotFound, Conflict))
def retry_run(looks: Watched, desk: AtDesk, run_id: str, retry: Retried = None) -> RunPage:
    """Try failed features again, also while the run is under way: those that the body names, or all."""
    verbs.retry_run(desk, run_id, None if retry is None else retry.features)
    return looks.page(run_id)


@router.post("/{run_id}/extend", status_code=202, responses=documented(NotFound, Conflict))
def extend_run(desk: AtDesk, response: Response, run_id: str, extension: Extended, idempotency_key: Key = None) -> Run:
    """Start a run that takes over all that a run has, and does what this asks for in addition.

    The same extension again gives the same run; a run that was extended goes on as the newer one alone.
    """
    record = verbs.extend_run(desk, run_id, extension, idempotency_key=idempotency_key)
    response.headers["Location"] = f"/v1/runs/{record.id}"
    return Run.of(record)


@router.post("/{run_id}/resume", status_code=202, responses=documented(NotFound, Conflict))
def resume_run(looks: Watched, desk: AtDesk, run_id: str, budget: NewBudget = None) -> RunPage:
    """Take up a run that was paused or cancelled, ran out of budget or failed in parts; only what is missing is done.

    A budget in the body takes the place of the run's own; what was spent before counts.
    """
    verbs.resume_run(desk, run_id, budget=budget)
    return looks.page(run_id)


@router.get("/{run_id}/failures", responses=documented(NotFound))
def list_failures(database: Stored, paging: Paged, run_id: str) -> Page[FailedFeature]:
    """List the features that the run could not finish, and why."""
    with database.read() as session:
        runs.get(session, run_id)
        rows = run_features.list_failures(session, run_id, after=paging.after_number(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.feature_id, show=FailedFeature.of)


@router.get("/{run_id}/unread", responses=documented(NotFound))
def list_unread(database: Stored, paging: Paged, run_id: str) -> Page[UnreadReply]:
    """List the replies of explainers that could not be read."""
    with database.read() as session:
        runs.get(session, run_id)
        rows = explanations.list_unread(session, run_id=run_id, after=paging.after_number(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=UnreadReply.of)
