"""How the OpenAI and the Anthropic server spell a conversation, an answer and an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autointerp.domain.calls import Asked, Decided, Finish, Message, Role, TokenLogprob, Usage
from autointerp.hashing import canonical_json
from autointerp.testing import decisions

OPENAI_FINISH = {Finish.STOP: "stop", Finish.LENGTH: "length", Finish.FILTER: "content_filter", Finish.REFUSAL: "stop"}
ANTHROPIC_FINISH = {Finish.STOP: "end_turn", Finish.LENGTH: "max_tokens", Finish.REFUSAL: "refusal"}
FRAME = 4  # tokens that a chat template puts around a message, and before the answer


class Wire(StrEnum):
    """Which server is being spoken to."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it reached the server; header names are in small letters."""

    number: int
    wire: Wire
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model", ""))

    @property
    def key(self) -> str:
        """The API key that came with it."""
        return self.headers.get("authorization", "").removeprefix("Bearer ") or self.headers.get("x-api-key", "")

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation, whichever wire spelled it."""
        if self.questions:
            return decisions.messages(self.body)
        system = self.body.get("system")
        first = (Message(Role.SYSTEM, _text(system)),) if system else ()
        said = tuple(Message(Role(each["role"]), _text(each["content"])) for each in self.body.get("messages", ()))
        return first + said

    @property
    def questions(self) -> tuple[Asked, ...]:
        """The yes/no questions, where they are what is asked."""
        return decisions.questions(self.body)

    @property
    def schema(self) -> str | None:
        """The JSON schema that the answer must follow, in canonical JSON."""
        if self.wire is Wire.ANTHROPIC:
            found = self.body.get("output_config", {}).get("format", {}).get("schema")
        else:
            form = self.body.get("response_format", {})
            found = form.get("json_schema", {}).get("schema") or form.get("schema")
        return canonical_json(found) if found else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model is made to say, or to decide; `usage` None: estimated from the lengths."""

    text: str
    finish: Finish = Finish.STOP
    usage: Usage | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    decided: tuple[Decided, ...] = ()


def render(seen: Seen, answer: Answer) -> dict[str, Any]:
    """Spell `answer` as the server of this wire does."""
    usage = answer.usage or _estimated(seen, answer.text)
    if seen.questions:
        refused = answer.finish is Finish.REFUSAL
        return decisions.render(seen.body, () if refused else answer.decided, usage)
    return _openai(seen, answer, usage) if seen.wire is Wire.OPENAI else _anthropic(seen, answer, usage)


def error(seen: Seen, status: int, code: str, message: str) -> dict[str, Any]:
    """Spell an error as the server of this wire does."""
    if seen.wire is Wire.OPENAI:
        return {"error": {"message": message, "type": code, "param": None, "code": code}}
    named = {"type": code, "message": message, "details": {"error_code": code}}
    return {"type": "error", "error": named, "request_id": f"req_{seen.number}"}


def _openai(seen: Seen, answer: Answer, usage: Usage) -> dict[str, Any]:
    refused = answer.finish is Finish.REFUSAL
    message = {
        "role": "assistant",
        "content": None if refused else answer.text,
        "refusal": answer.text if refused else None,
    }
    return {
        "id": f"chatcmpl-{seen.number}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": seen.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": OPENAI_FINISH.get(answer.finish, "tool_calls"),
                "logprobs": {"content": [_likely(token) for token in answer.logprobs]} if answer.logprobs else None,
            }
        ],
        "usage": {
            "prompt_tokens": usage.input + usage.cache_read + usage.cache_write,
            "completion_tokens": usage.output,
            "total_tokens": usage.total,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        },
    }


def _anthropic(seen: Seen, answer: Answer, usage: Usage) -> dict[str, Any]:
    return {
        "id": f"msg_{seen.number}",
        "type": "message",
        "role": "assistant",
        "model": seen.model,
        "content": [{"type": "text", "text": answer.text}],
        "stop_reason": ANTHROPIC_FINISH.get(answer.finish, "tool_use"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.input,
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation_input_tokens": usage.cache_write,
            "output_tokens": usage.output,
            "output_tokens_details": {"thinking_tokens": usage.reasoning},
        },
    }


def _likely(token: TokenLogprob) -> dict[str, Any]:
    alternatives = [_spelled(other, logprob) for other, logprob in token.alternatives]
    return {**_spelled(token.token, token.logprob), "top_logprobs": alternatives}


def _spelled(token: bytes, logprob: float) -> dict[str, Any]:
    return {"token": token.decode(errors="replace"), "bytes": list(token), "logprob": logprob}


def _estimated(seen: Seen, text: str) -> Usage:
    """Four characters a token, of the schema too: vendors put it into the prompt; and what frames each message."""
    said = [message.text for message in seen.messages] + [question.text for question in seen.questions]
    read = sum(map(len, said)) + len(seen.schema or "")
    return Usage(input=read // 4 + FRAME * (len(said) + 1), output=0 if seen.questions else len(text) // 4 + 1)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
