"""Searches of explanations."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from autointerp.api.paging import Page, Paged
from autointerp.api.parts import MOST, Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.searches import Hit
from autointerp.errors import InvalidInput
from autointerp.storage import searches
from autointerp.storage.searches import Place, SearchFilter

router = APIRouter(prefix="/searches", tags=["searches"])
Words = Annotated[
    str,
    Query(min_length=1, max_length=500, description='all of these words in any form; "a phrase" in quotation marks'),
]


@dataclass(frozen=True)
class Filters:
    """Which explanations to search."""

    model_id: Annotated[int | None, Query(ge=1, le=MOST)] = None
    sae_id: Annotated[int | None, Query(ge=1, le=MOST)] = None
    harvest_id: Annotated[str | None, Query(description="from the examples of this harvest")] = None
    explainer: Annotated[str | None, Query(max_length=200)] = None
    scorer: Annotated[str | None, Query(max_length=200, description="scored by this scorer")] = None
    min_score: Annotated[
        float | None, Query(allow_inf_nan=False, description="with such a score by the scorer, or by any")
    ] = None

    def chosen(self) -> SearchFilter:
        """The same for storage."""
        return SearchFilter(self.model_id, self.sae_id, self.harvest_id, self.explainer, self.scorer, self.min_score)


@router.get("", responses=documented())
def search_explanations(
    database: Stored, paging: Paged, text: Words, filters: Annotated[Filters, Depends()]
) -> Page[Hit]:
    """Find explanations by their words, the best first; among very many, the newest 10,000 are ranked."""
    with database.read() as session:
        found = searches.by_words(
            session, text, filters.chosen(), after=_place(paging.after_text()), limit=paging.limit + 1
        )
    return paging.page(found, key=lambda hit: f"{hit.rank!r} {hit.place.id}", show=Hit.of)


def _place(after: str | None) -> Place | None:
    if after is None:
        return None
    rank, _, number = after.partition(" ")
    try:
        return Place(float(rank), int(number))
    except ValueError as error:
        raise InvalidInput("the cursor cannot be read; pass `next` of the last page as it came, or none") from error
