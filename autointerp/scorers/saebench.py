"""SAEBench: the automated-interpretability score of that benchmark, by its own numbers, to be comparable with it.

Of a feature that fires more than 15 times a language model sees 14 windows of ten tokens on either side of a peak: two
of the twelve strongest, two of the weaker ones drawn by the squares of their activations, and ten random ones. In one
reply it lists the numbers of those in which the feature fires. The value is the plain accuracy over the 14; a reader
who always lists none gets 10/14, which stands beside it as `always_none`, and so do the precision and the F1 that the
rates on the 14 give at the share of windows in which the feature fires.

The explanation is whatever is scored; SAEBench writes its own from fifteen windows of the same corpus. Three things of
its code are not taken over: random windows that count as silent unseen (here the feature is silent at each of their
tokens), weak windows that come to count as negative (here the feature fires in all four, however weakly), and answers
read from free text.

The protocol is that of Karvonen et al. 2025, SAEBench (autointerp).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import of_split, spread
from autointerp.analysis.summary import Metric, Recipe, everything, summarise, undefined
from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.explanations import Unread
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.hashing import canonical_json
from autointerp.llm.asker import Asker, LLMOptions
from autointerp.llm.asking import ask_json
from autointerp.scorers._prevalence import prevalence_of_windows
from autointerp.scorers._short_windows import Cut, apart, as_long, by_square, is_whole

TASK = "saebench"
MORE_THAN = 15  # firings
STRONGEST = 12
NEEDED = {"top": 2, "weighted": 2, "random": 10}
SHOWN = sum(NEEDED.values())


class Config(LLMOptions):
    """Which model is asked; all else is part of the protocol."""

    prompt: str = "scorers/saebench"

    def build(self, tools: Tools) -> "SAEBench":
        """Make the scorer; InvalidSpec when no language model is at hand."""
        return SAEBench(self, self.asker(tools, "the saebench scorer"), tools.seed)


class Listed(BaseModel):
    """What the model must answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fires: list[Annotated[int, Field(ge=1, le=SHOWN)]]


_SCHEMA = canonical_json(
    {
        "type": "object",
        "properties": {"fires": {"type": "array", "items": {"type": "integer", "enum": list(range(1, SHOWN + 1))}}},
        "required": ["fires"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class SAEBench:
    """Asks a language model to list the windows in which the feature fires."""

    config: Config
    asker: Asker
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; LLMError and OutOfBudget are the caller's."""
        found = of_split(examples, Split.SCORE)
        firings = feature.statistics.firings
        if firings <= MORE_THAN:
            return undefined(Metric.ACCURACY, f"only {firings} firings; more than {MORE_THAN} are needed")
        cuts = self._draw(feature, found)
        if reason := _too_few(cuts):
            return undefined(Metric.ACCURACY, reason)
        shown = [cuts[i] for i in self._rng(feature, "order").permutation(SHOWN)]
        trials = await self._ask(explanation, shown)
        drawn = {cut.example.window: cut.drawn for cut in shown}
        share = _prevalence(feature, found, shown)
        recipe = Recipe(Metric.ACCURACY, share, everything, lambda trial: drawn[trial.window])
        score = summarise(trials, recipe, rng=self._rng(feature, "bootstrap"))
        return replace(score, metrics={**score.metrics, **_beside(shown), "prevalence": share})

    def _draw(self, feature: FeatureRecord, examples: Sequence[Example]) -> list[Cut]:
        """The windows of each sort, as many as there are and no more than are needed.

        Peaks near an end of their text, and silent windows that are too short, are left out where there are enough
        others. Where there are few, fewer than twelve count as the strongest, so that two weaker ones are left.
        """
        active = apart([example for example in examples if is_whole(example)])
        if len(active) < STRONGEST + NEEDED["weighted"]:
            active = apart(examples)
        strong = max(NEEDED["top"], min(STRONGEST, len(active) - NEEDED["weighted"]))
        order = self._rng(feature, "top").permutation(len(active[:strong]))
        top = [active[i] for i in order[: NEEDED["top"]]]
        rng = self._rng(feature, "weighted")
        weighted = by_square(active[strong:], examples, count=NEEDED["weighted"], rng=rng)
        firing = [Cut.around_peak(e, "top") for e in top] + [Cut.around_peak(e, "weighted") for e in weighted]
        lengths = [cut.length for cut in firing] or [0]
        silent = self._silent(feature, [e for e in examples if len(e.pieces) >= max(lengths)])
        if len(silent) < NEEDED["random"]:
            silent = self._silent(feature, examples)
        return [*firing, *as_long(silent, lengths, "random", self._rng(feature, "cuts"))]

    def _silent(self, feature: FeatureRecord, examples: Sequence[Example]) -> Sequence[Example]:
        return spread(examples, [Kind.RANDOM], count=NEEDED["random"], rng=self._rng(feature, "random"))

    async def _ask(self, explanation: str, shown: Sequence[Cut]) -> list[Trial]:
        heard = await ask_json(self.asker.llm, self._request(explanation, shown), Listed)
        if isinstance(heard, Unread):
            answers = [Answer(None, unread=heard.kind, request=heard.request)] * len(shown)
        else:
            listed = set(heard.value.fires)
            answers = [Answer(number in listed, request=heard.request.key) for number in range(1, len(shown) + 1)]
        return [_trial(number, *row) for number, row in enumerate(zip(shown, answers, strict=True), 1)]

    def _request(self, explanation: str, shown: Sequence[Cut]) -> Request:
        windows = [{"number": number, "text": cut.text} for number, cut in enumerate(shown, 1)]
        values = {"explanation": explanation, "windows": windows}
        return self.asker.request(self.config.prompt, values, schema=_SCHEMA)

    def _rng(self, feature: FeatureRecord, use: str) -> np.random.Generator:
        return rng_for(self.seed, feature.name, TASK, use)


def _too_few(cuts: Sequence[Cut]) -> str | None:
    counts = Counter(cut.drawn for cut in cuts)
    short = [f"{counts[drawn]} of {count} {drawn}" for drawn, count in NEEDED.items() if counts[drawn] < count]
    return f"only {' and '.join(short)} windows; all {SHOWN} are needed" if short else None


def _trial(number: int, cut: Cut, answer: Answer) -> Trial:
    note = canonical_json({"number": number, "drawn": cut.drawn, "tokens": [cut.start, cut.stop]})
    return Trial(cut.example.group, cut.example.window, truth=not cut.example.silent, answer=answer, note=note)


def _prevalence(feature: FeatureRecord, examples: Sequence[Example], shown: Sequence[Cut]) -> float | None:
    """In which share of windows as long as those shown the feature fires; None without examples by quantiles."""
    cuts = [Cut.around_peak(example, "") for example in examples if example.group.kind is Kind.QUANTILE]
    uniform = [cut.example.activations[cut.start : cut.stop] for cut in cuts]
    return prevalence_of_windows(feature, uniform, lengths=[cut.length for cut in shown])


def _beside(shown: Sequence[Cut]) -> dict[str, float | None]:
    """The accuracy of a reader who always lists none, and how long the windows are (21 tokens by the protocol)."""
    silent = sum(cut.example.silent for cut in shown)
    return {"always_none": silent / len(shown), "window_tokens": sum(cut.length for cut in shown) / len(shown)}
