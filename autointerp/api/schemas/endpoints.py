"""A language-model server as the API shows it: where it is and what it can do, and never its key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from autointerp.api.schemas.base import WHEN, Shown, example
from autointerp.domain.capabilities import Capability, Has
from autointerp.domain.capabilities import Finding as FindingRecord
from autointerp.domain.capabilities import Probe as ProbeRecord
from autointerp.llm.base import Endpoint as Configured

FOUND: dict[str, Any] = {"capability": "logprobs", "has": "no", "why": "it ignores the request for log-probabilities"}
PROBED: dict[str, Any] = {"model": "some-model", "findings": [FOUND], "probed_at": WHEN, "current": True}
LOCAL: dict[str, Any] = {
    "name": "local",
    "provider": "openai",
    "address": "http://127.0.0.1:8080/v1",
    "key": False,
    "probes": [PROBED],
}


class Finding(Shown):
    """What a probe found out about one capability."""

    model_config = example(**FOUND)

    capability: Capability
    has: Has = Field(description="unknown: the probe could not tell")
    why: str

    @classmethod
    def of(cls, found: FindingRecord) -> Self:
        """Show a finding."""
        return cls(capability=found.capability, has=found.has, why=found.why)


class Probe(Shown):
    """What one model of an endpoint can do."""

    model_config = example(**PROBED)

    model: str
    findings: list[Finding]
    probed_at: datetime
    current: bool = Field(description="false: the endpoint has been configured otherwise since, so it counts no more")

    @classmethod
    def of(cls, probe: ProbeRecord, endpoint: Configured) -> Self:
        """Show a probe."""
        return cls(
            model=probe.model,
            findings=[Finding.of(found) for found in probe.findings],
            probed_at=probe.probed_at,
            current=probe.fingerprint == endpoint.fingerprint,
        )


class Endpoint(Shown):
    """A language-model server that the configuration names."""

    model_config = example(**LOCAL)

    name: str
    provider: str
    address: str | None = Field(description="null: the provider's own")
    key: bool = Field(description="whether a key is set")
    probes: list[Probe] = Field(description="the newest of each model that was probed")

    @classmethod
    def of(cls, endpoint: Configured, probes: Sequence[ProbeRecord]) -> Self:
        """Show an endpoint with its probes."""
        return cls(
            name=endpoint.name,
            provider=endpoint.provider,
            address=endpoint.address,
            key=endpoint.api_key is not None and bool(endpoint.api_key.get_secret_value()),
            probes=[Probe.of(probe, endpoint) for probe in probes if probe.endpoint == endpoint.name],
        )


class Endpoints(Shown):
    """The endpoints of this installation."""

    model_config = example(items=[LOCAL])

    items: list[Endpoint]


class ProbeWanted(BaseModel):
    """Which model to probe; where its server is, the configuration says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=300)
