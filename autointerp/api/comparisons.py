"""Comparisons of two explainers, prompts, models or runs."""

from typing import Annotated

from fastapi import APIRouter, Body

from autointerp import runs
from autointerp.api.parts import Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.comparisons import WANTED_EXAMPLE, Comparison, ComparisonWanted
from autointerp.errors import NotFound

router = APIRouter(prefix="/comparisons", tags=["comparisons"])
Wanted = Annotated[
    ComparisonWanted,
    Body(openapi_examples={"explainers": {"summary": "two explainers of one run", "value": WANTED_EXAMPLE}}),
]


@router.post("", responses=documented(NotFound))
def compare(database: Stored, wanted: Wanted) -> Comparison:
    """Compare two sides feature by feature, by the scorers that scored both in the same way; nothing is stored."""
    sides = wanted.first.side, wanted.second.side
    return Comparison.of(runs.compare_sides(database, *sides, seed=wanted.seed, verdicts=wanted.verdicts))
