"""What a feature does to what the subject model writes: the tokens it promotes, and texts with and without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import spread
from autointerp.analysis.steering import Strength, find, prompt
from autointerp.domain.examples import Example, Kind
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.seeds import rng_for
from autointerp.domain.steering import Change, Mode, Steer
from autointerp.domain.tools import Tools
from autointerp.hashing import stable_int

TASK = "explainers/effects"


class Looking(BaseModel):
    """What is looked at: tokens that the feature promotes and suppresses, and texts that are written with it added.

    With `steer` false nothing is written, and no subject model is needed. `kl` is the mean divergence in nats that
    adding the feature must cause, met within `tolerance` (a share): the same for every feature, and the same as the
    intervention scorer's. `largest` is the strength at which the search gives up, in multiples of the feature's
    strongest activation. With fewer than `least` prompts, or as many tokens if nothing is written, nothing is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steer: bool = Field(default=True, description="write texts with the feature added; false: from the logits alone")
    logits: int = Field(default=20, ge=0, description="promoted and as many suppressed tokens")
    prompts: int = Field(default=10, ge=1)
    prompt_tokens: int = Field(default=64, ge=1, description="the most that are kept of a prompt")
    tokens: int = Field(default=12, ge=1, description="written after each prompt")
    steer_temperature: float = Field(default=1.0, ge=0, description="of the subject model")
    kl: float = Field(default=1.0, gt=0)
    tolerance: float = Field(default=0.1, gt=0, lt=1)
    largest: float = Field(default=100.0, gt=1)
    least: int = Field(default=5, ge=1)

    def effects(self, tools: Tools, who: str) -> "Effects":
        """Take the subject model from the tools; InvalidSpec when texts are to be written and there is none."""
        steer = tools.need_steer(f"{who} (or its option steer = false)") if self.steer else None
        return Effects(self, steer, tools.seed)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a feature does, for a prompt: its values, and the windows whose beginnings were continued."""

    values: dict[str, Any]
    shown: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """Looks at what features do."""

    options: Looking
    steer: Steer | None
    seed: int

    async def look(self, feature: FeatureRecord, found: Sequence[Example]) -> Seen | Unread:
        """Collect a feature's effects; `found` are the examples to take prompts from, in canonical order."""
        count = self.options.logits
        promoted = [token.piece for token in feature.statistics.promoted[:count]]
        suppressed = [token.piece for token in feature.statistics.suppressed[:count]]
        written = await self._write(feature, found, self.steer) if self.steer else Seen({"pairs": []}, ())
        if isinstance(written, Unread):
            return written
        if not self.steer and len(promoted) < self.options.least:
            return _none(f"{len(promoted)} promoted tokens in the harvest; {self.options.least} are needed")
        return Seen({"promoted": promoted, "suppressed": suppressed, **written.values}, written.shown)

    async def _write(self, feature: FeatureRecord, found: Sequence[Example], steer: Steer) -> Seen | Unread:
        """Continue prompts that end where the feature begins to fire, without it and with it, by the same chance."""
        options = self.options
        rng = rng_for(self.seed, feature.name, TASK, "prompts")
        chosen = spread(found, [Kind.QUANTILE], count=options.prompts, rng=rng)
        if len(chosen) < options.least:
            return _none(f"{len(chosen)} quantile examples in the explain split; {options.least} are needed")
        prompts = [prompt(example, options.prompt_tokens) for example in chosen]

        strength = await self._strength(feature, prompts, steer)
        if isinstance(strength, str):
            return _none(f"adding the feature shows nothing: {strength}")

        async def written(change: Change | None) -> list[str]:
            tokens, temperature = options.tokens, options.steer_temperature
            seed = stable_int(self.seed, feature.name, TASK, "write")
            texts = await steer.generate(prompts, change, tokens=tokens, temperature=temperature, seed=seed)
            return ["".join(text.pieces) for text in texts]

        clean = await written(None)
        steered = await written(Change(feature.index, Mode.ADD, strength.strength))
        pairs = [{"clean": a, "steered": b} for a, b in zip(clean, steered, strict=True)]
        return Seen({"pairs": pairs}, tuple(example.window for example in chosen))

    async def _strength(self, feature: FeatureRecord, prompts: Sequence[Sequence[int]], steer: Steer) -> Strength | str:
        async def mean_kl(strength: float) -> float:
            return float(np.mean(await steer.kl(prompts, Change(feature.index, Mode.ADD, strength))))

        options, start = self.options, feature.statistics.max
        largest = start * options.largest
        return await find(mean_kl, target=options.kl, tolerance=options.tolerance, start=start, largest=largest)


def _none(detail: str) -> Unread:
    return Unread(UnreadKind.FAILED, detail)
