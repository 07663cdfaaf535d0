"""Endpoints over REST: where they are and what they can do, never their keys, and no address from a request."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from autointerp.api.parts import Parts
from autointerp.llm.base import Endpoint, Policy
from autointerp.testing import honest, serve, wrong_key

KEY = "sk-canary-0123456789"


def configure(app: FastAPI, *endpoints: Endpoint) -> None:
    parts: Parts = app.state.parts
    desk = replace(parts.desk, endpoints={one.name: one for one in endpoints})
    app.state.parts = replace(parts, desk=desk)


def at(url: str) -> Endpoint:
    policy = Policy(attempts=1, wait_initial=0.001, wait_jitter=0)
    return Endpoint(name="local", provider="openai", base_url=url, api_key=SecretStr(KEY), policy=policy)


def test_endpoints_are_listed_without_their_keys(app: FastAPI, client: TestClient) -> None:
    configure(app, at("http://127.0.0.1:9/v1?key=p4ss"), Endpoint(name="fake", provider="fake"))

    listed = client.get("/v1/endpoints")

    assert listed.json()["items"] == [
        {"name": "fake", "provider": "fake", "address": None, "key": False, "probes": []},
        {"name": "local", "provider": "openai", "address": "http://127.0.0.1:9/v1", "key": True, "probes": []},
    ]
    assert KEY not in listed.text
    assert "p4ss" not in listed.text


def test_a_probe_is_answered_and_stands_with_the_endpoint(app: FastAPI, client: TestClient) -> None:
    with serve(honest) as server:
        configure(app, at(server.openai_url))
        probed = client.post("/v1/endpoints/local/probe", json={"model": "some/model"})

    read = client.get("/v1/endpoints/local").json()
    assert probed.status_code == 200
    assert read["probes"] == [probed.json()]
    found = {one["capability"]: one["has"] for one in probed.json()["findings"]}
    assert (found["schema"], found["logprobs"], probed.json()["current"]) == ("yes", "no", True)


def test_a_probe_of_another_configuration_is_marked(app: FastAPI, client: TestClient) -> None:
    with serve(honest) as server:
        configure(app, at(server.openai_url))
        client.post("/v1/endpoints/local/probe", json={"model": "m"})
    configure(app, at("http://127.0.0.1:9/v1"))

    assert [probe["current"] for probe in client.get("/v1/endpoints/local").json()["probes"]] == [False]


@pytest.mark.parametrize("extra", [{"base_url": "http://169.254.169.254"}, {"api_key": "x"}, {"model": ""}])
def test_nothing_but_a_models_name_is_taken(app: FastAPI, client: TestClient, extra: dict[str, str]) -> None:
    configure(app, at("http://127.0.0.1:9/v1"))

    assert client.post("/v1/endpoints/local/probe", json={"model": "m", **extra}).status_code == 422


def test_an_endpoint_that_is_not_configured_is_a_404(client: TestClient) -> None:
    assert client.get("/v1/endpoints/nowhere").status_code == 404
    assert client.post("/v1/endpoints/nowhere/probe", json={"model": "m"}).status_code == 404


def test_a_server_that_fails_is_a_problem_without_the_key(app: FastAPI, client: TestClient) -> None:
    with serve(wrong_key()) as server:
        configure(app, at(server.openai_url))
        failed = client.post("/v1/endpoints/local/probe", json={"model": "m"})

    assert (failed.status_code, failed.headers["content-type"]) == (502, "application/problem+json")
    assert KEY not in failed.text
