"""The explainer that asks a language model, after Paulo et al. (2024).

It shows 40 examples spread over the quantiles of the feature's activations, strongest first, with the clearly firing
tokens marked and their activations on a scale from 0 to 10.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import firing, of_split, spread
from autointerp.domain.calls import Complete, Request
from autointerp.domain.capabilities import Capability
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Passage
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Prompts, Tools
from autointerp.hashing import canonical_json
from autointerp.llm.asking import ask_json


class Config(BaseModel):
    """Which model explains, from how many examples.

    `threshold`: tokens above this share of their example's strongest are marked. `length`: a longer explanation is cut
    at a word. With fewer than `least` examples the feature is not explained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, pattern=r"^[^/]+/.+$", description="endpoint/model; the run's if not given")
    prompt: str = "explainers/default"
    examples: int = Field(default=40, ge=1)
    least: int = Field(default=5, ge=1)
    threshold: float = Field(default=0.3, ge=0, lt=1)
    activations: int = Field(default=10, ge=0, description="tokens listed with their activation, per example")
    length: int = Field(default=300, ge=20, description="characters")
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: str | None = None
    max_tokens: int = Field(default=2_000, ge=16)

    def build(self, tools: Tools) -> "Default":
        """Make the explainer; InvalidSpec when no language model is at hand."""
        needs = () if self.temperature is None else (Capability.TEMPERATURE,)
        llm, endpoint, model = tools.need_llm(self.model, "the default explainer", needs=needs)
        return Default(self, llm, endpoint, model, tools.prompts, tools.seed)


class Claim(BaseModel):
    """What the model must answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    explanation: str


_SCHEMA = canonical_json(
    {
        "type": "object",
        "properties": {"explanation": {"type": "string"}},
        "required": ["explanation"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class Default:
    """Explains by one request to a language model."""

    config: Config
    llm: Complete
    endpoint: str
    model: str
    prompts: Prompts
    seed: int

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask for one sentence about examples of the explain split; LLMError and OutOfBudget are the caller's."""
        rng = rng_for(self.seed, feature.name, "explainers/default")
        found = of_split(examples, Split.EXPLAIN)
        chosen = spread(found, [Kind.QUANTILE], count=self.config.examples, rng=rng)
        if len(chosen) < self.config.least:
            detail = f"{len(chosen)} quantile examples in the explain split; {self.config.least} are needed"
            return Unread(UnreadKind.FAILED, detail)
        request = self._request(feature, sorted(chosen, key=lambda e: (-e.max, e.context, e.start)))
        heard = await ask_json(self.llm, request, Claim)
        if isinstance(heard, Unread):
            return heard
        request, text = heard.request, one_line(heard.value.explanation, self.config.length)
        if not text:
            return Unread(UnreadKind.EMPTY, "the model gave an empty explanation", heard.reply.text, request.key)
        return Explanation(text, tuple(e.window for e in chosen), prompt=request.prompt, request=request.key)

    def _request(self, feature: FeatureRecord, examples: Sequence[Example]) -> Request:
        strongest = feature.statistics.max or max(e.max for e in examples)
        passages = [self._passage(example, strongest) for example in examples]
        rendered = self.prompts.render(self.config.prompt, {"passages": passages})
        return Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=rendered.messages,
            max_tokens=self.config.max_tokens,
            schema=_SCHEMA,
            temperature=self.config.temperature,
            reasoning_effort=self.config.reasoning_effort,
            prompt=rendered.version,
        )

    def _passage(self, example: Example, strongest: float) -> dict[str, Any]:
        marks = firing(example, self.config.threshold)
        by_strength = sorted(range(len(marks)), key=lambda i: (-example.activations[i], i))
        listed = sorted(i for i in by_strength[: self.config.activations] if marks[i])
        tokens = [{"piece": example.pieces[i], "strength": level(example.activations[i], strongest)} for i in listed]
        return {"text": Passage(example.pieces, marks), "tokens": tokens}


def level(activation: float, strongest: float) -> int:
    """The activation on a scale from 0 to 10, rounded up; float16 may lie a little above the maximum."""
    return min(10, max(0, math.ceil(10 * activation / strongest)))


def one_line(text: str, length: int) -> str:
    """The text on one line, cut at a word where it is longer than `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
