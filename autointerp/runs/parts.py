"""The features that stand for all of a run in its rehearsal, and how often the run does what is rehearsed once."""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.specs import RunSpec
from autointerp.storage import control_sample, features, missing
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import FeatureRow

REHEARSED = 12  # of the run's features
RANDOM = 4  # of the random directions that are controls of it


@dataclass(frozen=True, slots=True)
class Part:
    """Features to rehearse on. For each of them the run explains `explain` features, makes `score` scores by each
    scorer of an explanation, and `fixed` scores by each with a fixed answer."""

    rows: tuple[FeatureRow, ...]
    explain: float
    score: float
    fixed: float


def parts(session: ReadSession, harvest_id: str, spec: RunSpec) -> tuple[Part, ...]:
    """Return the features of the run, some of which have controls, and the random directions.

    InvalidInput when there is no feature to work on.
    """
    chosen = features.select(session, harvest_id, spec.features, spec.seed, also=missing.lacks(spec))
    rows = features.get_many(session, harvest_id, _spread(chosen, REHEARSED))
    sample = len(control_sample.sample(session, harvest_id, spec, chosen))
    borrowing = sample if sample > 1 and spec.controls.wants("shuffled") else 0
    count = len(rows)
    own = Part(rows, len(chosen) / count, (len(chosen) + borrowing) / count, sample / count)
    random = control_sample.random_directions(session, harvest_id, spec)
    if not random:
        return (own,)
    few = features.get_many(session, harvest_id, _spread(random, RANDOM))
    return own, Part(few, len(random) / len(few), len(random) / len(few), 0.0)


def _spread(chosen: Sequence[int], most: int) -> list[int]:
    """A few of the features, evenly spread."""
    count = min(most, len(chosen))
    return [chosen[i * len(chosen) // count] for i in range(count)]
