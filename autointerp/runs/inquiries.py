"""Asking subject models while somebody waits: checked and stored here, answered by a worker."""

import asyncio
import time
from datetime import timedelta

from autointerp.domain.inquiries import ActivationsWanted, InquiryKind, MeaningWanted, SteeringWanted, TokensWanted
from autointerp.domain.specs import Spec
from autointerp.errors import InvalidInput, NotFound, Unavailable
from autointerp.jobs import tasks
from autointerp.runs.desk import Desk
from autointerp.storage import features, harvests, inquiries, models, saes, vectors
from autointerp.storage.engine import ReadSession
from autointerp.storage.inquiries import InquiryRecord, InquiryState
from autointerp.storage.records import HarvestRecord, HarvestState, SaeRecord

PAUSES = (0.01, 0.02, 0.03, 0.05)  # seconds between looks for an answer; the last one again and again


def ask_activations(desk: Desk, wanted: ActivationsWanted) -> InquiryRecord:
    """Ask where features fire in a text; what is asked again while the answer is kept is answered once."""
    _check_text(desk, wanted.text, wanted.tokens)
    with desk.database.read() as session:
        harvest, sae = _harvested(session, wanted.harvest_id, wanted.sae_id)
    most = desk.limits.features
    if max(wanted.top or 0, len(wanted.features or ())) > most:
        raise InvalidInput(f"at most {most} features can be asked for at once; ask several times")
    _check_indices(sae, wanted.features or ())
    return _ask(desk, InquiryKind.ACTIVATIONS, wanted.model_copy(update={"harvest_id": harvest.id, "sae_id": sae.id}))


def ask_steering(desk: Desk, wanted: SteeringWanted) -> InquiryRecord:
    """Ask how the model goes on with features changed; Unavailable when too many wait for that already."""
    _check_text(desk, wanted.text, wanted.tokens)
    limits = desk.limits
    if len(wanted.features) > limits.steered:
        raise InvalidInput(f"at most {limits.steered} features can be changed at once; name fewer")
    if wanted.length > limits.generated:
        raise InvalidInput(f"at most {limits.generated} tokens are written; lower length")
    indices = tuple(one.index for one in wanted.features)
    with desk.database.read() as session:
        harvest, sae = _harvested(session, wanted.harvest_id, wanted.sae_id)
        _check_indices(sae, indices)
        for index in indices:
            if features.get_by_index(session, harvest.id, sae.id, index).record.statistics.max <= 0:
                raise InvalidInput(f"feature {index} fires nowhere in the harvest, so its strength has no unit")
    spec = wanted.model_copy(update={"harvest_id": harvest.id, "sae_id": sae.id})
    return _ask(desk, InquiryKind.STEERING, spec, most=limits.steering)


def ask_meaning(desk: Desk, wanted: MeaningWanted) -> InquiryRecord:
    """Ask for the vector of a text to search with; InvalidInput when it is not clear by which embedding model."""
    with desk.database.read() as session:
        there = vectors.embedders(session)
        named = wanted.embedder
        if wanted.harvest_id is not None:
            named = named or harvests.get(session, wanted.harvest_id).spec.embedder
    if not there or (named is not None and named not in there):
        by = f" by {named}" if named else ""
        raise InvalidInput(f"no explanation has a vector{by} yet; workers make them, or run `autointerp embed`")
    if named is None and len(there) > 1:
        raise InvalidInput(f"explanations have vectors by {', '.join(there)}; say which one as embedder")
    return _ask(desk, InquiryKind.MEANING, wanted.model_copy(update={"embedder": named or next(iter(there))}))


def ask_tokens(desk: Desk, wanted: TokensWanted) -> InquiryRecord:
    """Ask for the tokens of a text, or the text of tokens."""
    _check_text(desk, wanted.text, wanted.tokens)
    with desk.database.read() as session:
        if wanted.harvest_id is not None:
            model_id = harvests.get(session, wanted.harvest_id).model_id
            if model_id is None:
                raise InvalidInput(f"the harvest {wanted.harvest_id} has not loaded its model yet; wait for it")
        else:
            assert wanted.model_id is not None  # either of the two is given
            model_id = models.get(session, wanted.model_id).id
    return _ask(desk, InquiryKind.TOKENS, wanted.model_copy(update={"harvest_id": None, "model_id": model_id}))


