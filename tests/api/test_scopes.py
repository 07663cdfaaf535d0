"""Every route says in one place what it asks of its caller."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from autointerp.api.gate import scopes
from autointerp.domain.keys import Scope


def _operations(routes: Iterable[Any], prefix: str = "") -> Iterator[str]:
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            context = getattr(route, "include_context", None)
            yield from _operations(inner.routes, prefix + str(getattr(context, "prefix", "")))
        else:
            yield from (f"{method} {prefix}{route.path}" for method in route.methods if method != "HEAD")


def test_every_route_of_the_application_is_declared_and_nothing_else(app: FastAPI) -> None:
    routes = set(_operations(app.routes))

    assert {one for one in routes if one.startswith("GET /v1/")}
    assert routes == set(scopes.SCOPES)


def test_what_changes_something_needs_more_than_reading() -> None:
    # The first computes and stores nothing; of the second a worker embeds one short text.
    free = {"POST /v1/comparisons", "POST /v1/searches"}

    changing = {one: scope for one, scope in scopes.SCOPES.items() if not one.startswith("GET ")}
    assert {one for one, scope in changing.items() if scope in (None, Scope.READ)} == free


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/v1/runs/abc", "/v1/runs/{run_id}"),
        ("HEAD", "/docs", "/docs"),
        ("POST", "/v1/runs/estimate", "/v1/runs/estimate"),
        ("GET", "/v1/saes/1/features/2", "/v1/saes/{sae_id}/features/{index}"),
        ("GET", "/v1/runs/", None),
        ("GET", "/v1/runs\n", None),
        ("POST", "/v1/models", None),
        ("GET", "", None),
    ],
)
def test_a_route_is_found_to_the_letter(method: str, path: str, template: str | None) -> None:
    found = scopes.find(method, path)

    assert template == (found and found.template)
