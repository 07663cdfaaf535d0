"""Whether a run may take over the results of another."""

from autointerp.domain.specs import RunSpec
from autointerp.errors import Conflict, InvalidSpec
from autointerp.storage import run_features, runs
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import RunRecord

SAME = ("controls", "mode", "seed")  # with another one, what is there would not be what the new run should have


def check_extension(session: ReadSession, spec: RunSpec) -> None:
    """Refuse a spec that extends a run which is under way, or is not all that that run was, and more."""
    if spec.extends is None:
        return
    older = runs.get(session, spec.extends)
    if not older.state.ended:
        raise Conflict(f"the run {older.id} is {older.state}; wait for its end or cancel it, and extend it then")
    if not run_features.units(session, older.id):
        raise Conflict(f"the run {older.id} never began; resume it, or start another one")
    if why := _not_more(spec, older):
        raise InvalidSpec(f"{why}, so it cannot extend the run {older.id}; start a run of its own")


def _not_more(spec: RunSpec, older: RunRecord) -> str | None:
    if spec.harvest != older.harvest_id or spec.features.sae != older.spec.features.sae:
        return "the spec has another harvest or SAE"
    for name in ("explainers", "scorers"):
        new, old = getattr(spec, name), getattr(older.spec, name)
        if new[: len(old)] != old:
            return f"the spec does not begin with the {name} of the older run"
    if spec.explainers and not older.spec.explainers:
        return "the older run scored what others had explained"
    if older.spec.llm not in (None, spec.llm):
        return f"the older run asked {older.spec.llm} (a plug-in may name another model in its options)"
    if other := next((name for name in SAME if getattr(spec, name) != getattr(older.spec, name)), None):
        return f"the spec has another {other}"
    return None
