"""Detection: does the judge tell passages where the feature fires from silent ones, by the explanation?

Positives are spread over the quantiles of the feature's activations; negatives are random silent windows. Harder silent
windows are asked about too, and reported as groups of their own: those with a token the feature fires on elsewhere say
whether the explanation is more than a list of tokens; those in which a neighbouring feature fires, and those of similar
text, whether it is too broad. They stay out of the headline so that it can be compared.

Beside the headline stand the precision and the F1 that the judge's rates give at the share of windows in which the
feature fires, which follows from the share of tokens that the harvest counted.

The protocol is that of Paulo et al. 2024, Automatically Interpreting Millions of Features in Large Language Models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import kind_by_kind, of_split
from autointerp.analysis.summary import Metric, Recipe, by_group, summarise, undefined
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Confidence, Judge, Passage, Question
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.scorers._prevalence import prevalence
from autointerp.scorers._trials import Ask, put, too_few

TASK = "detection"
# Confidences of the judges whose verdicts depend on what else is in the batch.
CUT = (Confidence.SIMILARITY, Confidence.OVERLAP)
HARD = (Kind.SAME_TOKEN, Kind.NEIGHBOUR, Kind.SIMILAR_TEXT)


class Config(BaseModel):
    """How many windows of each sort are asked about; below `least` positives or negatives there is no score.

    `interval` adds windows of the equal activation intervals to the positives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantile: int = Field(default=50, ge=0, description="firing windows, spread over the quantile groups")
    interval: int = Field(default=0, ge=0, description="firing windows, spread over the interval groups")
    random: int = Field(default=50, ge=1, description="silent windows")
    same_token: int = Field(default=10, ge=0, description="silent windows with a token it fires on elsewhere")
    neighbour: int = Field(default=0, ge=0, description="silent windows in which a similar feature fires")
    similar_text: int = Field(default=0, ge=0, description="silent windows whose text is like the top examples'")
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Detection":
        """Make the scorer; InvalidSpec when there is no judge."""
        return Detection(self, tools.need_judge("detection"), tools.seed)


@dataclass(frozen=True, slots=True)
class Detection:
    """Asks whether the feature fires in each passage."""

    config: Config
    judge: Judge
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; balanced accuracy is the headline."""
        chosen = self._choose(feature, examples)
        firing = sum(not e.silent for e in chosen)
        random = sum(e.group.kind is Kind.RANDOM for e in chosen)
        if reason := too_few(least=self.config.least, firing=firing, random=random):
            return undefined(Metric.BALANCED_ACCURACY, reason)
        trials = await self._put([_ask(explanation, example) for example in chosen])
        share = prevalence(feature, chosen)
        recipe = Recipe(Metric.BALANCED_ACCURACY, share, _in_headline, by_group)
        score = summarise(trials, recipe, rng=rng_for(self.seed, feature.name, TASK, "bootstrap"))
        return replace(score, metrics={**score.metrics, "prevalence": share, **self._rates(trials)})

    def _rates(self, trials: Sequence[Trial]) -> dict[str, float | None]:
        """The share of each hard kind that the judge says yes to; of same_token always, of others when asked for."""
        asked = [kind for kind in HARD if kind is Kind.SAME_TOKEN or getattr(self.config, kind)]
        return {f"{kind}_fpr": _false_positive_rate(trials, kind) for kind in asked}

    async def _put(self, asks: Sequence[Ask]) -> tuple[Trial, ...]:
        """Ask about the headline's windows first, so that no answer on them depends on the hard ones.

        A judge that cuts a scale through its batch needs the others again to place those of each hard kind; it is a
        local one.
        """
        headline = [ask for ask in asks if ask.group.kind not in HARD]
        trials = await put(self.judge, headline)
        beside = headline if any(trial.answer.kind in CUT for trial in trials) else []
        for kind in HARD:
            others = [ask for ask in asks if ask.group.kind is kind]
            if others:
                trials += (await put(self.judge, [*beside, *others]))[len(beside) :]
        return trials

    def _choose(self, feature: FeatureRecord, examples: Sequence[Example]) -> tuple[Example, ...]:
        counts = {kind: getattr(self.config, kind) for kind in (Kind.QUANTILE, Kind.INTERVAL, Kind.RANDOM, *HARD)}
        found = of_split(examples, Split.SCORE)
        return kind_by_kind(found, counts, lambda kind: rng_for(self.seed, feature.name, TASK, kind))


def _ask(explanation: str, example: Example) -> Ask:
    question = Question(TASK, explanation, Passage(example.pieces))
    return Ask(question, example.group, example.window, truth=not example.silent)


def _in_headline(trial: Trial) -> bool:
    return trial.group.kind not in HARD


def _false_positive_rate(trials: Sequence[Trial], kind: Kind) -> float | None:
    answered = [t.answer.verdict for t in trials if t.group.kind is kind and t.answer.verdict is not None]
    return sum(answered) / len(answered) if answered else None
