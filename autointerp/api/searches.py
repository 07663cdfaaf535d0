"""Searches of explanations."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Body, Depends, Query, Response
from starlette.concurrency import run_in_threadpool

from autointerp.api.inquiring import Prefer, answer, asked
from autointerp.api.paging import Page, Paged
from autointerp.api.parts import MOST, AtDesk, ByMeaning, Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.searches import MEANING_EXAMPLE, Hit, Search
from autointerp.domain.inquiries import InquiryKind, MeaningFound, MeaningWanted
from autointerp.errors import InvalidInput, NotFound
from autointerp.runs import Desk, ask_meaning, get_inquiry
from autointerp.storage import searches
from autointerp.storage.inquiries import InquiryRecord
from autointerp.storage.meanings import Meanings
from autointerp.storage.searches import Place, SearchFilter

router = APIRouter(prefix="/searches", tags=["searches"])
Words = Annotated[
    str,
    Query(min_length=1, max_length=500, description='all of these words in any form; "a phrase" in quotation marks'),
]

Wanted = Annotated[
    MeaningWanted, Body(openapi_examples={"meaning": {"summary": "the 20 nearest", "value": MEANING_EXAMPLE}})
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
    """Find explanations by their words, the best first; among very many, the newest 5,000 are ranked."""
    with database.read() as session:
        found = searches.by_words(
            session, text, filters.chosen(), after=_place(paging.after_text()), limit=paging.limit + 1
        )
    return paging.page(found, key=lambda hit: f"{hit.rank!r} {hit.place.id}", show=Hit.of)


@router.post("", status_code=202, responses=asked(Search))
async def search_by_meaning(
    desk: AtDesk, meanings: ByMeaning, response: Response, wanted: Wanted, prefer: Prefer = None
) -> Search:
    """Find the explanations that are nearest in meaning to a text; a worker embeds the text first."""
    record = await answer(desk, response, prefer, "searches", lambda: ask_meaning(desk, wanted))
    return await run_in_threadpool(_show, desk, meanings, record)


@router.get("/{inquiry_id}", responses=documented(NotFound))
def get_search(desk: AtDesk, meanings: ByMeaning, inquiry_id: str) -> Search:
    """Show a search by meaning, and what it finds now, once its text is embedded."""
    return _show(desk, meanings, get_inquiry(desk, InquiryKind.MEANING, inquiry_id))


def _show(desk: Desk, meanings: Meanings, record: InquiryRecord) -> Search:
    if record.result is None:
        return Search.of(record, None)
    wanted = MeaningWanted.model_validate(record.spec)
    assert wanted.embedder is not None  # it was found when the inquiry was stored
    vector = np.array(MeaningFound.model_validate(record.result).vector, np.float32)
    filter = SearchFilter(
        model_id=wanted.model_id,
        sae_id=wanted.sae_id,
        harvest_id=wanted.harvest_id,
        explainer=wanted.explainer,
        scorer=wanted.scorer,
        min_score=wanted.min_score,
    )
    with desk.database.read() as session:
        return Search.of(record, meanings.nearest(session, wanted.embedder, vector, filter, limit=wanted.limit))


def _place(after: str | None) -> Place | None:
    if after is None:
        return None
    rank, _, number = after.partition(" ")
    try:
        return Place(float(rank), int(number))
    except ValueError as error:
        raise InvalidInput("the cursor cannot be read; pass `next` of the last page as it came, or none") from error
