"""What a run found by and large: each scorer's scores of each explainer put together."""

from dataclasses import dataclass

from autointerp.analysis.aggregates import Aggregate, aggregate
from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import PluginSpec, ScorerSpec
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
    """Put a run's scores together, by explainer and scorer; NotFound for an unknown run.

    What the run was to score and has no score of is there too: all its features are missing.
    """
    with database.read() as session:
        spec = runs.get(session, run_id).spec
        features = sum(run_features.count_states(session, run_id).values())
        scorers = {one.position: one for one in run_scores.scorers(session, [run_id])}
        explainers = {one.origin: one for one in run_scores.explainers(session, [run_id])}
        found = run_scores.lines(session, [run_id])
    groups: dict[tuple[Origin, int], dict[int, ScoreLine]] = {}
    for line in found:
        groups.setdefault((line.origin, line.position), {})[line.feature_id] = line
    wanted = [_explainer(run_id, *one) for one in enumerate(spec.explainers)]
    explainers = {one.origin: explainers.get(one.origin, one) for one in wanted} | explainers
    scorers = {one.position: one for one in (_scorer(run_id, *one) for one in enumerate(spec.scorers))} | scorers
    return tuple(
        ScorerSummary(one, by, _aggregate(list(groups.get((origin, place), {}).values()), features, spec.seed, by))
        for origin, one in explainers.items()
        for place, by in scorers.items()
    )


def _explainer(run_id: str, position: int, spec: PluginSpec) -> UsedExplainer:
    """An explainer of the run, of whose explanations nothing is scored yet."""
    return UsedExplainer(Origin(spec.name, run_id, position), spec.options, models=(), prompts=())


def _scorer(run_id: str, position: int, spec: ScorerSpec) -> UsedScorer:
    """A scorer of the run that has stored nothing yet; its metric is not known before."""
    judge = spec.judge
    return UsedScorer(
        run_id=run_id,
        position=position,
        scorer=spec.name,
        options=spec.options,
        judge=judge.name if judge else None,
        judge_options=judge.options if judge else {},
        metric="",
        models=(),
        prompts=(),
    )


def _aggregate(lines: list[ScoreLine], features: int, seed: int, by: UsedScorer) -> Aggregate:
    values = [line.value for line in sorted(lines, key=lambda line: line.feature_id) if line.value is not None]
    reasons = [line.undefined or "no reason was stored" for line in lines if line.value is None]
    return aggregate(values, reasons, features=features, rng=rng_for(seed, "summary", by.label))
