"""Steering: how a model goes on with a text when features are changed."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from autointerp.api.inquiring import Prefer, answer, asked
from autointerp.api.parts import AtDesk
from autointerp.api.problems import documented
from autointerp.api.schemas.inquiries import KL_EXAMPLE, STEERING_EXAMPLE, Steering
from autointerp.domain.inquiries import InquiryKind, SteeringWanted
from autointerp.errors import NotFound
from autointerp.runs import ask_steering, get_inquiry

router = APIRouter(prefix="/steering", tags=["steering"])
Wanted = Annotated[
    SteeringWanted,
    Body(
        openapi_examples={
            "strength": {"summary": "one and a half times the strongest activation", "value": STEERING_EXAMPLE},
            "kl": {"summary": "as strong as moves the next token by one nat", "value": KL_EXAMPLE},
        }
    ),
]


@router.post("", status_code=202, responses=asked(Steering))
async def ask_for_steering(desk: AtDesk, response: Response, wanted: Wanted, prefer: Prefer = None) -> Steering:
    """Continue a text by the clean model and with features changed; 503 while too many such requests wait."""
    return Steering.of(await answer(desk, response, prefer, "steering", lambda: ask_steering(desk, wanted)))


@router.get("/{inquiry_id}", responses=documented(NotFound))
def get_steering(desk: AtDesk, inquiry_id: str) -> Steering:
    """Show what was asked of a model with features changed, and the answer once it is there."""
    return Steering.of(get_inquiry(desk, InquiryKind.STEERING, inquiry_id))
