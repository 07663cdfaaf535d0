"""The judge that asks a language model, a few questions a request, by the prompt of the question's task.

Which questions share a request, and in which order, follows from a hash of their content and the seed, so the order
in which they were asked changes nothing. Equal questions are asked once. A line-up has a request of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from autointerp.domain.calls import Reply, Request
from autointerp.domain.explanations import Unread
from autointerp.domain.judging import Answer, Confidence, Lineup, Pick, Question
from autointerp.domain.tools import Tools
from autointerp.hashing import canonical_json
from autointerp.judges._batches import ask_in_chunks
from autointerp.judges._labels import probability
from autointerp.llm.asker import Asker, LLMOptions
from autointerp.llm.asking import Heard, ask_json, at_once


class Config(LLMOptions):
    """Which model is asked, and how.

    `logprobs` asks for that many alternatives at each token, which give each answer a confidence; leave it out for
    servers that have none. The number of questions a request is one of a few, because it is part of the reply's schema,
    which servers compile and cache.
    """

    questions: Literal[1, 5, 10, 20] = Field(default=10, description="questions a request")
    prompt: str | None = Field(default=None, description="a prompt for every task; scorers/<task> if not given")
    logprobs: int | None = Field(default=None, ge=1, le=20)

    def build(self, tools: Tools) -> "LLMJudge":
        """Make the judge; InvalidSpec when no language model is at hand."""
        return LLMJudge(self, self.asker(tools, "the llm judge", logprobs=self.logprobs), tools.seed)


@dataclass(frozen=True, slots=True)
class LLMJudge:
    """Answers by a language model's verdicts, each a boolean field of its reply, and picks by a letter."""

    config: Config
    asker: Asker
    seed: int

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Ask all requests at once (the LLM layer limits them); LLMError and OutOfBudget end the batch."""
        return await ask_in_chunks(questions, self.config.questions, self.seed, self._ask)

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Ask about each different line-up once, all at once; LLMError and OutOfBudget end them all."""
        different = list(dict.fromkeys(lineups))
        heard = await at_once(
            ask_json(self.asker.llm, self._about_lineup(one), _choice(len(one.passages))) for one in different
        )
        picks = dict(zip(different, map(_pick, heard), strict=True))
        return [picks[lineup] for lineup in lineups]

    async def _ask(self, questions: Sequence[Question]) -> list[Answer]:
        heard = await ask_json(self.asker.llm, self._about_questions(questions), _verdicts(len(questions)))
        if isinstance(heard, Unread):
            return [Answer(None, unread=heard.kind, request=heard.request)] * len(questions)
        return [_answer(field, verdict, heard.reply, heard.request) for field, verdict in heard.value]

    def _about_questions(self, questions: Sequence[Question]) -> Request:
        values = {
            "explanation": questions[0].explanation,
            "questions": [
                {"id": field, "passage": question.passage, "rival": question.rival}
                for field, question in zip(_fields(len(questions)), questions, strict=True)
            ],
        }
        schema = _schema(len(questions))
        return self.asker.request(self._prompt(questions[0].task), values, schema=schema, logprobs=self.config.logprobs)

    def _about_lineup(self, lineup: Lineup) -> Request:
        letters = _fields(len(lineup.passages))
        passages = [{"id": letter, "passage": one} for letter, one in zip(letters, lineup.passages, strict=True)]
        values = {"explanation": lineup.explanation, "passages": passages}
        return self.asker.request(self._prompt(lineup.task), values, schema=_choice_schema(len(letters)))

    def _prompt(self, task: str) -> str:
        return self.config.prompt or f"scorers/{task}"


def _answer(field: str, verdict: bool, reply: Reply, request: Request) -> Answer:
    confidence = probability(reply, field)
    kind = Confidence.LOGPROB if confidence is not None else None
    return Answer(verdict=verdict, confidence=confidence, kind=kind, request=request.key)


def _pick(heard: Heard[BaseModel] | Unread) -> Pick:
    if isinstance(heard, Unread):
        return Pick(None, unread=heard.kind, request=heard.request)
    [(_, letter)] = heard.value
    return Pick(ascii_lowercase.index(letter), request=heard.request.key)


def _fields(count: int) -> list[str]:
    """One letter a question: each costs a token in the prompt and in the reply."""
    return list(ascii_lowercase[:count])


@lru_cache
def _schema(count: int) -> str:
    """One object of required booleans: its length is part of the grammar, and each verdict has a token of its own."""
    fields = _fields(count)
    return canonical_json(
        {
            "type": "object",
            "properties": {field: {"type": "boolean"} for field in fields},
            "required": fields,
            "additionalProperties": False,
        }
    )


@lru_cache
def _verdicts(count: int) -> type[BaseModel]:
    strict = ConfigDict(extra="forbid", strict=True)
    fields: dict[str, Any] = dict.fromkeys(_fields(count), (bool, ...))
    return create_model(f"Verdicts{count}", __config__=strict, **fields)


@lru_cache
def _choice_schema(count: int) -> str:
    """One letter: a reply that names no passage, or two, cannot be written."""
    return canonical_json(
        {
            "type": "object",
            "properties": {"odd": {"type": "string", "enum": _fields(count)}},
            "required": ["odd"],
            "additionalProperties": False,
        }
    )


@lru_cache
def _choice(count: int) -> type[BaseModel]:
    strict = ConfigDict(extra="forbid", strict=True)
    letter: Any = Literal[tuple(_fields(count))]
    return create_model(f"Choice{count}", __config__=strict, odd=(letter, ...))
