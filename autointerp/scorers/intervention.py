"""Intervention: does turning the feature up make the subject model write what the explanation says?

Prompts are windows over the feature's activation range, each cut after the first token on which the feature fires, so
that the clean model is about to use it. The feature's direction is added at the last token of the prompt and at every
generated one, as strongly as moves the next-token distribution by a mean KL divergence of 1 nat: strong enough to show
in a few tokens, weak enough to leave text that can be read, and the same for every feature, because scores can only be
compared at equal divergence. With `mode = "ablate"` the feature is set to zero instead, and the clean text shows more.

With `answer = "choice"` a judge chooses which of the two continuations shows more of the explanation; they come in a
random order, half of them with the steered one first, so any constant answer scores 0.5, as do continuations that the
feature does not change: where a judge that compares the two finds no difference, the answer counts half. With
`answer = "logprob"`, the paper's form, a language model tells how much likelier the explanation is after the text with
more of the feature than after the other, in nats, and no judge is asked: a feature without effect gains nothing.

The protocol is that of Paulo et al. 2024, Automatically Interpreting Millions of Features in Large Language Models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import of_split, spread
from autointerp.analysis.steering import Strength, find, prompt
from autointerp.analysis.summary import undefined
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Passage
from autointerp.domain.likelihood import SUBJECT
from autointerp.domain.scores import Score
from autointerp.domain.seeds import rng_for
from autointerp.domain.steering import Change, Mode, Steer, Steered
from autointerp.domain.tools import Tools
from autointerp.hashing import stable_int
from autointerp.scorers._trials import too_few
from autointerp.scorers._written import TASK, Choice, ReadBack, Reading, Written


class Config(BaseModel):
    """How the feature is changed, on how many prompts, how much is written, and who reads it; sizes are in tokens.

    `kl` is the mean divergence in nats that the change must cause, met within `tolerance` (a share). `largest` is the
    strength at which the search gives up, in multiples of the feature's strongest activation. `model`, `endpoint` and
    `prompt` are for `answer = "logprob"`; `endpoint` takes the place of the local model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["add", "ablate"] = "add"
    answer: Literal["choice", "logprob"] = Field(
        default="choice", description="a judge's choice between two texts, or the explanation's gain in log-probability"
    )
    prompts: int = Field(default=30, ge=1)
    prompt_tokens: int = Field(
        default=64,
        ge=1,
        description="the most that are kept of a prompt; it lies within one window of the harvest (32 tokens unless "
        "set otherwise), so only a smaller number than that shortens it",
    )
    tokens: int = Field(default=8, ge=1, description="written after each prompt")
    temperature: float = Field(default=1.0, ge=0)
    kl: float = Field(default=1.0, gt=0)
    tolerance: float = Field(default=0.1, gt=0, lt=1)
    largest: float = Field(default=100.0, gt=1)
    least: int = Field(default=5, ge=1)
    model: str = Field(
        default=SUBJECT, min_length=1, description="local causal language model: subject (the run's), folder or hub id"
    )
    endpoint: str | None = Field(
        default=None, pattern=r"^[^/]+/.+$", description="endpoint/model whose completions echo log-probabilities"
    )
    prompt: str = "scorers/intervention_gain"

    def build(self, tools: Tools) -> "Intervention":
        """Make the scorer; InvalidSpec when who reads, or the subject model to steer, is not at hand."""
        return Intervention(self, self._reading(tools), tools.need_steer("intervention"), tools.seed)

    def _reading(self, tools: Tools) -> Reading:
        if self.answer == "choice":
            return Choice(tools.need_judge("intervention"), tools.seed)
        reader = tools.need_logprobs(self.model, self.endpoint, "intervention")
        return ReadBack(reader, tools.prompts, self.prompt, tools.seed)


@dataclass(frozen=True, slots=True)
class Intervention:
    """Asks which of two continuations was written with the feature turned up."""

    config: Config
    reading: Reading
    steer: Steer
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation by steering from examples of the score split; accuracy or gain is the headline."""
        found = of_split(examples, Split.SCORE)
        rng = rng_for(self.seed, feature.name, TASK, "prompts")
        chosen = spread(found, [Kind.QUANTILE], count=self.config.prompts, rng=rng)
        if reason := too_few(least=self.config.least, firing=len(chosen)):
            return undefined(self.reading.metric, reason)
        prompts = [prompt(example, self.config.prompt_tokens) for example in chosen]
        strength = await self._strength(feature, prompts)
        if isinstance(strength, str):
            return undefined(self.reading.metric, strength)
        written = await self._write(feature, chosen, prompts, strength)
        score = await self.reading.score(explanation, feature, written)
        same = float(np.mean([one.more == one.less for one in written]))
        return replace(
            score, metrics={**score.metrics, "strength": strength.strength, "kl": strength.kl, "identical": same}
        )

    async def _strength(self, feature: FeatureRecord, prompts: Sequence[Sequence[int]]) -> Strength | str:
        async def mean_kl(strength: float) -> float:
            return float(np.mean(await self.steer.kl(prompts, self._change(feature, strength))))

        if self.config.mode == "ablate":
            return Strength(0.0, await mean_kl(0.0))
        start = feature.statistics.max
        return await find(
            mean_kl,
            target=self.config.kl,
            tolerance=self.config.tolerance,
            start=start,
            largest=start * self.config.largest,
        )

    def _change(self, feature: FeatureRecord, strength: float) -> Change:
        return Change(feature.index, Mode(self.config.mode), strength)

    async def _write(
        self, feature: FeatureRecord, chosen: Sequence[Example], prompts: Sequence[Sequence[int]], strength: Strength
    ) -> list[Written]:
        """Continue each prompt without and with the change, by the same random numbers."""
        seed = stable_int(self.seed, feature.name, TASK, "write")
        tokens, temperature = self.config.tokens, self.config.temperature
        change = self._change(feature, strength.strength)
        clean = await self.steer.generate(prompts, None, tokens=tokens, temperature=temperature, seed=seed)
        changed = await self.steer.generate(prompts, change, tokens=tokens, temperature=temperature, seed=seed)
        return [self._written(strength, *row) for row in zip(chosen, clean, changed, strict=True)]

    def _written(self, strength: Strength, example: Example, clean: Steered, changed: Steered) -> Written:
        without, with_change = Passage(clean.pieces), Passage(changed.pieces)
        note = {"strength": strength.strength, "clean": without.text, "changed": with_change.text}
        added = self.config.mode == "add"
        more, less = (with_change, without) if added else (without, with_change)
        return Written(example, more, less, note)
