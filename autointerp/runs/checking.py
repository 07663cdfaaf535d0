"""Checks a whole spec before anything is stored: every plug-in is built, with stand-ins for what costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autointerp import plugins
from autointerp.domain.calls import Complete, Reply, Request, Usage
from autointerp.domain.capabilities import Capability, Probe, Probed
from autointerp.domain.features import FeatureRecord
from autointerp.domain.likelihood import Cloze, Continuation, LabelLogProbs, Likelihood, LogProb
from autointerp.domain.plan import build
from autointerp.domain.sample import Window
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.domain.steering import Change, Embed, Steered
from autointerp.domain.tools import Tools
from autointerp.errors import Conflict, InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.llm.batches.opening import batch_tariff_of, need_batches
from autointerp.llm.echoing import Echoing
from autointerp.llm.stack import tariff_of
from autointerp.runs.desk import Desk
from autointerp.runs.probing import stored_probe
from autointerp.runs.reuse import reusable_by
from autointerp.storage import features, harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import HarvestState

USABLE = (HarvestState.WAITING, HarvestState.RUNNING, HarvestState.FINISHED)


def check(desk: Desk, spec: RunSpec) -> None:
    """Refuse a spec that cannot be carried out: a plug-in, option, endpoint, harvest or feature in it is wrong."""
    check_plugins(desk, spec)
    with desk.database.read() as session:
        _check_features(session, spec)


def check_plugins(desk: Desk, spec: RunSpec) -> None:
    """Refuse a spec with a wrong plug-in, option, endpoint, or a budget that cannot be kept."""
    if spec.llm is not None:
        _endpoint_of(spec.llm, desk.endpoints)
    build(spec, _stand_ins(desk, spec))


def _check_features(session: ReadSession, spec: RunSpec) -> None:
    if isinstance(spec.harvest, HarvestSpec):
        _check_sae(spec, len(spec.harvest.saes))  # behind them may be random directions, which are for controls
        done = reusable_by(session, spec, spec.harvest, (HarvestState.FINISHED,))
        if done is None:
            return
    else:
        done = harvests.get(session, spec.harvest)
        if done.state not in USABLE:
            raise Conflict(f"the harvest {done.id} is {done.state}; resume it, or give its spec to make it again")
        if done.state is not HarvestState.FINISHED:
            _check_sae(spec, len(done.spec.saes))
            return
    features.select(session, done.id, spec.features, spec.seed)


def _check_sae(spec: RunSpec, count: int) -> None:
    if spec.features.sae >= count:
        raise InvalidSpec(f"the harvest has {count} SAEs, so there is no SAE {spec.features.sae}")


def _endpoint_of(model: str, known: Mapping[str, Endpoint]) -> Endpoint:
    endpoint = model.partition("/")[0]
    if endpoint not in known:
        raise InvalidSpec(f"there is no LLM endpoint {endpoint!r}; there are {', '.join(sorted(known)) or 'none'}")
    return known[endpoint]


def _hosted(server: Endpoint) -> bool:
    """Whether the provider has a server of its own, which asks for a key."""
    return bool(getattr(plugins.config_class("provider", server.provider), "HOSTED", False))


def _never(endpoint: str, model: str) -> Probe | None:
    return None


@dataclass(frozen=True, slots=True)
class _CheckedTools(Tools):
    """Tools that refuse, while a plug-in is built, a model whose endpoint is not known.

    With a budget in dollars (`priced`) they also refuse one whose price is not known, as nothing would hold it back,
    for a run in `batch` mode one whose endpoint has no batch API, and one that a probe has found to lack what the
    plug-in needs; one that was never probed may be able to do anything.
    """

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict[str, Endpoint])
    priced: bool = False
    probed: Probed = _never
    batch: bool = False

    def need_llm(self, model: str | None, who: str, *, needs: Sequence[Capability] = ()) -> tuple[Complete, str, str]:
        """Return the stand-in with the endpoint and the model; InvalidSpec when something is missing."""
        llm, endpoint, name = Tools.need_llm(self, model, who, needs=needs)
        server = _endpoint_of(f"{endpoint}/{name}", self.endpoints)
        if server.api_key is None and server.base_url is None and _hosted(server):
            raise InvalidSpec(
                f"the endpoint {endpoint!r} has no key; set {endpoint.upper()}_API_KEY "
                f"or AUTOINTERP_ENDPOINTS__{endpoint.upper()}__API_KEY"
            )
        if self.batch:
            _check_batch(server, who, needs)
        tariff = batch_tariff_of(server) if self.batch else tariff_of(server)
        if self.priced and tariff.cost(name, Usage(input=1)) is None:
            raise InvalidSpec(
                f"the price of {endpoint}/{name} is not known, so a budget in dollars cannot be kept; "
                f"set the price of the endpoint {endpoint!r}, or give a budget in tokens"
            )
        probe = self.probed(endpoint, name) if needs else None
        if missing := probe and next((found for need in needs if (found := probe.lacks(need))), None):
            raise InvalidSpec(
                f"{who} needs {missing.capability.meaning}, and by its last probe {endpoint}/{name} has none "
                f"({missing.why}); {missing.capability.instead}, or probe it again if that has changed"
            )
        return llm, endpoint, name


def _check_batch(server: Endpoint, who: str, needs: Sequence[Capability]) -> None:
    need_batches(server)
    if Capability.DECISIONS in needs:
        raise InvalidSpec(
            f'{who} asks for decisions, which no vendor takes in batches; use the judge "llm", or set mode = "online"'
        )
    if Capability.ECHO in needs:
        raise InvalidSpec(
            f"{who} asks for log-probabilities of given text, which no vendor tells in batches; use a local model, or "
            'set mode = "online"'
        )


def _stand_ins(desk: Desk, spec: RunSpec) -> Tools:
    return _CheckedTools(
        prompts=desk.prompts,
        seed=spec.seed,
        llm=_NoCalls(),
        llm_model=spec.llm,
        embedders=_no_embedder,
        logprobs=_no_logprobs,
        echoes=Echoing,
        steer=_NoSteering(),
        sample=_NoSample(),
        endpoints=desk.endpoints,
        priced=spec.budget.dollars is not None,
        probed=partial(stored_probe, desk),
        batch=spec.mode == "batch",
    )


class _NoCalls:
    """Stands in for the language models while plug-ins are built; building asks nothing."""

    async def complete(self, request: Request) -> Reply:
        raise InvalidSpec("a plug-in must not ask a language model while it is built")


class _NoEmbedding:
    """Stands in for an embedding model."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise InvalidSpec("a plug-in must not embed while it is built")


def _no_embedder(model: str) -> Embed:
    return _NoEmbedding()


class _NoLogProb:
    """Stands in for a local language model."""

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        raise InvalidSpec("a plug-in must not read texts while it is built")

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        raise InvalidSpec("a plug-in must not read texts while it is built")


def _no_logprobs(model: str) -> LogProb:
    return _NoLogProb()


class _NoSteering:
    """Stands in for the subject model."""

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        raise InvalidSpec("a plug-in must not steer while it is built")

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        raise InvalidSpec("a plug-in must not steer while it is built")


class _NoSample:
    """Stands in for the sample of the corpus."""

    async def windows(self) -> tuple[Window, ...]:
        raise InvalidSpec("a plug-in must not search while it is built")

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        raise InvalidSpec("a plug-in must not search while it is built")

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        raise InvalidSpec("a plug-in must not search while it is built")
