"""The shared beginning of prompts is kept where vendors can keep it, and nothing behind it."""

import json
from typing import Any

import pytest

from autointerp.domain.calls import Message, Request, Role
from autointerp.llm.base import Endpoint
from autointerp.llm.providers import anthropic, openai
from autointerp.llm.stack import keeps_prompts

RULES = (Message(Role.SYSTEM, "Rules."), Message(Role.USER, "Like this?"), Message(Role.ASSISTANT, "Yes.", shared=True))


def ask(text: str, model: str = "gpt-6-luna") -> Request:
    return Request("main", model, (*RULES, Message(Role.USER, text)), max_tokens=5)


def body(request: Request, *, hosted: bool = True, **options: Any) -> dict[str, Any]:
    return openai.body(request, openai.Config.model_validate(options), hosted=hosted)


def test_a_newer_model_of_openai_gets_one_breakpoint_at_the_end_of_what_is_shared() -> None:
    sent = body(ask("a"))

    marked = [one for one in sent["messages"] if isinstance(one["content"], list)]
    assert marked == [sent["messages"][2]]
    assert marked[0]["content"] == [{"type": "text", "text": "Yes.", "prompt_cache_breakpoint": {"mode": "explicit"}}]
    assert sent["prompt_cache_options"] == {"mode": "explicit"}


def test_the_key_and_the_beginning_are_the_same_for_all_that_share_it_and_no_others() -> None:
    first, second, other = body(ask("a")), body(ask("b")), body(ask("a", model="gpt-6"))

    assert first["prompt_cache_key"] == second["prompt_cache_key"] != other["prompt_cache_key"]
    assert json.dumps(first["messages"][:3]) == json.dumps(second["messages"][:3])


@pytest.mark.parametrize(
    ("model", "hosted", "options", "breakpoint", "key"),
    [
        ("gpt-5.6", True, {}, True, True),
        ("gpt-5.5", True, {}, False, True),
        ("gpt-4o-mini", True, {}, False, True),
        ("gpt-6-luna", False, {}, False, False),
        ("some-model", False, {"prompt_cache": "explicit"}, True, True),
        ("gpt-6-luna", True, {"prompt_cache": "none"}, False, False),
    ],
)
def test_each_server_gets_the_words_that_it_knows(
    model: str, hosted: bool, options: dict[str, str], breakpoint: bool, key: bool
) -> None:
    sent = body(ask("a", model), hosted=hosted, **options)

    assert breakpoint == ("prompt_cache_options" in sent)
    assert key == ("prompt_cache_key" in sent)


def test_a_prompt_that_shares_nothing_asks_for_nothing() -> None:
    sent = body(Request("main", "gpt-6-luna", (Message(Role.USER, "a"),), max_tokens=5))

    assert not {"prompt_cache_key", "prompt_cache_options"} & set(sent)


def test_anthropic_gets_one_breakpoint_at_the_end_of_what_is_shared() -> None:
    sent = anthropic.body(ask("a"), anthropic.Config())

    marked = [block for one in sent["messages"] for block in one["content"] if "cache_control" in block]
    assert [block["text"] for block in marked] == ["Yes."]


def test_who_keeps_prompts_is_known_and_from_what_length_on() -> None:
    def kept(provider: str, url: str | None = None, **options: Any) -> int | None:
        return keeps_prompts(Endpoint(name="main", provider=provider, base_url=url, options=options))

    assert [1_024, 512] == [kept("openai"), kept("anthropic")]
    assert [None, None, None] == [
        kept("openai", "http://127.0.0.1:1/v1"),
        kept("anthropic", prompt_cache=None),
        kept("fake"),
    ]
