"""The test server itself: it speaks both wires, remembers what it saw, and is gone afterwards."""

import socket

import httpx2
import pytest

from autointerp.testing import in_turn, rate_limited, say, serve


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


def test_the_port_is_free_again_afterwards() -> None:
    with serve(say("Blue.")) as server:
        pass

    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", server.port))
