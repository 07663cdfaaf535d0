"""What a language-model endpoint may be able to do, and what a probe found out about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

PROBE_REQUESTS = 9  # of a model that can do everything; one that cannot may be asked once more, or less


class Capability(StrEnum):
    """Something that not every server can do."""

    SCHEMA = "schema"
    LOGPROBS = "logprobs"
    TEMPERATURE = "temperature"
    REPEATABLE = "repeatable"
    DECISIONS = "decisions"
    ECHO = "echo"
    STEADY = "steady"

    @property
    def meaning(self) -> str:
        """What it is, in words that follow "it lacks"."""
        return _MEANINGS[self]

    @property
    def instead(self) -> str:
        """What to do where it is missing."""
        return _INSTEAD[self]


class Has(StrEnum):
    """Whether a capability is there. Unknown: the probe could not tell."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found out about one capability, and why it says so."""

    capability: Capability
    has: Has
    why: str


@dataclass(frozen=True, slots=True)
class Probe:
    """The findings about one model of one endpoint; `fingerprint` is that of the endpoint's configuration."""

    endpoint: str
    model: str
    provider: str
    fingerprint: str
    findings: tuple[Finding, ...]
    probed_at: datetime

    def finding(self, capability: Capability) -> Finding | None:
        """What was found out about a capability; None: it was not looked for."""
        return next((one for one in self.findings if one.capability is capability), None)

    def lacks(self, capability: Capability) -> Finding | None:
        """The finding that says that a capability is missing; None where it is there or nobody knows."""
        found = self.finding(capability)
        return found if found is not None and found.has is Has.NO else None


class Probed(Protocol):
    """Knows the newest probe of a model, as long as its endpoint is configured as it was then."""

    def __call__(self, endpoint: str, model: str) -> Probe | None: ...


_MEANINGS = {
    Capability.SCHEMA: "replies that follow a JSON schema",
    Capability.LOGPROBS: "log-probabilities of what it writes",
    Capability.TEMPERATURE: "a temperature of one's choice",
    Capability.REPEATABLE: "the same reply to the same request",
    Capability.DECISIONS: "decisions on yes/no questions",
    Capability.ECHO: "log-probabilities of given text",
    Capability.STEADY: "verdicts that do not follow orders in the passages",
}
_INSTEAD = {
    Capability.SCHEMA: "name a model whose server enforces schemas, or let replies be read without one",
    Capability.LOGPROBS: 'leave out the option `logprobs`, or use the judge "decisions" at an endpoint that decides',
    Capability.TEMPERATURE: "leave out the option `temperature`",
    Capability.REPEATABLE: "rely on the kept replies, which are the same for the same request",
    Capability.DECISIONS: (
        'use the judge "llm", or an endpoint that decides (OpenAI; vLLM, Ollama or transformers serve with the option '
        "`decisions`)"
    ),
    Capability.ECHO: "use a server that tells them (vLLM), or a local model",
    Capability.STEADY: 'judge by another model, or by the judge "decisions", which leaves no room for other words',
}
