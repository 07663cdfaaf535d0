"""The scores that a run should have of a feature's explanations: the scores proper, and those of its controls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autointerp.domain.plan import Plan
from autointerp.domain.specs import Control, ScorerSpec
from autointerp.domain.tools import Scorer
from autointerp.pipeline.slip import Slip
from autointerp.storage.records import ExplanationRecord

Claims = Sequence[ExplanationRecord]
Key = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One score to make of the explanation `claim`: which scorer, with which judge, and what text it is given.

    `control` and `borrowed_id` are as a score stores them: "" and None for a score proper.
    """

    claim: ExplanationRecord
    position: int
    spec: ScorerSpec
    scorer: Scorer
    text: str
    control: str = ""
    borrowed_id: int | None = None

    @property
    def key(self) -> Key:
        """What tells the scores of a run apart."""
        return self.claim.id, self.position, self.control


def wanted(slip: Slip, feature_id: int, claims: Mapping[int, Claims], *, lending: bool) -> list[Wanted]:
    """Return what a run should have of one feature; `lending` False: no explanation is borrowed yet."""
    plan, own = slip.plan, claims.get(feature_id, ())
    if slip.random:
        return list(_proper(plan, own, control="random_direction"))
    found = list(_proper(plan, own))
    if feature_id in slip.sample:
        found += _fixed(plan, own)
        if lending and slip.run.spec.controls.wants("shuffled"):
            found += _shuffled(plan, own, _others(feature_id, slip.sample, claims))
    return found


def _proper(plan: Plan, claims: Claims, *, control: Control | None = None) -> Iterator[Wanted]:
    """Every scorer on every explanation; `control` says that the feature itself is one."""
    for claim in claims:
        for i, (spec, scorer) in enumerate(plan.scorers):
            yield Wanted(claim, i, spec, scorer, claim.explanation.text, control or "")


def _fixed(plan: Plan, claims: Claims) -> Iterator[Wanted]:
    """Every scorer that asks a judge, with the answers that are always the same."""
    for control, scorers in plan.fixed.items():
        for claim in claims:
            for i, (spec, scorer) in scorers.items():
                yield Wanted(claim, i, spec, scorer, claim.explanation.text, control)


def _shuffled(plan: Plan, claims: Claims, others: Sequence[Claims]) -> Iterator[Wanted]:
    """Every scorer on another feature's explanation by the same explainer: that of the first of `others` that has one.

    No text that is the feature's own is borrowed, whoever made it; where all are, there is no such control.
    """
    own = {_plain(claim) for claim in claims}
    for claim in claims:
        alike = (other for found in others for other in found if _explainer(plan, other) == _explainer(plan, claim))
        lender = next((other for other in alike if _plain(other) not in own), None)
        if lender is not None:
            for i, (spec, scorer) in enumerate(plan.scorers):
                yield Wanted(claim, i, spec, scorer, lender.explanation.text, "shuffled", lender.id)


def _others(feature_id: int, sample: Sequence[int], claims: Mapping[int, Claims]) -> list[Claims]:
    """What was claimed of the other features of the sample, from the next one on and round: each lends to one."""
    at = sample.index(feature_id)
    return [claims.get(other, ()) for other in (*sample[at + 1 :], *sample[:at])]


def _explainer(plan: Plan, claim: ExplanationRecord) -> int | str:
    """The position in the run, or for explanations of other runs the name."""
    return claim.position if plan.explainers else claim.explainer


def _plain(claim: ExplanationRecord) -> str:
    return " ".join(claim.explanation.text.casefold().split())
