"""The handler of inquiries: takes one, answers it once, and says why where it cannot."""

import asyncio
from collections.abc import Mapping
from typing import Any

from autointerp.domain.inquiries import ActivationsWanted, InquiryKind, MeaningWanted, SteeringWanted, TokensWanted
from autointerp.domain.specs import Spec
from autointerp.errors import AutointerpError, Unavailable
from autointerp.pipeline.inquiries.activations import find_activations
from autointerp.pipeline.inquiries.counter import Counter
from autointerp.pipeline.inquiries.meaning import find_meaning
from autointerp.pipeline.inquiries.steering import steer
from autointerp.pipeline.inquiries.tokens import find_tokens
from autointerp.storage import inquiries
from autointerp.storage.inquiries import InquiryRecord

ATTEMPTS = 3


async def answer(counter: Counter, inquiry_id: str) -> None:
    """Answer an inquiry and store what was found, or why nothing can be; nothing happens to one that has ended."""
    record = await asyncio.to_thread(_begin, counter, inquiry_id)
    if record is None:
        return
    if record.attempts > ATTEMPTS:
        error = f"{ATTEMPTS} workers began this and none came to its end; their logs say more"
        await asyncio.to_thread(_fail, counter, inquiry_id, error)
        return
    try:
        found = await _find(counter, record.kind, record.spec)
    except Unavailable:
        raise  # the engine tries again
    except AutointerpError as error:
        await asyncio.to_thread(_refuse, counter, inquiry_id, error.detail)
    except Exception:
        error = "something failed that should not have; the worker's log has the details"
        await asyncio.to_thread(_fail, counter, inquiry_id, error)
        raise
    else:
        await asyncio.to_thread(_finish, counter, inquiry_id, found.model_dump(mode="json"))


async def _find(counter: Counter, kind: InquiryKind, spec: Mapping[str, Any]) -> Spec:
    match kind:
        case InquiryKind.ACTIVATIONS:
            return await find_activations(counter, ActivationsWanted.model_validate(spec))
        case InquiryKind.STEERING:
            return await steer(counter, SteeringWanted.model_validate(spec))
        case InquiryKind.MEANING:
            return await find_meaning(counter, MeaningWanted.model_validate(spec))
        case InquiryKind.TOKENS:
            return await find_tokens(counter, TokensWanted.model_validate(spec))


def _begin(counter: Counter, inquiry_id: str) -> InquiryRecord | None:
    with counter.database.write() as session:
        return inquiries.begin(session, inquiry_id)


def _finish(counter: Counter, inquiry_id: str, result: Mapping[str, Any]) -> None:
    with counter.database.write() as session:
        inquiries.finish(session, inquiry_id, result)


def _refuse(counter: Counter, inquiry_id: str, error: str) -> None:
    with counter.database.write() as session:
        inquiries.refuse(session, inquiry_id, error)


def _fail(counter: Counter, inquiry_id: str, error: str) -> None:
    with counter.database.write() as session:
        inquiries.fail(session, inquiry_id, error)
