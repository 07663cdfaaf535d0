"""Which features a run works on, decided once, when it is expanded."""

from autointerp.domain.specs import RunSpec
from autointerp.storage import control_sample, features, missing, run_features, runs, sums
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.records import RunRecord


def select(session: ReadSession, harvest_id: str, spec: RunSpec) -> tuple[int, ...]:
    """Return the features that the spec selects, by index.

    None where the run extends another and selects nothing else. InvalidInput when nothing passes, or an index does not
    exist.
    """
    if spec.extends is not None and spec.features == runs.get(session, spec.extends).spec.features:
        return ()
    return features.select(session, harvest_id, spec.features, spec.seed, also=missing.lacks(spec))


def assign(session: WriteSession, run: RunRecord, harvest_id: str) -> None:
    """Give a run its features, those of a run that it extends first, and those that are controls."""
    spec = run.spec
    chosen = select(session, harvest_id, spec)
    if spec.extends is not None:
        older = runs.get(session, spec.extends).spec
        more = len(spec.explainers) > len(older.explainers) or len(spec.scorers) > len(older.scorers)
        run_features.take_over(session, run.id, spec.extends, anew=more)
        sums.take_over(session, run.id, spec.extends)
        run_features.add(session, run.id, chosen, chunk=spec.chunk, first=run_features.units(session, run.id))
        chosen = run_features.own(session, run.id)
    if not run_features.sample(session, run.id):
        sample = control_sample.sample(session, harvest_id, spec, chosen)
        if spec.extends is None:
            run_features.add(session, run.id, chosen, chunk=spec.chunk, sample=sample)
        else:
            run_features.make_sample(session, run.id, sample)
    if not run_features.has_random(session, run.id):
        random = control_sample.random_directions(session, harvest_id, spec)
        run_features.add_random(session, run.id, random, number=run_features.units(session, run.id))
