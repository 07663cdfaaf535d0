"""A side of a comparison: what a run scored of one explainer's explanations."""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.labels import by_options
from autointerp.errors import InvalidInput
from autointerp.storage import run_scores, runs
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import RunRecord
from autointerp.storage.run_scores import ScoreLine, UsedExplainer, UsedScorer


@dataclass(frozen=True, slots=True)
class RunSide:
    """A run, and which explainer of it by position or name; None: the only one."""

    run_id: str
    explainer: int | str | None


@dataclass(frozen=True, slots=True)
class FoundSide:
    """A side with its scores, and the scorers of the run that made them."""

    run: RunRecord
    explainer: UsedExplainer
    scorers: tuple[UsedScorer, ...]
    lines: tuple[ScoreLine, ...]

    @property
    def name(self) -> str:
        """The side as it can be written on the command line."""
        return _name(self.run.id, self.explainer)


def find(session: ReadSession, side: RunSide) -> FoundSide:
    """Read a side; NotFound for an unknown run, InvalidInput when it has no scores or its explainer is not clear."""
    run = runs.get(session, side.run_id)
    scorers = run_scores.scorers(session, [run.id])
    if not scorers:
        raise InvalidInput(
            f"the run {run.id} ({run.state.replace('_', ' ')}) has no scores; name a run that has scored"
        )
    explainer = _choose(run.id, run_scores.explainers(session, [run.id]), side.explainer)
    lines = tuple(line for line in run_scores.lines(session, [run.id]) if line.origin == explainer.origin)
    positions = {line.position for line in lines}
    return FoundSide(run, explainer, tuple(one for one in scorers if one.position in positions), lines)


def _choose(run_id: str, explainers: Sequence[UsedExplainer], wanted: int | str | None) -> UsedExplainer:
    if isinstance(wanted, str) and wanted.isdecimal():
        wanted = int(wanted)
    fitting = [one for one in explainers if wanted in (None, one.origin.explainer, one.origin.position)]
    if len(fitting) == 1:
        return fitting[0]
    named = by_options([(one.origin.explainer, one.options) for one in explainers])
    there = ", ".join(f"{_name(run_id, one)} ({label})" for one, label in zip(explainers, named, strict=True))
    if wanted is None:
        raise InvalidInput(f"the run {run_id} has scored {len(explainers)} explainers; say which: {there}")
    if fitting:
        raise InvalidInput(f"the run {run_id} has several explainers {wanted!r}; say which by its position: {there}")
    raise InvalidInput(f"the run {run_id} has scored no explainer {wanted!r}; there are {there}")


def _name(run_id: str, explainer: UsedExplainer) -> str:
    origin = explainer.origin
    return f"{run_id}:{origin.explainer if origin.position is None else origin.position}"
