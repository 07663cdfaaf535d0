"""The test server itself: it speaks both wires, remembers what it saw, and is gone afterwards."""

import socket
from typing import Any

import httpx2
import openai
import pytest
from openai.types import Decision

from autointerp.errors import Unavailable
from autointerp.testing import completing, deciding, in_turn, rate_limited, say, serve


def test_it_lists_its_models_and_remembers_requests() -> None:
    with serve(say("Blue.")) as server, httpx2.Client() as client:
        models = client.get(f"{server.openai_url}/models").json()
        client.post(
            f"{server.url}/v1/messages",
            json={"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "?"}]},
            headers={"x-api-key": "k"},
        )

    assert models["data"][0]["id"] == "honest"
    [seen] = server.requests
    assert ("m", "k", ["Be brief.", "?"]) == (seen.model, seen.key, [message.text for message in seen.messages])


def test_behaviours_come_in_turn_and_the_last_one_stays() -> None:
    body = {"model": "m", "messages": []}
    with serve(in_turn(rate_limited(2), say("Blue."))) as server, httpx2.Client() as client:
        said = [client.post(f"{server.openai_url}/chat/completions", json=body) for _ in range(3)]

    assert [429, 200, 200] == [each.status_code for each in said]
    assert said[0].headers["retry-after"] == "2"


def test_a_wrong_key_is_refused() -> None:
    body = {"model": "m", "messages": []}
    with serve(say("Blue."), key="right") as server, httpx2.Client() as client:
        url = f"{server.openai_url}/chat/completions"
        codes = [
            client.post(url, json=body, headers={"authorization": f"Bearer {key}"}).status_code
            for key in ("right", "wrong")
        ]

    assert codes == [200, 401]


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "/v1/models", {}),
        ("POST", "/v1/decisions", {"json": {"model": "m"}}),
        ("POST", "/v1/files", {"files": {"file": ("x.jsonl", b"{}")}}),
        ("GET", "/v1/files/file_0000/content", {}),
        ("POST", "/v1/batches", {"json": {"input_file_id": "file_0000"}}),
        ("GET", "/v1/batches", {}),
        ("POST", "/v1/messages/batches", {"json": {"requests": []}}),
        ("GET", "/v1/messages/batches", {}),
    ],
)
def test_one_guard_stands_before_every_route(method: str, path: str, sent: dict[str, Any]) -> None:
    with serve(say("Blue."), key="right") as server, httpx2.Client() as client:
        refused = client.request(method, server.url + path, headers={"authorization": "Bearer wrong"}, **sent)

    assert (refused.status_code, server.requests, server.batches.made, server.batches.files) == (401, [], [], {})
    assert "wrong" in refused.json()["error"]["message"]


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with (
        serve(say("Blue.")) as server,
        pytest.raises(Unavailable, match="cannot be used"),
        serve(say("Red."), port=server.port),
    ):
        pass


def test_the_port_is_free_again_afterwards() -> None:
    with serve(say("Blue.")) as server:
        pass

    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", server.port))


async def test_openais_own_client_reads_its_decisions() -> None:
    with serve(deciding(lambda asked: 0.75 if asked.name == "a" else None)) as server:
        async with openai.AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0) as client:
            decision = await client.decisions.create(
                model="m",
                input=[{"type": "message", "role": "user", "content": "A red hat."}],
                questions=[
                    {"type": "predicate", "name": "a", "instructions": "It is red."},
                    {"type": "predicate", "name": "b", "instructions": "It is blue."},
                ],
            )

    Decision.model_validate(decision.model_dump(), strict=True)
    assert [("predicate", "a"), ("refusal", "b")] == [(answer.type, answer.name) for answer in decision.answers]
    assert decision.usage.input_tokens > 0
    assert ["A red hat."] == [message.text for message in server.requests[0].messages]


async def test_openais_own_client_reads_its_completions() -> None:
    with serve(completing(say("no completion"))) as server:
        async with openai.AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0) as client:
            written = await client.completions.create(
                model="m", prompt="one, two", max_tokens=2, echo=True, logprobs=2, temperature=0
            )

    found = written.choices[0].logprobs
    assert found is not None
    assert found.tokens is not None
    assert written.choices[0].text == "".join(found.tokens)
    assert ["one", ",", " two"] == found.tokens[:3]
    assert found.token_logprobs is not None
    assert found.token_logprobs[0] is None


def test_it_decides_in_system_ones_words() -> None:
    body = {"model": "m", "state": "A red hat.", "questions": {"a": {"type": "noul", "instructions": "It is red."}}}
    with serve(deciding(lambda asked: 0.75)) as server, httpx2.Client() as client:
        reply = client.post(f"{server.openai_url}/systemone", json=body).json()

    assert reply["answers"] == {"a": {"type": "noul", "noul": 0.75}}
    assert {"input_tokens", "output_tokens"} == set(reply["usage"])
