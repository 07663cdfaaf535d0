"""Simulation: can a language model tell from the explanation how strongly the feature fires at each token?

A simulator reads the explanation and a text, and predicts an activation for each token of it. The score is Pearson's
correlation of the predicted with the true activations over all tokens of all texts. By default the texts are the five
in which the feature fires most strongly and five random ones. Beside it stands the same number for random texts alone.
In the random windows of a harvest the feature is silent, where no correlation is defined; so those are random ones of
the windows in which it fires, as in Cunningham et al. 2023, and never the strongest.

Random silent text holds next to nothing of a rare feature or of anything else that is rare, so this score can hardly
see that an explanation is too broad.

The protocol is that of Bills et al. 2023, Language models can explain neurons in language models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from autointerp.analysis.calibration import Method, deviations_explained, fit, squares_explained
from autointerp.analysis.choosing import of_split, sample, strongest
from autointerp.analysis.correlation import Correlation, Row, pearson, spearman
from autointerp.analysis.predictions import Prediction, score, with_interval
from autointerp.analysis.summary import RESAMPLES, Metric, undefined
from autointerp.domain.capabilities import Capability
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.likelihood import SUBJECT
from autointerp.domain.scores import Score
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.errors import TextTooLong
from autointerp.llm.asker import LLMOptions
from autointerp.scorers._reading import Reading
from autointerp.scorers._simulators import Echoing, Simulator, Writing
from autointerp.scorers._trials import too_few

TASK = "simulation"
CALIBRATION = "calibration"
ECHO = "scorers/simulation_echo"
# The windows that each number is computed from.
PARTS = {"top_and_random": ("top", "random"), "random_only": ("firing",)}


class Config(LLMOptions):
    """Who simulates and how, and which windows are simulated; below `least` of a sort there is no score.

    `predict = "json"` asks a chat for whole numbers from 0 to 10, or for their expected values where `logprobs`
    alternatives are asked for. `predict = "echo"` needs a completions endpoint that tells log-probabilities of given
    text, and reads the expected digit at each token from as many alternatives (15 if not given). `predict = "local"`
    reads it from the language model `local` on the worker itself, and makes no requests.
    """

    predict: Literal["json", "echo", "local"] = "json"
    local: str = Field(
        default=SUBJECT, min_length=1, description="local causal language model: subject (the run's), folder or hub id"
    )
    prompt: str | None = Field(
        default=None, description="if not given scorers/simulation, or where digits are read scorers/simulation_echo"
    )
    examples: Literal["top_and_random", "random_only"] = Field(
        default="top_and_random",
        description="what the headline is computed from: the windows of `top` and `random`, or those of `firing`, and "
        "then nothing else is asked",
    )
    top: int = Field(default=5, ge=1, description="windows in which the feature fires most strongly")
    random: int = Field(default=5, ge=1, description="silent windows")
    firing: int = Field(default=5, ge=0, description="other firing windows, drawn at random")
    calibration: Method = "none"
    calibrate: int = Field(
        default=10, ge=2, description="further windows to fit the calibration on, half of them firing"
    )
    logprobs: int | None = Field(default=None, ge=1, le=20)
    max_tokens: int = Field(default=4_000, ge=16)
    least: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _something_to_score(self) -> "Config":
        if self.examples == "random_only" and self.firing == 0:
            raise ValueError("random_only is computed from the windows of `firing`, so that must be at least 1")
        return self

    def build(self, tools: Tools) -> "Simulation":
        """Make the scorer; InvalidSpec when no language model is at hand, or it is known to lack what is needed."""
        makers = {"json": self._writing, "echo": self._echoing, "local": self._reading}
        return Simulation(self, makers[self.predict](tools), tools.seed)

    def _writing(self, tools: Tools) -> Writing:
        asker = self.asker(tools, "the simulation scorer", logprobs=self.logprobs)
        return Writing(asker, self.prompt or "scorers/simulation", self.logprobs)

    def _echoing(self, tools: Tools) -> Echoing:
        llm, endpoint, model = tools.need_llm(self.model, "the simulation scorer", needs=(Capability.ECHO,))
        return Echoing(llm, endpoint, model, tools.prompts, self.prompt or ECHO, self.logprobs or 15)

    def _reading(self, tools: Tools) -> Reading:
        reader = tools.need_label_logprobs(self.local, 'simulation with predict = "local"')
        return Reading(reader, tools.prompts, self.prompt or ECHO)


@dataclass(frozen=True, slots=True)
class Simulation:
    """Has the feature simulated from its explanation."""

    config: Config
    simulator: Simulator
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; Pearson's correlation is the headline."""
        chosen = self._choose(feature, of_split(examples, Split.SCORE))
        counts = {part: len(chosen[part]) for part in PARTS[self.config.examples]}
        if reason := too_few(least=self.config.least, **counts):
            return undefined(Metric.PEARSON, reason)
        asked = [(part, example) for part, found in chosen.items() for example in found]
        try:
            simulated = await self.simulator.simulate(explanation, [example.pieces for _, example in asked])
        except TextTooLong as error:
            return undefined(Metric.PEARSON, error.detail)
        predictions = [
            Prediction(example.group, example.window, part, example.activations, guess, self.simulator.most)
            for (part, example), guess in zip(asked, simulated.guesses, strict=True)
        ]
        return replace(self._summarise(feature, predictions), prompt=simulated.prompt)

    def _choose(self, feature: FeatureRecord, found: Sequence[Example]) -> dict[str, tuple[Example, ...]]:
        """The windows of each part, none twice; a part has the same ones whatever the headline is."""
        taken: set[tuple[int, int]] = set()

        def drawn(part: str, kind: Kind, count: int) -> tuple[Example, ...]:
            rng = rng_for(self.seed, feature.name, TASK, part, kind)
            windows = sample([e for e in found if e.window not in taken], [kind], count=count, rng=rng)
            taken.update(e.window for e in windows)
            return windows

        config = self.config
        top = strongest(found, count=config.top)
        taken.update(e.window for e in top)
        chosen = {"top": top}
        chosen["random"] = drawn("random", Kind.RANDOM, config.random)
        chosen["firing"] = drawn("firing", Kind.QUANTILE, config.firing)
        if config.examples == "random_only":
            chosen = {"firing": chosen["firing"]}
        if config.calibration != "none":
            half = config.calibrate // 2
            firing = drawn(CALIBRATION, Kind.QUANTILE, config.calibrate - half)
            chosen[CALIBRATION] = firing + drawn(CALIBRATION, Kind.RANDOM, half)
        return chosen

    def _summarise(self, feature: FeatureRecord, predictions: Sequence[Prediction]) -> Score:
        read = [p for p in predictions if p.guess.values is not None]
        rows = self._calibrated(read)
        found = {name: self._pearson(feature, name, rows) for name in PARTS}
        headline = found[self.config.examples]
        beside: dict[str, float | None] = {}
        for name, correlation in found.items():
            beside |= with_interval(name, correlation)
        if rows is not None:
            beside |= self._beside(feature, [row for part in PARTS[self.config.examples] for row in rows.get(part, ())])
        return score(predictions, headline, metric=Metric.PEARSON, metrics=beside)

    def _calibrated(self, read: Sequence[Prediction]) -> Mapping[str, list[Row]] | None:
        """The sequences of each part on the scale of the calibration; None where it cannot be fitted."""
        parts: dict[str, list[Row]] = {}
        for p in read:
            parts.setdefault(p.part, []).append(Row(p.true, p.guess.values or ()))
        held = parts.pop(CALIBRATION, [])
        fitted = fit(
            self.config.calibration,
            predicted=[value for row in held for value in row.predicted],
            true=[value for row in held for value in row.true],
        )
        if fitted is None:
            return None
        return {
            part: [Row(row.true, fitted(np.array(row.predicted, dtype=np.float64)).tolist()) for row in rows]
            for part, rows in parts.items()
        }

    def _pearson(self, feature: FeatureRecord, name: str, rows: Mapping[str, list[Row]] | None) -> Correlation:
        if rows is None:
            return Correlation(None, "no calibration can be fitted to what was predicted for it", None)
        chosen = [row for part in PARTS[name] for row in rows.get(part, ())]
        return pearson(chosen, resamples=RESAMPLES, rng=rng_for(self.seed, feature.name, TASK, "bootstrap", name))

    def _beside(self, feature: FeatureRecord, rows: Sequence[Row]) -> dict[str, float | None]:
        rng = rng_for(self.seed, feature.name, TASK, "bootstrap", "spearman")
        metrics = with_interval("spearman", spearman(rows, resamples=RESAMPLES, rng=rng))
        if self.config.calibration == "none":  # then predictions and truth are on different scales
            return metrics
        true = np.array([value for row in rows for value in row.true], dtype=np.float64)
        predicted = np.array([value for row in rows for value in row.predicted], dtype=np.float64)
        return {
            **metrics,
            "squares_explained": squares_explained(true, predicted),
            "deviations_explained": deviations_explained(true, predicted),
        }
