"""What a run asks of language models, found by a rehearsal on a few of its features with an honest reader."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.calls import Complete, Reply, Request
from autointerp.domain.capabilities import Capability
from autointerp.domain.examples import Split
from autointerp.domain.explanations import Explanation
from autointerp.domain.features import FeatureRecord
from autointerp.domain.likelihood import Cloze, Continuation, LabelLogProbs, Likelihood, LogProb
from autointerp.domain.plan import Plan, build
from autointerp.domain.sample import Window
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.domain.steering import Change, Embed, Steered
from autointerp.domain.tools import Tools, shown_to
from autointerp.errors import Conflict
from autointerp.llm.echoing import Echoing
from autointerp.llm.estimate import size_of
from autointerp.llm.providers.fake import honestly
from autointerp.llm.warming import last_shared
from autointerp.runs.checking import check
from autointerp.runs.desk import Desk
from autointerp.runs.parts import Part, parts
from autointerp.runs.reuse import reusable_by
from autointerp.storage import examples, explanations, harvests, saes, samples
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import HarvestState

PIECE = " word"


@dataclass(frozen=True, slots=True)
class Asked:
    """The requests of one prompt to one model: how many, their messages (and questions), and bytes.

    `shared` are those of the beginning that all have in common, `answers` those of an honest reader's answers; `most`
    is how many tokens all replies together may have.
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
    most: float


def rehearse(desk: Desk, spec: RunSpec) -> tuple[Asked, ...]:
    """Rehearse `spec` on a few of its features, and return what the whole asks.

    Empty when no plug-in can ask a language model. InvalidSpec when the spec cannot be carried out; Conflict when the
    harvest is not finished.
    """
    check(desk, spec)
    reader = _Reader()
    with desk.database.read() as session:
        harvest_id = _harvest_of(session, spec)
        plan = build(spec, _tools(desk, spec, reader, session, harvest_id))
        asyncio.run(_rehearse(session, plan, parts(session, harvest_id, spec), reader))
    return tuple(Asked(*name, **asdict(noted)) for name, noted in sorted(reader.noted.items(), key=str))


def _harvest_of(session: ReadSession, spec: RunSpec) -> str:
    if isinstance(spec.harvest, HarvestSpec):
        found = reusable_by(session, spec, spec.harvest, (HarvestState.FINISHED,))
    else:
        named = harvests.get(session, spec.harvest)
        found = named if named.state is HarvestState.FINISHED else None
    if found is None:
        raise Conflict("the harvest must be finished before the price of a run can be told")
    return found.id


async def _rehearse(session: ReadSession, plan: Plan, played: Sequence[Part], reader: "_Reader") -> None:
    for part, row in [(one, row) for one in played for row in one.rows]:
        reader.begin()
        reader.weight = part.explain
        seen = [e for split in Split for e in examples.load(session, row.harvest_id, row.id, split)]
        asked = tuple(example for example in seen if example.split is Split.SCORE)
        made = [await one.explain(row.record, shown_to(one, seen)) for _, one in plan.explainers]
        claims = [result.text for result in made if isinstance(result, Explanation)]
        if not plan.explainers:
            stored = explanations.newest(session, row.harvest_id, [row.id]).get(row.id, ())
            claims = [record.explanation.text for record in stored]
        for claim in claims:
            reader.weight = part.score
            for _, scorer in plan.scorers:
                await scorer.score(claim, row.record, asked)
            reader.weight = part.fixed
            for scorers in plan.fixed.values():
                for _, scorer in scorers.values():
                    await scorer.score(claim, row.record, asked)


@dataclass(frozen=True, slots=True)
class _NotingTools(Tools):
    """Tools that note every model that a plug-in takes, whether or not it is asked in the rehearsal."""

    def need_llm(
        self, model: str | None, who: str, *, needs: Sequence[Capability] = (), questions: int = 0
    ) -> tuple[Complete, str, str]:
        """Return the reader with the endpoint and the model; InvalidSpec when something is missing."""
        llm, endpoint, name = Tools.need_llm(self, model, who, needs=needs)
        if isinstance(llm, _Reader):
            llm.note(endpoint, name)
        return llm, endpoint, name


def _tools(desk: Desk, spec: RunSpec, reader: "_Reader", session: ReadSession, harvest_id: str) -> Tools:
    fingerprints = {saes.get(session, one).fingerprint: one for one in harvests.get(session, harvest_id).sae_ids}
    return _NotingTools(
        prompts=desk.prompts,
        seed=spec.seed,
        llm=reader,
        llm_model=spec.llm,
        embedders=_same_vector,
        logprobs=_same_likelihood,
        echoes=Echoing,
        steer=_Monotone(),
        sample=_StoredSample(session, harvest_id, fingerprints),
    )


@dataclass(slots=True)
class _Noted:
    """Weighted sums over the requests of one prompt to one model."""

    requests: float = 0
    messages: float = 0
    bytes: float = 0
    shared: float = 0
    answers: float = 0
    most: float = 0


_Name = tuple[str, str, str | None]  # endpoint, model, prompt


@dataclass(slots=True)
class _Reader:
    """Answers from the text alone, and notes what a language model would have read; `weight` is how often.

    What is asked again about a feature is not noted again: a run answers it from what it keeps.
    """

    weight: float = 1.0
    noted: dict[_Name, _Noted] = field(default_factory=dict[_Name, _Noted])
    _asked: set[str] = field(default_factory=set[str])

    def begin(self) -> None:
        """Begin with another feature."""
        self._asked.clear()

    def note(self, endpoint: str, model: str) -> None:
        """Note that a plug-in may ask this model."""
        self.noted.setdefault((endpoint, model, None), _Noted())

    async def complete(self, request: Request) -> Reply:
        """Answer, and note."""
        reply = _told_apart(honestly(request), request.sample)
        if request.key in self._asked:
            return reply
        self._asked.add(request.key)
        noted = self.noted.setdefault((request.endpoint, request.model, request.prompt), _Noted())
        noted.requests += self.weight
        noted.messages += self.weight * (len(request.messages) + len(request.questions))
        noted.bytes += self.weight * size_of(request)
        noted.shared += self.weight * _shared(request)
        noted.answers += self.weight * len(reply.text.encode())
        noted.most += self.weight * request.max_tokens
        return reply


def _told_apart(reply: Reply, sample: int) -> Reply:
    """The reply as another draw would say it: what compares draws goes on asking only where they differ."""
    try:
        said = json.loads(reply.text) if sample else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return reply
    other = {k: f"{v} ({sample})" if isinstance(v, str) else v for k, v in cast(dict[str, Any], said).items()}
    return replace(reply, text=json.dumps(other, ensure_ascii=False))


def _shared(request: Request) -> int:
    last = last_shared(request.messages)
    beginning = request.messages[: 0 if last is None else last + 1]
    return sum(len(message.text.encode(errors="replace")) for message in beginning)


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

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        return [((0.0,) * len(labels),) * (len(one.parts) - 1) for one in asked]


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


@dataclass(frozen=True, slots=True)
class _StoredSample:
    """The sample of the corpus as it is stored; to nobody's knowledge is one window more like a text than another."""

    session: ReadSession
    harvest_id: str
    saes: Mapping[str, int]  # by fingerprint

    async def windows(self) -> tuple[Window, ...]:
        return samples.windows(self.session, self.harvest_id, Split.SCORE)

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        return samples.fired(self.session, self.harvest_id, self.saes[feature.sae], feature.index, Split.SCORE)

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        return np.zeros(len(await self.windows()), np.float32)
