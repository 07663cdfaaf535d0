"""What every part of the LLM layer speaks of: an endpoint, a provider, and the ways in which one attempt can fail.

LLMError (502)
└── CallFailed
    ├── RateLimited          429: too many requests; try again after a while
    ├── Overloaded           503, 529: the same, and the server's own fault
    ├── ServerFailed         any other 5xx
    ├── Unreachable          no connection, or one that broke
    ├── TimedOut             no whole reply in time; it may have been billed
    ├── Lapsed               a batch ended without an answer to this request
    ├── Malformed            a reply that is not what the wire promises; it is counted and never judged
    ├── BadRequest           this request cannot be answered as it stands
    │   └── MissingCapability    the endpoint cannot do what the request asks for
    └── EndpointRefused      no request to this endpoint can succeed until someone changes something
        ├── WrongKey         401, 403
        ├── QuotaSpent       the account has no money left or has reached its limit
        ├── UnknownModel     404
        ├── Redirected       3xx: never followed, because the prompt would be sent on
        └── NotRecorded      a recorded endpoint without this exchange
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from autointerp.domain.calls import Reply, Request, Usage
from autointerp.domain.ledger import AttemptStatus
from autointerp.errors import LLMError
from autointerp.hashing import digest
from autointerp.llm.batches.policy import BatchPolicy
from autointerp.llm.prices import Price, Tariff


class Policy(BaseModel):
    """How one endpoint is treated: attempts at a request, waits in seconds, requests in flight, rates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=6, ge=1, description="attempts at one request, the first included")
    wait_initial: float = Field(default=0.5, ge=0, description="seconds before the second attempt, then doubled")
    wait_max: float = Field(default=30, ge=0, description="the longest wait that is our own choice")
    wait_jitter: float = Field(default=1, ge=0, description="a random part of up to this much is added to our own wait")
    retry_after_cap: float = Field(default=300, ge=0, description="a server's Retry-After is obeyed up to this much")
    concurrency: int = Field(default=8, ge=1, description="requests in flight to begin with")
    max_concurrency: int = Field(default=256, ge=1)
    requests_per_minute: float | None = Field(default=None, gt=0, description="over all workers; no limit if not given")
    tokens_per_minute: float | None = Field(default=None, gt=0, description="over all workers; no limit if not given")


class Endpoint(BaseModel):
    """A language-model server under a name of its own; requests and jobs speak of it by that name only.

    `options` go to the provider's Config. `price` overrides the list price (a local server costs nothing: all zeros).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[^/\s]+$")
    provider: str
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    api_key: SecretStr | None = None
    options: dict[str, Any] = {}
    policy: Policy = Policy()
    price: Price | None = None
    batch: BatchPolicy = BatchPolicy()

    @field_validator("base_url")
    @classmethod
    def _names_nobody(cls, url: str | None, given: ValidationInfo) -> str | None:
        if url is not None and "@" in urlsplit(url).netloc:
            name = str(given.data.get("name", "NAME")).upper()
            raise ValueError(
                "it holds a user or a password, and none is sent from there; leave them out, and put the server's key "
                f"into AUTOINTERP_ENDPOINTS__{name}__API_KEY or the endpoint's `api_key`"
            )
        return url

    @property
    def address(self) -> str | None:
        """The base URL without what stands behind a question mark; None: the provider's own."""
        return None if self.base_url is None else self.base_url.partition("?")[0]

    @property
    def fingerprint(self) -> str:
        """The digest of what decides how the server is spoken to, without its key."""
        options = {name: repr(value) for name, value in self.options.items()}
        return digest({"provider": self.provider, "address": self.address, "options": options})


class Provider(Protocol):
    """One endpoint, bare: one attempt a call, no retries; failures are CallFailed."""

    async def complete(self, request: Request) -> Reply: ...

    async def close(self) -> None: ...


class ProviderConfig(Protocol):
    """The `Config` of a provider's module."""

    def build(self, endpoint: Endpoint) -> Provider: ...

    def tariff(self, endpoint: Endpoint) -> Tariff:
        """What its models cost, without opening anything."""
        ...


NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True)
class Said:
    """What the server said beside the failure. `usage` None: not known, so the worst case is booked."""

    retry_after: float | None = None
    usage: Usage | None = NOTHING_USED
    raw: str = ""
    model: str | None = None
    provider_request: str | None = None


NOTHING_SAID = Said()


class CallFailed(LLMError):
    """One attempt failed. `endpoint_dead`: no other request to this endpoint would fare better."""

    code: ClassVar[AttemptStatus] = AttemptStatus.FAILED
    retryable: ClassVar[bool] = False
    endpoint_dead: ClassVar[bool] = False

    def __init__(self, message: str, said: Said = NOTHING_SAID) -> None:
        super().__init__(message)
        self.said = said


class RateLimited(CallFailed):
    """The server asks for fewer requests."""

    code = AttemptStatus.RATE_LIMITED
    retryable = True
    title = "Rate limited"


class Overloaded(CallFailed):
    """The server has more to do than it can."""

    code = AttemptStatus.RATE_LIMITED
    retryable = True
    title = "Language model overloaded"


class ServerFailed(CallFailed):
    """The server failed by its own account."""

    retryable = True


class Unreachable(CallFailed):
    """There is no connection to the server, or it broke."""

    retryable = True
    title = "Language model unreachable"


class TimedOut(CallFailed):
    """There was no whole reply in time."""

    code = AttemptStatus.TIMED_OUT
    retryable = True
    title = "Language model timed out"


class Lapsed(CallFailed):
    """A batch ended without an answer to this request, which was not billed."""

    code = AttemptStatus.EXPIRED
    retryable = True
    title = "Batch ended too early"


class Malformed(CallFailed):
    """The reply is not what the wire promises."""

    code = AttemptStatus.MALFORMED
    retryable = True
    title = "Malformed reply"


class BadRequest(CallFailed):
    """This request cannot be answered as it stands."""

    title = "Language model refused the request"


class MissingCapability(BadRequest):
    """The endpoint cannot do what the request asks for."""

    title = "Missing capability"


class EndpointRefused(CallFailed):
    """No request to this endpoint can succeed until someone changes something."""

    endpoint_dead = True


class WrongKey(EndpointRefused):
    """The key is missing, wrong, or not allowed to do this."""

    title = "Wrong key"


class QuotaSpent(EndpointRefused):
    """The account has no money left or has reached its own limit."""

    title = "Quota spent"


class UnknownModel(EndpointRefused):
    """The endpoint has no such model."""

    title = "Unknown model"


class Redirected(EndpointRefused):
    """The server sends the request elsewhere, and it is not followed."""

    title = "Redirect refused"


class NotRecorded(EndpointRefused):
    """A recorded endpoint holds no reply to this request."""

    title = "Not recorded"
