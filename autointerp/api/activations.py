"""Activations of features on a text that is given."""

from typing import Annotated

from fastapi import APIRouter, Body, Response
from starlette.concurrency import run_in_threadpool

from autointerp.api.inquiring import Prefer, answer, asked
from autointerp.api.parts import AtDesk
from autointerp.api.problems import documented
from autointerp.api.schemas.inquiries import ACTIVATIONS_EXAMPLE, TOP_EXAMPLE, Activations
from autointerp.domain.inquiries import ActivationsFound, ActivationsWanted, InquiryKind
from autointerp.errors import NotFound
from autointerp.runs import Desk, ask_activations, get_inquiry
from autointerp.storage import explanations, features
from autointerp.storage.inquiries import InquiryRecord

router = APIRouter(prefix="/activations", tags=["activations"])
Wanted = Annotated[
    ActivationsWanted,
    Body(
        openapi_examples={
            "features": {"summary": "one feature at every token", "value": ACTIVATIONS_EXAMPLE},
            "top": {"summary": "the ten features with the largest activation", "value": TOP_EXAMPLE},
        }
    ),
]


@router.post("", status_code=202, responses=asked(Activations))
async def ask_for_activations(desk: AtDesk, response: Response, wanted: Wanted, prefer: Prefer = None) -> Activations:
    """Read a text with the subject model: what named features do at each token, or which features are largest."""
    record = await answer(desk, response, prefer, "activations", lambda: ask_activations(desk, wanted))
    return await run_in_threadpool(_show, desk, record)


@router.get("/{inquiry_id}", responses=documented(NotFound))
def get_activations(desk: AtDesk, inquiry_id: str) -> Activations:
    """Show what was asked about a text, and the answer once it is there."""
    return _show(desk, get_inquiry(desk, InquiryKind.ACTIVATIONS, inquiry_id))


def _show(desk: Desk, record: InquiryRecord) -> Activations:
    if record.result is None:
        return Activations.of(record, {}, {})
    indices = [one.index for one in ActivationsFound.model_validate(record.result).features]
    wanted = ActivationsWanted.model_validate(record.spec)
    assert wanted.harvest_id is not None  # both were found when the inquiry was stored
    assert wanted.sae_id is not None
    with desk.database.read() as session:
        ids = features.ids_by_index(session, wanted.sae_id, indices)
        claims = explanations.newest(session, wanted.harvest_id, list(ids.values()))
    latest = {feature_id: max(found, key=lambda one: one.id) for feature_id, found in claims.items()}
    return Activations.of(record, ids, latest)
