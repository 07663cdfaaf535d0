"""One call of the API as a value, and what its answer means; the same for the blocking client and the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from autointerp import errors
from autointerp.api.problems import problem_type
from autointerp.errors import AutointerpError, InvalidInput, Unavailable

M = TypeVar("M", bound=BaseModel)


class UnexpectedAnswer(AutointerpError):
    """The server answered with something that the API does not say."""

    title = "Unexpected answer"


@dataclass(frozen=True, slots=True)
class Call(Generic[M]):
    """A method and a path with its values filled in, what goes with it, and the record that comes back.

    `query` and `headers` may hold None, which is not sent.
    """

    method: str
    path: str
    returns: type[M]
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    body: BaseModel | Mapping[str, Any] | None = None

    @property
    def safe(self) -> bool:
        """Whether the call may be made twice: it changes nothing, or its key makes the second one the same."""
        return self.method == "GET" or self.headers.get("Idempotency-Key") is not None

    def request(self, client: "httpx2.Client | httpx2.AsyncClient") -> httpx2.Request:
        """The HTTP request of this call."""
        body = self.body.model_dump(mode="json", exclude_unset=True) if isinstance(self.body, BaseModel) else self.body
        return client.build_request(
            self.method,
            self.path,
            params={name: value for name, value in self.query.items() if value is not None},
            headers={name: value for name, value in self.headers.items() if value is not None},
            json=body,
        )

    def read(self, response: httpx2.Response) -> M:
        """Read the record; a problem document is raised as the failure that it tells of."""
        if response.is_error:
            raise failure(response)
        try:
            return self.returns.model_validate_json(response.content)
        except ValidationError as error:
            raise UnexpectedAnswer(
                f"{self.method} {self.path} was not answered with a {self.returns.__name__} "
                f"({error.error_count()} fields are wrong); use the client of the server's version"
            ) from error


def failure(response: httpx2.Response) -> AutointerpError:
    """What a refused call raises: the failure that its problem document names."""
    try:
        problem = response.json()
        kind, detail, wrong = problem["type"], str(problem["detail"]), problem.get("errors") or ()
    except (ValueError, KeyError, TypeError):
        where = f"{response.request.method} {response.request.url.path}"
        return UnexpectedAnswer(f"{where} was answered with status {response.status_code} and no problem document")
    if len(wrong) > 1:  # the detail tells of the first only
        detail = "; ".join([detail, *(f"{one['field']}: {one['message']}" for one in wrong[1:])])
    return _KINDS.get(kind, _BY_STATUS.get(response.status_code, UnexpectedAnswer))(detail)


def unreachable(base_url: str, error: Exception) -> Unavailable:
    """No answer came at all."""
    return Unavailable(f"no answer from {base_url} ({type(error).__name__}: {error}); is `autointerp serve` running?")


def address(base_url: str) -> str:
    """The server's address without a slash at its end; InvalidInput when it is none, or holds a password."""
    url = httpx2.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise InvalidInput("give the server as http://HOST:PORT or https://HOST, and the key as `key`")
    return base_url.rstrip("/")


def _failures() -> Iterator[type[AutointerpError]]:
    """Every kind of failure that a problem document can name."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, AutointerpError) and value is not AutointerpError:
            yield value


_KINDS = {problem_type(kind): kind for kind in _failures()}
_BY_STATUS = {kind.status: kind for kind in reversed([*_failures()])}