async def await_answer(desk: Desk, record: InquiryRecord, *, seconds: float) -> InquiryRecord:
    """Return an inquiry when it is answered, or as it stands when that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    looks = 0
    while record.state is InquiryState.WAITING and (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, PAUSES[min(looks, len(PAUSES) - 1)]))
        record = await asyncio.to_thread(get_inquiry, desk, record.kind, record.id)
        looks += 1
    return record


def get_inquiry(desk: Desk, kind: InquiryKind, inquiry_id: str) -> InquiryRecord:
    """Return an inquiry; NotFound when there is none of this kind, or no longer."""
    with desk.database.read() as session:
        return inquiries.get(session, kind, inquiry_id)


def _ask(desk: Desk, kind: InquiryKind, spec: Spec, *, most: int | None = None) -> InquiryRecord:
    """Store an inquiry and queue it, or return the one of the same content; `most` may wait at the same time."""
    asked = spec.model_dump(mode="json")
    with desk.database.read() as session:
        record = inquiries.find(session, kind, asked)
        if record is None and most is not None and inquiries.count_waiting(session, kind) >= most:
            raise Unavailable(f"{most} requests of this kind wait for their answer; try again in a moment")
    if record is None:
        with desk.database.write() as session:
            record = inquiries.create(session, kind, asked, keep=timedelta(seconds=desk.limits.keep))
    if record.state is InquiryState.WAITING:
        tasks.submit_inquiry(desk.jobs, record.id)  # again where it is shared: whoever stored it may have died then
    return record


def _harvested(session: ReadSession, harvest_id: str | None, sae_id: int | None) -> tuple[HarvestRecord, SaeRecord]:
    """Return a finished harvest and one of its SAEs: those named, or the newest one and the only one."""
    if harvest_id is None:
        if sae_id is None:
            raise InvalidInput("say whose features: give harvest_id or sae_id")
        harvest = harvests.newest(session, sae_id)
        if harvest is None:
            raise NotFound(f"there is no finished harvest of an SAE {sae_id}; list SAEs with GET /v1/saes")
        return harvest, saes.get(session, sae_id)
    harvest = harvests.get(session, harvest_id)
    if harvest.state is not HarvestState.FINISHED:
        raise InvalidInput(f"the harvest {harvest_id} is {harvest.state}; only a finished one can be asked")
    names = ", ".join(map(str, harvest.sae_ids))
    if sae_id is None and len(harvest.sae_ids) > 1:
        raise InvalidInput(f"the harvest {harvest_id} has the SAEs {names}; say which one as sae_id")
    chosen = next(iter(harvest.sae_ids)) if sae_id is None else sae_id
    if chosen not in harvest.sae_ids:
        raise InvalidInput(f"the harvest {harvest_id} has no SAE {chosen}; it has {names}")
    return harvest, saes.get(session, chosen)


def _check_text(desk: Desk, text: str | None, tokens: tuple[int, ...] | None) -> None:
    limits = desk.limits
    if text is not None and len(text) > limits.characters:
        raise InvalidInput(f"the text has {len(text)} characters, and at most {limits.characters} are read; shorten it")
    if tokens is not None and len(tokens) > limits.tokens:
        raise InvalidInput(f"there are {len(tokens)} tokens, and at most {limits.tokens} are read; give fewer")


def _check_indices(sae: SaeRecord, indices: tuple[int, ...]) -> None:
    wrong = next((index for index in indices if index >= sae.features), None)
    if wrong is not None:
        raise InvalidInput(f"feature {wrong} does not exist: {sae.name} has the features 0 to {sae.features - 1}")
