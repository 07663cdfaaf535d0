"""`python -m autointerp.testing` serves a behaviour by its name, and says how to use it."""

import subprocess
import sys
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from autointerp import testing
from autointerp.settings import load
from autointerp.testing.__main__ import BEHAVIOURS, main
from autointerp.wiring import endpoints

ASKED = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
LINES = 6


@contextmanager
def standing_alone(*arguments: str) -> Generator[dict[str, Any]]:
    """The server in a process of its own; what it prints, read as a settings file."""
    command = [sys.executable, "-m", "autointerp.testing", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield tomllib.loads("".join(server.stdout.readline() for _ in range(LINES)))
        finally:
            server.terminate()


def test_it_prints_an_endpoint_and_serves_what_was_chosen_at_every_other_request() -> None:
    with standing_alone("html", "--every", "2", "--key", "k") as printed, httpx2.Client() as client:
        [endpoint] = [one for one in endpoints(load(endpoints=printed["endpoints"])) if one.name == "test"]
        assert endpoint.api_key is not None
        url = f"{endpoint.base_url}/chat/completions"
        headers = {"authorization": f"Bearer {endpoint.api_key.get_secret_value()}"}
        kinds = [client.post(url, json=ASKED, headers=headers).headers["content-type"] for _ in range(4)]
        refused = client.post(url, json=ASKED, headers={"authorization": "Bearer another"})

    json, html = "application/json", "text/html; charset=utf-8"
    assert ([json, html, json, html], 401) == (kinds, refused.status_code)


def test_its_behaviours_have_the_names_that_code_has() -> None:
    assert [name for name in BEHAVIOURS if name not in testing.__all__] == []


@pytest.mark.parametrize("wrong", [["no_such"], ["html", "--every", "0"]])
def test_what_it_does_not_know_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)

    assert "invalid" in capsys.readouterr().err
