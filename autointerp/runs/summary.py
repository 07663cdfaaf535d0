"""What a run found by and large: each scorer's scores of each explainer put together."""

from dataclasses import dataclass

from autointerp.analysis.aggregates import Aggregate, aggregate
from autointerp.domain.seeds import rng_for
from autointerp.storage import run_features, run_scores, runs
from autointerp.storage.engine import Database
from autointerp.storage.run_scores import Origin, ScoreLine, UsedExplainer, UsedScorer


@dataclass(frozen=True, slots=True)
class ScorerSummary:
    """The scores of one explainer's explanations by one scorer."""

    explainer: UsedExplainer
    scorer: UsedScorer
    aggregate: Aggregate


def summarise_run(database: Database, run_id: str) -> tuple[ScorerSummary, ...]:
    """Put a run's scores together, by explainer and scorer; NotFound for an unknown run."""
    with database.read() as session:
        seed = runs.get(session, run_id).spec.seed
        features = sum(run_features.count_states(session, run_id).values())
        scorers = run_scores.scorers(session, [run_id])
        explainers = run_scores.explainers(session, [run_id])
        found = run_scores.lines(session, [run_id])
    groups: dict[tuple[Origin, int], dict[int, ScoreLine]] = {}
    for line in found:
        groups.setdefault((line.origin, line.position), {})[line.feature_id] = line
    return tuple(
        ScorerSummary(one, by, _aggregate(list(groups[one.origin, by.position].values()), features, seed, by))
        for one in explainers
        for by in scorers
        if (one.origin, by.position) in groups
    )


def _aggregate(lines: list[ScoreLine], features: int, seed: int, by: UsedScorer) -> Aggregate:
    values = [line.value for line in sorted(lines, key=lambda line: line.feature_id) if line.value is not None]
    reasons = [line.undefined or "no reason was stored" for line in lines if line.value is None]
    return aggregate(values, reasons, features=features, rng=rng_for(seed, "summary", by.label))
