"""Checks a whole spec before anything is stored: every plug-in is built, with stand-ins for what costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from autointerp import plugins
from autointerp.domain.calls import Complete, Usage
from autointerp.domain.capabilities import Capability, Probe, Probed
from autointerp.domain.plan import build
from autointerp.domain.reach import Reach
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.domain.steering import Embed
from autointerp.domain.tools import Tools
from autointerp.errors import Conflict, InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.llm.batches.opening import batch_tariff_of, need_batches
from autointerp.llm.echoing import Echoing
from autointerp.llm.stack import most_questions, tariff_of
from autointerp.runs.desk import Desk
from autointerp.runs.folders import ReadHere
from autointerp.runs.idle import refuse_idle_judges
from autointerp.runs.inert import NoCalls, NoSample, NoSteering, no_embedder
from autointerp.runs.lineage import check_extension
from autointerp.runs.probing import stored_probe
from autointerp.runs.reuse import reusable_by
from autointerp.storage import assignment, harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import HarvestState

USABLE = (HarvestState.WAITING, HarvestState.RUNNING, HarvestState.FINISHED)


@dataclass(frozen=True, slots=True)
class Taken:
    """A model that a plug-in takes, and what its endpoint must be able to do for it."""

    endpoint: Endpoint
    model: str
    needs: frozenset[Capability]


def check(desk: Desk, spec: RunSpec) -> None:
    """Refuse a spec that cannot be carried out: a plug-in, option, endpoint, harvest or feature in it is wrong."""
    check_plugins(desk, spec)
    with desk.database.read() as session:
        check_extension(session, spec)
        _check_features(session, spec)


def check_plugins(desk: Desk, spec: RunSpec) -> tuple[Taken, ...]:
    """Refuse a spec with a wrong plug-in, option, endpoint, or a budget that cannot be kept.

    Returns the language models that its plug-ins take.
    """
    desk.reach.check_run(spec)
    _refuse_repetition(spec)
    if spec.llm is not None:
        _endpoint_of(spec.llm, desk.endpoints)
    tools = _stand_ins(desk, spec)
    build(spec, tools)
    refuse_idle_judges(spec.scorers, replace(tools, taken=[]))
    return tuple(tools.taken)


def _refuse_repetition(spec: RunSpec) -> None:
    """What is named twice would be done and paid for twice, and what ends before it starts selects nothing."""
    for what, named in (("explainers", spec.explainers), ("scorers", spec.scorers)):
        twice = next((one for place, one in enumerate(named) if one in named[:place]), None)
        if twice is not None:
            raise InvalidSpec(f"{what} names {twice.name} twice with the same options; name it once")
    start, stop = spec.features.start, spec.features.stop
    if start is not None and stop is not None and start >= stop:
        raise InvalidSpec(f"features.start ({start}) must be below features.stop ({stop})")


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
    assignment.select(session, done.id, spec)


def _check_sae(spec: RunSpec, count: int) -> None:
    if spec.features.sae >= count:
        raise InvalidSpec(f"the harvest has {count} SAEs, so there is no SAE {spec.features.sae}")


def _endpoint_of(model: str, known: Mapping[str, Endpoint]) -> Endpoint:
    endpoint = model.partition("/")[0]
    if endpoint not in known:
        raise InvalidSpec(f"there is no LLM endpoint {endpoint!r}; there are {', '.join(sorted(known)) or 'none'}")
    return known[endpoint]


def hosted(server: Endpoint) -> bool:
    """Whether the provider has a server of its own, which asks for a key."""
    return bool(getattr(plugins.config_class("provider", server.provider), "HOSTED", False))


def _never(endpoint: str, model: str) -> Probe | None:
    return None


@dataclass(frozen=True, slots=True)
class _CheckedTools(Tools):
    """Tools that refuse, while a plug-in is built, a model whose endpoint is not known, and note the others (`taken`).

    With a budget in dollars (`priced`) they also refuse one whose price is not known, as nothing would hold it back,
    for a run in `batch` mode one whose endpoint has no batch API, one whose endpoint takes fewer questions at once than
    the plug-in asks, and one that a probe has found to lack what the plug-in needs; one that was never probed may be
    able to do anything that its configuration names.
    """

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict[str, Endpoint])
    priced: bool = False
    probed: Probed = _never
    batch: bool = False
    taken: list[Taken] = field(default_factory=list[Taken])

    def need_llm(
        self, model: str | None, who: str, *, needs: Sequence[Capability] = (), questions: int = 0
    ) -> tuple[Complete, str, str]:
        """Return the stand-in with the endpoint and the model; InvalidSpec when something is missing."""
        llm, endpoint, name = Tools.need_llm(self, model, who, needs=needs)
        server = _endpoint_of(f"{endpoint}/{name}", self.endpoints)
        if server.api_key is None and server.base_url is None and hosted(server):
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
        most = most_questions(server) if questions else None
        if most == 0:
            raise InvalidSpec(
                f"{who} needs {Capability.DECISIONS.meaning}, and the endpoint {endpoint!r} as it is configured offers "
                f"none; {Capability.DECISIONS.instead}"
            )
        if most is not None and questions > most:
            raise InvalidSpec(
                f"{who} asks {questions} questions a request, and the endpoint {endpoint!r} takes {most} at most; "
                f"set its option `questions` to {most} or less"
            )
        self.taken.append(Taken(server, name, frozenset(needs)))
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


def _stand_ins(desk: Desk, spec: RunSpec) -> _CheckedTools:
    return _CheckedTools(
        prompts=desk.prompts,
        seed=spec.seed,
        llm=NoCalls(),
        llm_model=spec.llm,
        embedders=partial(_embedder, desk.reach),
        logprobs=ReadHere(desk),
        echoes=Echoing,
        steer=NoSteering(),
        sample=NoSample(),
        endpoints=desk.endpoints,
        priced=spec.budget.dollars is not None,
        probed=partial(stored_probe, desk),
        batch=spec.mode == "batch",
    )


def _embedder(reach: Reach, model: str) -> Embed:
    reach.check_model(model)
    return no_embedder(model)
