"""A browser that was tricked, a proxy that nobody asked for, and what browsers are told."""

from dataclasses import replace

import pytest

from autointerp.api.gate.access import Mode
from tests.security.conftest import KEYS, SINGLE_USER, Service, Start


def _asked_as(service: Service, host: str) -> int:
    with service.client() as caller:
        return caller.get("/v1/models", headers={"Host": host}).status_code


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil", "[::", "8.8.8.8", ""]
)
def test_a_server_of_one_person_answers_to_no_foreign_name(start: Start, host: str) -> None:
    assert _asked_as(start(SINGLE_USER), host) == 403


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.1.2.3", "[::1]:8000", "my.name:80"]
)
def test_it_answers_to_the_names_of_its_machine_and_those_it_was_given(start: Start, host: str) -> None:
    assert _asked_as(start(replace(SINGLE_USER, hosts=frozenset({"my.name"}))), host) == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_server_of_one_person_does_not_answer_through_a_proxy(start: Start, header: str) -> None:
    with start(SINGLE_USER).client() as caller:
        answer = caller.get("/v1/models", headers={header: "203.0.113.7"})

    assert answer.status_code == 403
    assert "AUTOINTERP_ACCESS__MODE" in answer.json()["detail"]


def test_a_server_behind_a_proxy_that_asks_answers_to_any_name(start: Start) -> None:
    service = start(replace(KEYS, mode=Mode.PROXY))
    with service.client() as caller:
        headers = {"Host": "interp.example.org", "X-Forwarded-For": "203.0.113.7"}
        assert caller.get("/v1/keys", headers=headers).status_code == 200
        assert caller.post("/v1/keys", json={"name": "x"}, headers=headers).status_code == 201
        [line] = caller.get("/v1/journal", headers=headers).json()["items"]

    assert (line["key_id"], line["route"], line["status"]) == (None, "/v1/keys", 201)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "SELF"}, 201),
        ({"Origin": "https://lab.example"}, 201),
        ({}, 201),
    ],
)
def test_another_web_site_may_not_post(start: Start, headers: dict[str, str], status: int) -> None:
    service = start(replace(SINGLE_USER, origins=("https://lab.example",)))
    own = {name: value.replace("SELF", service.url) for name, value in headers.items()}

    with service.client() as caller:
        assert caller.post("/v1/keys", json={"name": "x"}, headers=own).status_code == status


def test_no_web_site_may_read_unless_it_is_named(start: Start) -> None:
    closed, opened = start(), start(replace(KEYS, origins=("https://lab.example",)))
    asking = {"Origin": "https://lab.example", "Access-Control-Request-Method": "GET"}
    with closed.client() as one, opened.client() as two:
        refused = one.options("/v1/models", headers=asking)
        allowed = two.options("/v1/models", headers={**asking, "Access-Control-Request-Headers": "authorization"})
        stranger = two.options("/v1/models", headers={**asking, "Origin": "https://evil.example"})
        unknown = two.get("/v1/models", headers={"Origin": "https://lab.example"})

    assert "access-control-allow-origin" not in refused.headers
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://lab.example")
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in stranger.headers
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (401, "https://lab.example")


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/nothing", "/docs", "/fails"])
def test_every_answer_tells_the_browser_what_it_may_not_do(start: Start, path: str) -> None:
    def fail() -> None:
        raise RuntimeError("unexpected")

    service = start(SINGLE_USER)
    service.app.add_api_route("/fails", fail)
    with service.client() as caller:
        answer = caller.get(path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert ("script-src" in answer.headers["content-security-policy"]) == (path == "/docs")
    assert "server" not in answer.headers


def test_what_the_page_of_the_api_loads_is_what_its_policy_lets_it_load(start: Start) -> None:
    import re

    with start(SINGLE_USER).client() as caller:
        for path in ("/docs", "/redoc"):
            page = caller.get(path)
            hosts = set(re.findall(r'(?:src|href)="(https://[^/"]+)', page.text))
            policy = page.headers["content-security-policy"]
            assert {host for host in hosts if host not in policy} == set()


def test_a_web_socket_is_refused(start: Start) -> None:
    upgrade = (
        b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    )

    answer = start().talk(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 401 ")
