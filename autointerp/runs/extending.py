"""More features, explainers or scorers for a run that has ended: another run, which takes over what is there."""

from autointerp.domain.specs import Extension, RunSpec
from autointerp.errors import Conflict
from autointerp.runs.desk import Desk
from autointerp.runs.verbs import create_run
from autointerp.storage import runs
from autointerp.storage.records import RunRecord


def extend_run(desk: Desk, run_id: str, extension: Extension, *, idempotency_key: str | None) -> RunRecord:
    """Start a run that has all that `run_id` has and more, or return the one that this extension has made before.

    Conflict when the run is under way, or was extended in another way; what it should have and lacks goes over to the
    new run.
    """
    with desk.database.read() as session:
        run = runs.get(session, run_id)
    return create_run(desk, extended(run, extension), idempotency_key=idempotency_key)


def extended(run: RunRecord, extension: Extension) -> RunSpec:
    """Return the spec of a run that extends another."""
    older = run.spec
    if run.harvest_id is None:
        raise Conflict(f"the run {run.id} has no harvest; resume it")
    return RunSpec.model_validate(
        older.model_dump()
        | {
            "extends": run.id,
            "harvest": run.harvest_id,
            "features": (extension.features or older.features).model_dump(),
            "explainers": [one.model_dump() for one in (*older.explainers, *extension.explainers)],
            "scorers": [one.model_dump() for one in (*older.scorers, *extension.scorers)],
            "llm": extension.llm or older.llm,
            "budget": (extension.budget or older.budget).model_dump(),
            "priority": older.priority,
        }
    )
