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
from autointerp.storage.records import Habit, Habits

_ANYTHING = Usage(input=1_000_000, output=1_000_000)


@dataclass(frozen=True, slots=True)
class _Supposed:
    """What is supposed at one end of an estimate, or in its middle.

    Of a model that was never asked: `bytes_per_token`, `answered` (how long answers are, in those of the honest reader)
    and `thought` (tokens a reply beside the answer). Of every model: `hits`, the share of the shared beginnings that a
    vendor's prompt cache holds, and `requests`, for each that was foreseen. Fewer are made where an explanation is not
    read, or features have fewer examples than those rehearsed; more where replies are asked for again.
    """

    bytes_per_token: float
    answered: float
    thought: int
    hits: float
    requests: float


_SUPPOSED = {
    "low": _Supposed(bytes_per_token=5.0, answered=0.5, thought=0, hits=1.0, requests=0.9),
    "likely": _Supposed(bytes_per_token=BYTES_PER_TOKEN, answered=1.0, thought=0, hits=0.95, requests=1.0),
    "high": _Supposed(bytes_per_token=3.0, answered=1.0, thought=300, hits=0.0, requests=1.1),
}


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
    supposed = _SUPPOSED[side]
    per_token = _bytes_per_token(habits, side)
    around = TOKENS_PER_MESSAGE * (one.messages + one.requests) if habits is None else 0.0
    whole, shared = one.bytes / per_token + around, one.shared / per_token
    said = None if habits is None else habits.outputs.get(one.prompt)
    guessed = min(one.answers / per_token * supposed.answered + one.requests * supposed.thought, one.most)
    output = guessed if said is None else one.requests * _at(said, side)
    fresh, read, written = whole, 0.0, 0.0
    if kept_from is not None and _may_be_kept(one, side, kept_from, habits):
        read = shared * supposed.hits * max(0.0, 1 - 1 / one.requests)
        fresh, written = whole - shared, shared - read
    many = supposed.requests
    return fresh * many, read * many, written * many, output * many


def _may_be_kept(one: Asked, side: str, kept_from: int, habits: Habits | None) -> bool:
    """Whether the shared beginning is long enough for a vendor's prompt cache; at either end also if it just might."""
    per_token = _bytes_per_token(habits, side if side == "likely" else "high")
    return one.shared / per_token / one.requests >= kept_from


def _bytes_per_token(habits: Habits | None, side: str) -> float:
    """The more bytes a token has, the fewer tokens are read."""
    if habits is None:
        return _SUPPOSED[side].bytes_per_token
    return _at(habits.bytes_per_token, {"low": "high", "likely": "likely", "high": "low"}[side])


def _at(habit: Habit, side: str) -> float:
    return {"low": habit.low, "likely": habit.mean, "high": habit.high}[side]
