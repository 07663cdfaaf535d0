"""What a run is likely to cost, from low to high, before anything is spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from autointerp.domain.calls import Usage
from autointerp.domain.specs import RunSpec
from autointerp.llm.base import Endpoint
from autointerp.llm.batches.opening import batch_tariff_of
from autointerp.llm.estimate import BYTES_PER_TOKEN, TOKENS_PER_MESSAGE
from autointerp.llm.prices import Tariff
from autointerp.llm.stack import keeps_prompts, tariff_of
from autointerp.runs.desk import Desk
from autointerp.runs.rehearsal import Asked, rehearse
from autointerp.storage import calls
from autointerp.storage.records import Habits

_THOUGHT = {"low": 0, "likely": 0, "high": 300}  # tokens a reply, beside the answer, of a model that was never asked
_HITS = {"low": 1.0, "likely": 0.95, "high": 0.0}  # share of the shared beginnings that a vendor's prompt cache holds
_ATTEMPTS = {"low": 1.0, "likely": 1.0, "high": 1.1}  # for each request
_ANYTHING = Usage(input=1_000_000, output=1_000_000)


@dataclass(frozen=True, slots=True)
class Side:
    """One end of an estimate, or its middle: tokens, and nano-dollars; `cost` None: the price is not known."""

    usage: Usage
    cost: int | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a run is likely to ask of one model. `learned`: reckoned from what the model was asked before.

    No requests: a plug-in may ask it, though it did not for the few features that were rehearsed.
    """

    endpoint: str
    model: str
    requests: int
    low: Side
    likely: Side
    high: Side
    learned: bool


def estimate(desk: Desk, spec: RunSpec) -> tuple[Quote, ...]:
    """Return a quote for each model that the run may ask; empty when it asks none.

    Replies that are kept already are counted as if they were not. InvalidSpec when the spec cannot be carried out;
    Conflict when the harvest is not finished.
    """
    asked = rehearse(desk, spec)
    quotes: list[Quote] = []
    for (endpoint, model), group in groupby(asked, key=lambda one: (one.endpoint, one.model)):
        with desk.database.read() as session:
            habits = calls.habits(session, endpoint, model)
        quotes.append(_quote(desk.endpoints[endpoint], model, list(group), habits, batch=spec.mode == "batch"))
    return tuple(quotes)


def _quote(endpoint: Endpoint, model: str, asked: Sequence[Asked], habits: Habits | None, *, batch: bool) -> Quote:
    tariff = batch_tariff_of(endpoint) if batch else tariff_of(endpoint)
    requests = round(sum(one.requests for one in asked))

    def side(name: str) -> Side:
        usage = _usage(asked, name, keeps_prompts(endpoint), habits)
        return Side(usage, _cost(tariff, model, usage if requests else _ANYTHING, requests))

    # Where vendors charge for writing to their caches, a nanodollar may lie between what are the same by our rounding.
    low, likely, high = sorted((side("low"), side("likely"), side("high")), key=lambda one: one.cost or 0)
    return Quote(endpoint.name, model, requests, low, likely, high, habits is not None)


def _cost(tariff: Tariff, model: str, usage: Usage, requests: int) -> int | None:
    """Price the usage; of a model that was not asked it is known only when it costs nothing at all."""
    cost = tariff.cost(model, usage)
    return cost if requests or not cost else None


def _usage(asked: Sequence[Asked], side: str, kept_from: int | None, habits: Habits | None) -> Usage:
    parts = [_usage_of(one, side, kept_from, habits) for one in asked if one.requests]
    return Usage(
        input=round(sum(part[0] for part in parts)),
        cache_read=round(sum(part[1] for part in parts)),
        cache_write=round(sum(part[2] for part in parts)),
        output=round(sum(part[3] for part in parts)),
    )


def _usage_of(one: Asked, side: str, kept_from: int | None, habits: Habits | None) -> tuple[float, float, float, float]:
    """Return fresh input, input read from and written to a prompt cache, and output of one prompt's requests."""
    per_token = BYTES_PER_TOKEN if habits is None else habits.bytes_per_token
    around = TOKENS_PER_MESSAGE * (one.messages + one.requests) if habits is None else 0.0
    attempts = _ATTEMPTS[side]
    whole, shared = (one.bytes / per_token + around) * attempts, one.shared / per_token * attempts
    said = None if habits is None else habits.outputs.get(one.prompt)
    guessed = min(one.answers / per_token + one.requests * _THOUGHT[side], one.most)
    output = (guessed if said is None else one.requests * said) * attempts
    if kept_from is None or shared / (one.requests * attempts) < kept_from:
        return whole, 0.0, 0.0, output
    read = shared * _HITS[side] * max(0.0, 1 - 1 / one.requests)
    return whole - shared, read, shared - read, output
