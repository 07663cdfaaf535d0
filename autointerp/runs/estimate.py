"""What a run is likely to ask of language models: a rehearsal on a few features, answered by an honest reader."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.calls import Complete, Reply, Request, Usage
from autointerp.domain.capabilities import Capability
from autointerp.domain.examples import Split
from autointerp.domain.explanations import Explanation
from autointerp.domain.plan import Plan, build
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.domain.steering import Change, Embed, Steered
from autointerp.domain.tools import Tools
from autointerp.errors import Conflict
from autointerp.llm import estimate as tokens
from autointerp.llm.providers.fake import honestly
from autointerp.runs.checking import check
from autointerp.runs.desk import Desk
from autointerp.runs.reuse import reusable
from autointerp.storage import examples, explanations, features, harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import FeatureRow, HarvestState

REHEARSED = 3
THOUGHT = 200  # tokens that a model writes beside its answer: reasoning, or words around the JSON
PIECE = " word"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run is likely to ask of one model; `usage` is the sum over all requests.

    No requests: a plug-in may ask it, though it did not for the few features that were rehearsed.
    """

    endpoint: str
    model: str
    requests: int
    usage: Usage


def estimate(desk: Desk, spec: RunSpec) -> tuple[Expected, ...]:
    """Rehearse `spec` on a few of its features and return what the whole is likely to ask of each model.

    Empty when no plug-in can ask a language model. Replies that are in the cache already are counted as if they were
    not. InvalidSpec when the spec cannot be carried out; Conflict when the harvest is not finished.
    """
    check(desk, spec)
    reader = _Reader()
    with desk.database.read() as session:
        harvest_id = _harvest_of(session, spec)
        chosen = features.select(session, harvest_id, spec.features, spec.seed)
        rehearsed = features.get_many(session, harvest_id, _spread(chosen))
        asyncio.run(_rehearse(session, build(spec, _tools(desk, spec, reader)), rehearsed))
    share = len(chosen) / len(rehearsed)
    return tuple(
        Expected(
            endpoint=endpoint,
            model=model,
            requests=round(requests * share),
            usage=Usage(
                input=round(reader.input[endpoint, model] * share), output=round(reader.output[endpoint, model] * share)
            ),
        )
        for (endpoint, model), requests in sorted(reader.requests.items())  # zeros too
    )


def _harvest_of(session: ReadSession, spec: RunSpec) -> str:
    if isinstance(spec.harvest, HarvestSpec):
        found = reusable(session, spec.harvest, (HarvestState.FINISHED,))
    else:
        named = harvests.get(session, spec.harvest)
        found = named if named.state is HarvestState.FINISHED else None
    if found is None:
        raise Conflict("the harvest must be finished before the price of a run can be told")
    return found.id


def _spread(chosen: Sequence[int]) -> list[int]:
    """A few of the features, evenly spread."""
    count = min(REHEARSED, len(chosen))
    return [chosen[i * len(chosen) // count] for i in range(count)]


async def _rehearse(session: ReadSession, plan: Plan, rows: Sequence[FeatureRow]) -> None:
    for row in rows:
        shown = examples.load(session, row.harvest_id, row.id, Split.EXPLAIN)
        asked = examples.load(session, row.harvest_id, row.id, Split.SCORE)
        made = [await explainer.explain(row.record, shown) for _, explainer in plan.explainers]
        claims = [result.text for result in made if isinstance(result, Explanation)]
        if not plan.explainers:
            stored = explanations.newest(session, row.harvest_id, [row.id]).get(row.id, ())
            claims = [record.explanation.text for record in stored]
        for claim in claims:
            for _, scorer in plan.scorers:
                await scorer.score(claim, row.record, asked)


@dataclass(frozen=True, slots=True)
class _NotingTools(Tools):
    """Tools that note every model that a plug-in takes, whether or not it is asked in the rehearsal."""

    def need_llm(self, model: str | None, who: str, *, needs: Sequence[Capability] = ()) -> tuple[Complete, str, str]:
        """Return the reader with the endpoint and the model; InvalidSpec when something is missing."""
        llm, endpoint, name = Tools.need_llm(self, model, who, needs=needs)
        if isinstance(llm, _Reader):
            llm.requests[endpoint, name] += 0
        return llm, endpoint, name


def _tools(desk: Desk, spec: RunSpec, reader: "_Reader") -> Tools:
    return _NotingTools(
        prompts=desk.prompts,
        seed=spec.seed,
        llm=reader,
        llm_model=spec.llm,
        embedders=_same_vector,
        steer=_Monotone(),
    )


@dataclass(slots=True)
class _Reader:
    """Answers from the text alone, and counts what a language model would have read and written."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    input: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    output: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    async def complete(self, request: Request) -> Reply:
        """Answer, and count."""
        reply = honestly(request)
        written = int(len(reply.text.encode()) / tokens.BYTES_PER_TOKEN) + THOUGHT
        usage = tokens.likely(request, output=written)
        named = request.endpoint, request.model
        self.requests[named] += 1
        self.input[named] += usage.input
        self.output[named] += usage.output
        return replace(reply, usage=usage)


class _SameVector:
    """Stands in for an embedding model; what it answers does not change what a language model is asked."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 1), np.float32)


def _same_vector(model: str) -> Embed:
    return _SameVector()


class _Monotone:
    """Stands in for the subject model: a stronger change diverges more, and every continuation is as long as asked."""

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        return [change.strength] * len(prompts)

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        return [Steered(pieces=(PIECE,) * tokens, kl=0.0)] * len(prompts)
