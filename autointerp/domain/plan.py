"""The plug-ins of a run, built: its explainers, and its scorers each with its judge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autointerp import plugins
from autointerp.domain.specs import PluginSpec, RunSpec, ScorerSpec
from autointerp.domain.tools import Explainer, Scorer, Tools, splits_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to each feature, in the order of the spec; the position in it is part of a result's key."""

    explainers: Sequence[tuple[PluginSpec, Explainer]]
    scorers: Sequence[tuple[ScorerSpec, Scorer]]


def build(spec: RunSpec, tools: Tools) -> Plan:
    """Build every plug-in of the run; InvalidSpec when one lacks what it needs."""
    return Plan(
        explainers=[(one, build_explainer(one, tools)) for one in spec.explainers],
        scorers=[(one, build_scorer(one, tools)) for one in spec.scorers],
    )


def build_explainer(spec: PluginSpec, tools: Tools) -> Explainer:
    """Build one explainer; InvalidSpec also when it wants to see the score split, which the sample is of too."""
    blind = replace(tools, sample=None)
    explainer: Explainer = plugins.configure("explainer", spec.name, spec.options).build(blind)
    splits_of(explainer)
    return explainer


def build_scorer(spec: ScorerSpec, tools: Tools) -> Scorer:
    """Build one scorer with its judge."""
    judge = None
    if spec.judge is not None:
        judge = plugins.configure("judge", spec.judge.name, spec.judge.options).build(tools)
    return plugins.configure("scorer", spec.name, spec.options).build(replace(tools, judge=judge))
