"""The plug-ins of a run, built: its explainers, and its scorers each with its judge and those of the controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autointerp import plugins
from autointerp.domain.specs import Control, PluginSpec, RunSpec, ScorerSpec
from autointerp.domain.tools import Explainer, Scorer, Tools, splits_of

ANSWERS: Mapping[Control, bool] = {"always_yes": True, "always_no": False}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to each feature, in the order of the spec; the position in it is part of a result's key.

    `fixed` has, by control and position, the scorers that ask a judge, with one that always gives the same answer.
    """

    explainers: Sequence[tuple[PluginSpec, Explainer]]
    scorers: Sequence[tuple[ScorerSpec, Scorer]]
    fixed: Mapping[Control, Mapping[int, tuple[ScorerSpec, Scorer]]]


def build(spec: RunSpec, tools: Tools) -> Plan:
    """Build every plug-in of the run; InvalidSpec when one lacks what it needs."""
    return Plan(
        explainers=[(one, build_explainer(one, tools)) for one in spec.explainers],
        scorers=[(one, build_scorer(one, tools)) for one in spec.scorers],
        fixed={
            control: _fixed(spec.scorers, tools, answer=answer)
            for control, answer in ANSWERS.items()
            if spec.controls.wants(control)
        },
    )


def _fixed(scorers: Sequence[ScorerSpec], tools: Tools, *, answer: bool) -> Mapping[int, tuple[ScorerSpec, Scorer]]:
    judge = PluginSpec(name="fixed", options={"answer": answer})
    asking = {i: one.model_copy(update={"judge": judge}) for i, one in enumerate(scorers) if one.judge is not None}
    return {i: (one, build_scorer(one, tools)) for i, one in asking.items()}


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
