"""What each route asks of its caller: the one place where that is said. What is not said here only an admin reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autointerp.domain.keys import Scope

PUBLIC: Final = None

SCOPES: Mapping[str, Scope | None] = {
    "GET /health": PUBLIC,
    "GET /ready": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/oauth2-redirect": PUBLIC,
    "GET /redoc": PUBLIC,
    "GET /metrics": Scope.READ,
    "GET /v1/models": Scope.READ,
    "GET /v1/models/{model_id}": Scope.READ,
    "GET /v1/saes": Scope.READ,
    "GET /v1/saes/{sae_id}": Scope.READ,
    "GET /v1/saes/{sae_id}/features/{index}": Scope.READ,
    "GET /v1/harvests": Scope.READ,
    "POST /v1/harvests": Scope.RUN,
    "GET /v1/harvests/{harvest_id}": Scope.READ,
    "POST /v1/harvests/{harvest_id}/cancel": Scope.RUN,
    "POST /v1/harvests/{harvest_id}/resume": Scope.RUN,
    "GET /v1/features": Scope.READ,
    "GET /v1/features/{feature_id}": Scope.READ,
    "GET /v1/explanations": Scope.READ,
    "GET /v1/explanations/{explanation_id}": Scope.READ,
    "GET /v1/scores": Scope.READ,
    "GET /v1/scores/{score_id}": Scope.READ,
    "GET /v1/scores/{score_id}/trials": Scope.READ,
    "GET /v1/runs": Scope.READ,
    "POST /v1/runs": Scope.RUN,
    "POST /v1/runs/estimate": Scope.RUN,
    "GET /v1/runs/{run_id}": Scope.READ,
    "GET /v1/runs/{run_id}/summary": Scope.READ,
    "GET /v1/runs/{run_id}/agreement": Scope.READ,
    "GET /v1/runs/{run_id}/controls": Scope.READ,
    "GET /v1/runs/{run_id}/failures": Scope.READ,
    "GET /v1/runs/{run_id}/unread": Scope.READ,
    "GET /v1/runs/{run_id}/trials": Scope.READ,
    "GET /v1/runs/{run_id}/events": Scope.READ,
    "PATCH /v1/runs/{run_id}": Scope.RUN,
    "POST /v1/runs/{run_id}/pause": Scope.RUN,
    "POST /v1/runs/{run_id}/retry": Scope.RUN,
    "POST /v1/runs/{run_id}/extend": Scope.RUN,
    "POST /v1/runs/{run_id}/cancel": Scope.RUN,
    "POST /v1/runs/{run_id}/resume": Scope.RUN,
    "POST /v1/comparisons": Scope.READ,
    "GET /v1/plugins": Scope.READ,
    "GET /v1/plugins/{role}/{name}": Scope.READ,
    "GET /v1/endpoints": Scope.READ,
    "GET /v1/endpoints/{name}": Scope.READ,
    "POST /v1/endpoints/{name}/probe": Scope.RUN,
    "POST /v1/activations": Scope.RUN,
    "GET /v1/activations/{inquiry_id}": Scope.READ,
    "POST /v1/steering": Scope.RUN,
    "GET /v1/steering/{inquiry_id}": Scope.READ,
    "POST /v1/tokens": Scope.RUN,
    "GET /v1/tokens/{inquiry_id}": Scope.READ,
    "GET /v1/searches": Scope.READ,
    "POST /v1/searches": Scope.READ,
    "GET /v1/searches/{inquiry_id}": Scope.READ,
    "GET /v1/keys": Scope.ADMIN,
    "POST /v1/keys": Scope.ADMIN,
    "GET /v1/keys/{key_id}": Scope.ADMIN,
    "POST /v1/keys/{key_id}/revoke": Scope.ADMIN,
    "GET /v1/journal": Scope.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Route:
    """A route that is declared above; `values` are those of the variables in its path."""

    template: str
    scope: Scope | None
    values: tuple[str, ...]


def find(method: str, path: str) -> Route | None:
    """Return the route that a request asks for, None when none is declared; what stands still goes before a variable.

    Paths are compared part by part and to the letter, so that whatever a framework makes of a slash or a line break at
    the end, a request is never taken for another than the one that is served.
    """
    parts = tuple(path.split("/"))
    fitting = (route for declared in _BY_LENGTH.get((_verb(method), len(parts)), ()) if (route := declared.fit(parts)))
    return min(fitting, key=lambda route: len(route.values), default=None)


def is_known(path: str) -> bool:
    """Whether a route is declared for this path, with any method."""
    return any(find(method, path) is not None for method in _METHODS)


@dataclass(frozen=True, slots=True)
class _Declared:
    template: str
    parts: tuple[str, ...]
    scope: Scope | None

    def fit(self, parts: tuple[str, ...]) -> Route | None:
        values: list[str] = []
        for wanted, part in zip(self.parts, parts, strict=True):
            if wanted.startswith("{") and part:
                values.append(part)
            elif wanted != part:
                return None
        return Route(self.template, self.scope, tuple(values))


def _verb(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _by_length() -> dict[tuple[str, int], list[_Declared]]:
    found: dict[tuple[str, int], list[_Declared]] = {}
    for operation, scope in SCOPES.items():
        method, _, template = operation.partition(" ")
        parts = tuple(template.split("/"))
        found.setdefault((method, len(parts)), []).append(_Declared(template, parts, scope))
    return found


_BY_LENGTH = _by_length()
_METHODS = frozenset(method for method, _ in _BY_LENGTH)
