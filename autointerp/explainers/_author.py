"""Asking a language model for a claim: the options that all who do share, and the one request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.tools import Tools
from autointerp.explainers._claims import one_line
from autointerp.llm.asker import Asker, LLMOptions
from autointerp.llm.asking import Heard, ask_json

C = TypeVar("C", bound=BaseModel)


class Asking(LLMOptions):
    """Which model is asked, and how; a longer explanation than `length` is cut at a word."""

    length: int = Field(default=300, ge=20, description="characters")
    max_tokens: int = Field(default=2_000, ge=16)

    def author(self, tools: Tools, who: str) -> "Author":
        """Take the model from the tools; InvalidSpec when no language model is at hand."""
        return Author(self.asker(tools, who), self.length)


@dataclass(frozen=True, slots=True)
class Author:
    """Asks one model for claims."""

    asker: Asker
    length: int

    async def ask(self, prompt: str, values: Mapping[str, Any], claim: type[C]) -> Heard[C] | Unread:
        """Ask for one claim, once more where another reply may be readable; LLMError and OutOfBudget are the caller's.

        `claim` has text fields only.
        """
        return await ask_json(self.asker.llm, self.asker.request(prompt, values, schema=_schema(claim)), claim)

    def explanation(self, heard: Heard[C], text: str, shown: tuple[tuple[int, int], ...]) -> Explanation | Unread:
        """What was heard as an explanation in one line; a text without words is unread."""
        line = one_line(text, self.length)
        if not line:
            return Unread(UnreadKind.EMPTY, "the model gave an empty explanation", heard.reply.text, heard.request.key)
        return Explanation(line, shown, prompt=heard.request.prompt, request=heard.request.key)


def _schema(claim: type[BaseModel]) -> str:
    """The schema of an object of texts. Its fields keep their order: servers that enforce it write them in this order,
    and reasoning must come before what it leads to."""
    fields = list(claim.model_fields)
    schema = {
        "additionalProperties": False,
        "properties": {field: {"type": "string"} for field in fields},
        "required": fields,
        "type": "object",
    }
    return json.dumps(schema, separators=(",", ":"))
