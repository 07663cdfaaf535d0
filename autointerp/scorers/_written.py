"""Texts that were written with more and with less of a feature, and the two ways of asking which is which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from autointerp.analysis.gains import mean_gain
from autointerp.analysis.summary import Metric, Recipe, even, everything, summarise, undefined
from autointerp.domain.examples import Example
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Judge, Passage, Question
from autointerp.domain.likelihood import Continuation, LogProb
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Prompts, Rendered
from autointerp.errors import TextTooLong
from autointerp.hashing import canonical_json
from autointerp.prompts import plain
from autointerp.scorers._gains import Gain, gains, prefix
from autointerp.scorers._trials import Ask, put

TASK = "intervention"


@dataclass(frozen=True, slots=True)
class Written:
    """Two continuations of one example's beginning; `note` is what a trial keeps of how they were written."""

    example: Example
    more: Passage
    less: Passage
    note: Mapping[str, str | float]


class Reading(Protocol):
    """Scores an explanation by texts that were written with more and with less of its feature."""

    @property
    def metric(self) -> Metric: ...

    async def score(self, explanation: str, feature: FeatureRecord, written: Sequence[Written]) -> Score: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A judge chooses the text that shows more of the explanation; the right one comes first in half of the pairs."""

    judge: Judge
    seed: int
    metric: Metric = Metric.ACCURACY

    async def score(self, explanation: str, feature: FeatureRecord, written: Sequence[Written]) -> Score:
        """Ask about every pair in one batch; the share of right choices is the headline."""
        first = rng_for(self.seed, feature.name, TASK, "order").permutation(len(written)) % 2 == 0
        asks = [_ask(explanation, one, more_first=more) for one, more in zip(written, first.tolist(), strict=True)]
        trials = await put(self.judge, asks)
        recipe = Recipe(self.metric, None, everything, lambda trial: str(trial.group), tied=even)
        return summarise(trials, recipe, rng=rng_for(self.seed, feature.name, TASK, "bootstrap"))


def _ask(explanation: str, written: Written, *, more_first: bool) -> Ask:
    """Ask about one pair; the truth is whether the text with more of the feature comes first."""
    pair = (written.more, written.less) if more_first else (written.less, written.more)
    note = canonical_json(written.note)
    return Ask(Question(TASK, explanation, *pair), written.example.group, written.example.window, more_first, note)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A language model tells how much likelier the explanation is after the text with more of the feature."""

    reader: LogProb
    prompts: Prompts
    prompt: str
    seed: int
    metric: Metric = Metric.GAIN

    async def score(self, explanation: str, feature: FeatureRecord, written: Sequence[Written]) -> Score:
        """Read the explanation after every text in one batch; the mean gain in nats is the headline."""
        claim = f" {plain(explanation)}"
        shown = [(self._render(one.more), self._render(one.less)) for one in written]
        pairs = [(Continuation(prefix(more), claim), Continuation(prefix(less), claim)) for more, less in shown]
        version = shown[0][0].version
        try:
            read = await gains(self.reader, pairs, prompt=version)
        except TextTooLong as error:
            return undefined(self.metric, error.detail)
        trials = [_trial(one, gain) for one, gain in zip(written, read, strict=True)]
        score = mean_gain(trials, rng=rng_for(self.seed, feature.name, TASK, "bootstrap"))
        return replace(score, prompt=version)

    def _render(self, text: Passage) -> Rendered:
        return self.prompts.render(self.prompt, {"text": text.text})


def _trial(written: Written, gain: Gain) -> Trial:
    answer = gain.answer(per_token=False)
    return Trial(
        written.example.group, written.example.window, True, answer, canonical_json({**written.note, **gain.note})
    )
