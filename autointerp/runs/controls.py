"""A run's scores held against their controls, as far as it is."""

from dataclasses import dataclass

from autointerp.analysis.controls import Against, against
from autointerp.domain.labels import labels
from autointerp.storage import control_scores, run_features, runs
from autointerp.storage.engine import Database


@dataclass(frozen=True, slots=True)
class Controlled:
    """How many features of a run have controls, and each scorer against each control.

    `scorers` and `explainers` are labels that tell those of one name apart, by position in the run; a run that scored
    what others explained has no explainers.
    """

    sample: int
    explainers: tuple[str, ...]
    scorers: tuple[str, ...]
    against: tuple[Against, ...]


def controls_of(database: Database, run_id: str) -> Controlled:
    """Hold what a run has stored so far against its controls; NotFound when there is no such run."""
    with database.read() as session:
        run = runs.get(session, run_id)
        measured = control_scores.of_run(session, run)
        sample = run_features.sample(session, run_id)
    return Controlled(
        sample=len(sample),
        explainers=labels([(one.name, one.options) for one in run.spec.explainers]),
        scorers=labels([one.named for one in run.spec.scorers]),
        against=against(measured, seed=run.spec.seed),
    )
