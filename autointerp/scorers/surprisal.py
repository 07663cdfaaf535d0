"""Surprisal: does the explanation make the texts in which the feature fires likelier than it makes others?

A causal language model reads each window twice: after the explanation, and after a sentence that says nothing. The
gain, log p(text | explanation) − log p(text | neutral sentence), is the information in nats that the explanation gives
about the text. The headline is the probability that it is larger in a firing window than in a random silent one
(AUROC); silent windows of harder kinds stand beside it. No judge is asked. What it takes is a model that reads well
more than one that follows instructions; the paper used Llama 3.1 70B (base).

The protocol is that of Paulo et al. 2024, Automatically Interpreting Millions of Features in Large Language Models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import kind_by_kind, of_split
from autointerp.analysis.gains import separation
from autointerp.analysis.metrics import auroc
from autointerp.analysis.summary import Metric, undefined
from autointerp.domain.examples import SILENT, Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.likelihood import SUBJECT, Continuation, LogProb
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Prompts, Tools
from autointerp.errors import TextTooLong
from autointerp.hashing import canonical_json
from autointerp.prompts import plain
from autointerp.scorers._gains import Gain, gains, prefix
from autointerp.scorers._prevalence import prevalence
from autointerp.scorers._trials import too_few

TASK = "surprisal"
NEUTRAL = "Passages of any kind, which have nothing in common."
HARD = (Kind.SAME_TOKEN, Kind.NEIGHBOUR, Kind.SIMILAR_TEXT)


class Config(BaseModel):
    """Which model reads, and how many windows of each sort; below `least` firing or random ones there is no score.

    `endpoint` takes the place of the local model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        default=SUBJECT, min_length=1, description="local causal language model: subject (the run's), folder or hub id"
    )
    endpoint: str | None = Field(
        default=None, pattern=r"^[^/]+/.+$", description="endpoint/model whose completions echo log-probabilities"
    )
    quantile: int = Field(default=50, ge=1, description="firing windows, spread over the quantile groups")
    random: int = Field(default=50, ge=1, description="silent windows")
    same_token: int = Field(default=10, ge=0, description="silent windows with a token it fires on elsewhere")
    neighbour: int = Field(default=0, ge=0, description="silent windows in which a similar feature fires")
    similar_text: int = Field(default=0, ge=0, description="silent windows whose text is like the top examples'")
    per_token: bool = Field(default=False, description="divide each gain by the number of the text's tokens")
    prompt: str = "scorers/surprisal"
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Surprisal":
        """Make the scorer; InvalidSpec when no language model that tells log-probabilities is at hand."""
        reader = tools.need_logprobs(self.model, self.endpoint, "surprisal")
        return Surprisal(self, reader, tools.prompts, tools.seed)


@dataclass(frozen=True, slots=True)
class Surprisal:
    """Compares how likely texts are with and without the explanation."""

    config: Config
    reader: LogProb
    prompts: Prompts
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; the AUROC is the headline."""
        chosen = self._choose(feature, of_split(examples, Split.SCORE))
        firing = sum(not e.silent for e in chosen)
        random = sum(e.group.kind is Kind.RANDOM for e in chosen)
        if reason := too_few(least=self.config.least, firing=firing, random=random):
            return undefined(Metric.AUROC, reason)
        claim, neutral = (self.prompts.render(self.config.prompt, {"explanation": s}) for s in (explanation, NEUTRAL))
        pairs = [_pair(prefix(claim), prefix(neutral), example) for example in chosen]
        try:
            read = await gains(self.reader, pairs, prompt=claim.version)
        except TextTooLong as error:
            return undefined(Metric.AUROC, error.detail)
        trials = [self._trial(example, gain) for example, gain in zip(chosen, read, strict=True)]
        share = prevalence(feature, chosen)
        rng = rng_for(self.seed, feature.name, TASK, "bootstrap")
        score = separation(trials, headline=_in_headline, prevalence=share, rng=rng)
        beside = {"prevalence": share, **self._hard(trials)}
        return replace(score, metrics={**score.metrics, **beside}, prompt=claim.version)

    def _choose(self, feature: FeatureRecord, examples: Sequence[Example]) -> tuple[Example, ...]:
        counts = {kind: getattr(self.config, kind) for kind in (Kind.QUANTILE, *SILENT)}
        return kind_by_kind(examples, counts, lambda kind: rng_for(self.seed, feature.name, TASK, kind))

    def _trial(self, example: Example, gain: Gain) -> Trial:
        answer = gain.answer(per_token=self.config.per_token)
        return Trial(example.group, example.window, not example.silent, answer, canonical_json(gain.note))

    def _hard(self, trials: Sequence[Trial]) -> dict[str, float | None]:
        """The AUROC of firing windows against each hard kind of silent ones that was asked for."""
        asked = [kind for kind in HARD if getattr(self.config, kind)]
        return {f"{kind}_auroc": _auroc(trials, kind) for kind in asked}


def _pair(claim: str, neutral: str, example: Example) -> tuple[Continuation, Continuation]:
    """The window's text on a line of its own, after either description."""
    text = plain(example.text)
    return Continuation(f"{claim}\n", text), Continuation(f"{neutral}\n", text)


def _in_headline(trial: Trial) -> bool:
    return trial.group.kind not in HARD


def _auroc(trials: Sequence[Trial], silent: Kind) -> float | None:
    read = [t for t in trials if t.answer.confidence is not None and (t.truth or t.group.kind is silent)]
    gains = np.array([t.answer.confidence for t in read], dtype=np.float64)
    return auroc(np.array([t.truth for t in read], dtype=bool), gains)
