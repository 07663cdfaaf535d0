"""What a run asks of language models, found by a rehearsal on a few of its features with an honest reader."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.calls import Complete, Reply, Request
from autointerp.domain.capabilities import Capability
from autointerp.domain.examples import Split
from autointerp.domain.explanations import Explanation
from autointerp.domain.likelihood import Continuation, Likelihood, LogProb
from autointerp.domain.plan import Plan, build
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.domain.steering import Change, Embed, Steered
from autointerp.domain.tools import Tools
from autointerp.errors import Conflict
from autointerp.llm.echoing import Echoing
from autointerp.llm.estimate import size_of
from autointerp.llm.providers.fake import honestly
from autointerp.llm.warming import last_shared
from autointerp.runs.checking import check
from autointerp.runs.desk import Desk
from autointerp.runs.reuse import reusable
from autointerp.storage import examples, explanations, features, harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import FeatureRow, HarvestState

REHEARSED = 12
PIECE = " word"


@dataclass(frozen=True, slots=True)
class Asked:
    """The requests of one prompt to one model: how many, their messages (and questions), and bytes.

    `shared` are those of the beginning that all have in common, `answers` those of an honest reader's answers.
    No requests: a plug-in may ask the model, though it did not for the features that were rehearsed.
    """

    endpoint: str
    model: str
    prompt: str | None
    requests: float
    messages: float
    bytes: float
    shared: float
    answers: float


def rehearse(desk: Desk, spec: RunSpec) -> tuple[Asked, ...]:
    """Rehearse `spec` on a few of its features, and return what the whole asks.

    Empty when no plug-in can ask a language model. InvalidSpec when the spec cannot be carried out; Conflict when the
    harvest is not finished.
    """
    check(desk, spec)
    reader = _Reader()
    with desk.database.read() as session:
        harvest_id = _harvest_of(session, spec)
        chosen = features.select(session, harvest_id, spec.features, spec.seed)
        rehearsed = features.get_many(session, harvest_id, _spread(chosen))
        asyncio.run(_rehearse(session, build(spec, _tools(desk, spec, reader)), rehearsed))
    share = len(chosen) / len(rehearsed)
    return tuple(_asked(name, noted, share) for name, noted in sorted(reader.noted.items(), key=str))


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
            llm.note(endpoint, name)
        return llm, endpoint, name


def _tools(desk: Desk, spec: RunSpec, reader: "_Reader") -> Tools:
    return _NotingTools(
        prompts=desk.prompts,
        seed=spec.seed,
        llm=reader,
        llm_model=spec.llm,
        embedders=_same_vector,
        logprobs=_same_likelihood,
        echoes=Echoing,
        steer=_Monotone(),
    )


@dataclass(slots=True)
class _Noted:
    """Sums over the requests of one prompt to one model."""

    requests: int = 0
    messages: int = 0
    bytes: int = 0
    shared: int = 0
    answers: int = 0


_Name = tuple[str, str, str | None]  # endpoint, model, prompt


@dataclass(slots=True)
class _Reader:
    """Answers from the text alone, and notes what a language model would have read."""

    noted: dict[_Name, _Noted] = field(default_factory=dict[_Name, _Noted])

    def note(self, endpoint: str, model: str) -> None:
        """Note that a plug-in may ask this model."""
        self.noted.setdefault((endpoint, model, None), _Noted())

    async def complete(self, request: Request) -> Reply:
        """Answer, and note."""
        reply = honestly(request)
        noted = self.noted.setdefault((request.endpoint, request.model, request.prompt), _Noted())
        noted.requests += 1
        noted.messages += len(request.messages) + len(request.questions)
        noted.bytes += size_of(request)
        noted.shared += _shared(request)
        noted.answers += len(reply.text.encode())
        return reply


def _shared(request: Request) -> int:
    last = last_shared(request.messages)
    beginning = request.messages[: 0 if last is None else last + 1]
    return sum(len(message.text.encode(errors="replace")) for message in beginning)


def _asked(name: _Name, noted: _Noted, share: float) -> Asked:
    endpoint, model, prompt = name
    return Asked(
        endpoint=endpoint,
        model=model,
        prompt=prompt,
        requests=noted.requests * share,
        messages=noted.messages * share,
        bytes=noted.bytes * share,
        shared=noted.shared * share,
        answers=noted.answers * share,
    )


class _SameVector:
    """Stands in for an embedding model; what it answers does not change what a language model is asked."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 1), np.float32)


def _same_vector(model: str) -> Embed:
    return _SameVector()


class _SameLikelihood:
    """Stands in for a local language model."""

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        return [Likelihood(0.0, 1)] * len(asked)


def _same_likelihood(model: str) -> LogProb:
    return _SameLikelihood()


class _Monotone:
    """Stands in for the subject model: a stronger change diverges more, and every continuation is as long as asked."""

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        return [change.strength] * len(prompts)

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        return [Steered(pieces=(PIECE,) * tokens, kl=0.0)] * len(prompts)
