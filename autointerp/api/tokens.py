"""Tokens of a text, and text of tokens."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from autointerp.api.inquiring import Prefer, answer, asked
from autointerp.api.parts import AtDesk
from autointerp.api.problems import documented
from autointerp.api.schemas.inquiries import IDS_EXAMPLE, TOKENS_EXAMPLE, Tokens
from autointerp.domain.inquiries import InquiryKind, TokensWanted
from autointerp.errors import NotFound
from autointerp.runs import ask_tokens, get_inquiry

router = APIRouter(prefix="/tokens", tags=["tokens"])
Wanted = Annotated[
    TokensWanted,
    Body(
        openapi_examples={
            "text": {"summary": "text to tokens", "value": TOKENS_EXAMPLE},
            "tokens": {"summary": "tokens to text", "value": IDS_EXAMPLE},
        }
    ),
]


@router.post("", status_code=202, responses=asked(Tokens))
async def ask_for_tokens(desk: AtDesk, response: Response, wanted: Wanted, prefer: Prefer = None) -> Tokens:
    """Tell the tokens of a text, or the text of tokens, by the tokenizer of a harvested model."""
    return Tokens.of(await answer(desk, response, prefer, "tokens", lambda: ask_tokens(desk, wanted)))


@router.get("/{inquiry_id}", responses=documented(NotFound))
def get_tokens(desk: AtDesk, inquiry_id: str) -> Tokens:
    """Show what was asked of a tokenizer, and the answer once it is there."""
    return Tokens.of(get_inquiry(desk, InquiryKind.TOKENS, inquiry_id))
