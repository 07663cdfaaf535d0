"""How far the scorers of runs agree on the same explanations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autointerp.analysis.agreement import Correlation, agreement
from autointerp.errors import InvalidInput
from autointerp.storage import run_scores, runs
from autointerp.storage.engine import Database
from autointerp.storage.run_scores import ScoreLine, UsedExplainer, UsedScorer


@dataclass(frozen=True, slots=True)
class AgreementTable:
    """The rank correlations among `scorers` over one explainer's explanations, by the positions in `scorers`."""

    explainer: UsedExplainer
    explanations: int
    scorers: tuple[UsedScorer, ...]
    pairs: dict[tuple[int, int], Correlation]


def agree(database: Database, run_ids: Sequence[str], *, seed: int) -> tuple[AgreementTable, ...]:
    """Correlate the scores that these runs gave to the same explanations: a table for each explainer.

    NotFound for an unknown run, InvalidInput when there are no two scorers to correlate.
    """
    with database.read() as session:
        for run_id in run_ids:
            runs.get(session, run_id)
        found = run_scores.lines(session, run_ids)
        scorers = run_scores.scorers(session, run_ids)
        explainers = run_scores.explainers(session, run_ids)
    if len(scorers) < 2:
        named = f"only {scorers[0].label}" if scorers else "no scorer"
        raise InvalidInput(f"{named} has scored in {', '.join(run_ids)}; agreement needs two scorers")
    by_origin = {one.origin: [line for line in found if line.origin == one.origin] for one in explainers}
    return tuple(_table(one, scorers, by_origin[one.origin], seed) for one in explainers)


def _table(
    explainer: UsedExplainer, scorers: Sequence[UsedScorer], lines: Sequence[ScoreLine], seed: int
) -> AgreementTable:
    rows = {claim: i for i, claim in enumerate(sorted({line.explanation_id for line in lines}))}
    present = {(line.run_id, line.position) for line in lines}
    chosen = tuple(one for one in scorers if (one.run_id, one.position) in present)
    columns = {(one.run_id, one.position): j for j, one in enumerate(chosen)}
    table = np.full((len(rows), len(chosen)), np.nan)
    for line in lines:
        if line.value is not None:
            table[rows[line.explanation_id], columns[line.run_id, line.position]] = line.value
    return AgreementTable(explainer, len(rows), chosen, agreement(table, [one.label for one in chosen], seed=seed))
