"""Bodies and heads that are too large, too deep, too slow, or of the wrong kind."""

from dataclasses import replace

import pytest

from autointerp.api.gate.bodies import deeper_than
from tests.security.conftest import LIMITS, SINGLE_USER, Start

JSON = {"Content-Type": "application/json"}
HEAD = b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
QUICK = replace(LIMITS, seconds=0.3)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(start: Start) -> None:
    answer = start(SINGLE_USER).talk(HEAD + b"Content-Length: 100000001\r\n\r\n{")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"larger than the 100,000 bytes" in answer


def test_a_body_in_chunks_is_refused_when_it_has_become_too_large(start: Start) -> None:
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"

    answer = start(SINGLE_USER).talk(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 11)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_at_the_limit_is_read(start: Start) -> None:
    with start(SINGLE_USER).client() as caller:
        answer = caller.post("/v1/runs", content=b"{" + b" " * 99_998 + b"}", headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_a_deeply_nested_body_is_refused(start: Start, opening: str) -> None:
    with start(SINGLE_USER).client() as caller:
        answer = caller.post("/v1/runs", content=opening * 10_000, headers=JSON)

    assert answer.status_code == 422
    assert "nested more than 32 deep" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "deeper"),
    [
        (b"[" * 32 + b"]" * 32, False),
        (b"[" * 33, True),
        (b"[],{}," * 100, False),
        (b'["' + b"[" * 100 + b'"]', False),
        (b'["\\"' + b"[" * 100 + b'"]', False),
        (b'["\\\\"' + b"[" * 100, True),
        (b'"' + b'\\"' * 50_000 + b"[" * 100, False),
    ],
)
def test_brackets_inside_texts_are_no_depth(body: bytes, deeper: bool) -> None:
    assert deeper is deeper_than(body, 32)


@pytest.mark.parametrize("body", [b'{"name": "\xff"}', b'{"name": "\xc3"}', b"\xff\xfe{\x00}\x00", b"\xed\xa0\x80"])
def test_a_body_that_is_not_utf8_is_refused(start: Start, body: bytes) -> None:
    with start(SINGLE_USER).client() as caller:
        answer = caller.post("/v1/runs", content=body, headers=JSON)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "not UTF-8" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b'{"seed": ' + b"9" * 5_000 + b"}", b'{"name": "\\ud800"}', b'{"name": NaN}', b"nul"])
def test_json_that_no_database_could_hold_is_refused(start: Start, body: bytes) -> None:
    with start(SINGLE_USER).client() as caller:
        answer = caller.post("/v1/runs", content=body, headers=JSON)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ""],
)
def test_a_body_of_another_kind_is_refused(start: Start, kind: str) -> None:
    with start(SINGLE_USER).client() as caller:
        answer = caller.post("/v1/runs", content=b"{}", headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["title"]) == (415, "Wrong media type")


def test_a_body_that_does_not_come_is_answered_in_time(start: Start) -> None:
    answer = start(SINGLE_USER, limits=QUICK).talk(HEAD + b"Content-Length: 10\r\n\r\n", b"{", b" ")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"within 0.3 s" in answer


def test_a_body_that_drips_is_not_waited_for(start: Start) -> None:
    service = start(SINGLE_USER, limits=QUICK)

    answer = service.talk(HEAD + b"Content-Length: 1000\r\n\r\n", *[b" "] * 5, pause=0.1)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_head_that_drips_is_not_waited_for(start: Start) -> None:
    service = start(SINGLE_USER, limits=QUICK)

    answer = service.talk(b"GET /health HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 5, pause=0.1)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


def test_a_second_head_that_drips_is_not_waited_for_either(start: Start) -> None:
    service = start(SINGLE_USER, limits=QUICK)

    answer = service.talk(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", *[b"G"] * 6, pause=0.1)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


def test_a_caller_who_says_nothing_is_hung_up_on(start: Start) -> None:
    assert start(SINGLE_USER, limits=QUICK).talk() == b""


def test_an_answer_may_take_longer_than_the_request(start: Start) -> None:
    import time

    service = start(SINGLE_USER, limits=QUICK)
    service.app.add_api_route("/slow", lambda: time.sleep(0.6))

    with service.client() as caller:
        assert caller.get("/slow").status_code == 200


def test_a_head_that_is_too_large_is_refused(start: Start) -> None:
    answer = start(SINGLE_USER).talk(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 100_000)

    assert answer.startswith(b"HTTP/1.1 4")


def test_a_request_smuggled_into_another_is_refused(start: Start) -> None:
    head = b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"

    answer = start(SINGLE_USER).talk(head + b"Connection: close\r\n\r\n0\r\n\r\nGET /v1/keys HTTP/1.1\r\n\r\n")

    assert answer.count(b"HTTP/1.1 ") == 1
