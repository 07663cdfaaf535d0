"""Language models that know where a specimen's feature fires, and predict its activations with a known error.

They answer the prompts of the scorers that correlate predicted with true activations, by structure: tokens stand in one
numbered object, in a list for each passage, or on lines with a blank on each.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autointerp.analysis.levels import quantise
from autointerp.domain.calls import Request
from autointerp.domain.examples import Example
from autointerp.domain.likelihood import Cloze, LabelLogProbs
from autointerp.domain.seeds import rng_for

Activations = Sequence[float]
Sees = Callable[[Sequence[str], Activations, float], Activations]


def perfect(pieces: Sequence[str], true: Activations, strongest: float) -> Activations:
    """The truth."""
    del pieces, strongest
    return true


def misses_half(pieces: Sequence[str], true: Activations, strongest: float) -> Activations:
    """Nothing in every other text, by a hash of it."""
    del strongest
    return [0.0] * len(true) if rng_for(0, "misses", *pieces).integers(2) else true


def twice_too_broad(pieces: Sequence[str], true: Activations, strongest: float) -> Activations:
    """The truth, and one full activation in every text in which the feature is silent."""
    if max(true) > 0:
        return true
    place = int(rng_for(0, "broad", *pieces).integers(len(true)))
    return [strongest if i == place else 0.0 for i in range(len(true))]


def broad_at_density(density: float) -> Sees:
    """The truth, and a full activation at as large a share of all tokens as the feature fires on."""

    def sees(pieces: Sequence[str], true: Activations, strongest: float) -> Activations:
        more = rng_for(0, "rare", *pieces).random(len(true)) < density
        return [strongest if extra else value for extra, value in zip(more, true, strict=True)]

    return sees


def constant(pieces: Sequence[str], true: Activations, strongest: float) -> Activations:
    """The same everywhere."""
    del pieces
    return [strongest / 2] * len(true)


def coin(pieces: Sequence[str], true: Activations, strongest: float) -> Activations:
    """Chance, the same for the same text."""
    drawn = rng_for(0, "coin", *pieces).random(len(true))
    return (strongest * drawn).tolist()


class Oracle:
    """Answers with the levels that `sees` makes of the truth, on a scale from 0 to `most`."""

    def __init__(self, examples: Sequence[Example], sees: Sees, *, strongest: float, most: int) -> None:
        self._examples = examples
        self._sees = sees
        self._strongest = strongest
        self._most = most

    def __call__(self, request: Request) -> str:
        """Answer a request that shows tokens; ValueError for any other."""
        asked = [json.loads(line) for line in request.messages[-1].text.splitlines() if line.startswith("{")]
        shown: Mapping[str, Any] = {name: value for one in asked for name, value in one.items()}
        if all(isinstance(value, str) for value in shown.values()):
            return json.dumps(dict(zip(shown, self.levels(tuple(shown.values())), strict=True)))
        return json.dumps({name: self.levels(tuple(pieces)) for name, pieces in shown.items()})

    def levels(self, pieces: tuple[str, ...]) -> list[int]:
        """What it predicts for a text; ValueError for one that no example holds."""
        seen = self._sees(pieces, self._true(pieces), self._strongest)
        return list(quantise(seen, strongest=self._strongest, most=self._most))

    def _true(self, pieces: tuple[str, ...]) -> Activations:
        for example in self._examples:
            for start in range(len(example.pieces) - len(pieces) + 1):
                if example.pieces[start : start + len(pieces)] == pieces:
                    return example.activations[start : start + len(pieces)]
        raise ValueError(f"no example holds {''.join(pieces)!r}")


class OracleReader:
    """An oracle on the machine itself: in each blank the level that it predicts has the probability `sure`.

    The other labels share the rest. It implements the Protocol `ClozeLogProb`.
    """

    def __init__(self, oracle: Oracle, *, sure: float = 1.0) -> None:
        self._oracle = oracle
        self._sure = sure

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        """How likely each label is in each blank; ValueError for a text that no example holds."""
        return [self._read(one, labels) for one in asked]

    def _read(self, cloze: Cloze, labels: Sequence[str]) -> LabelLogProbs:
        lines = [part.rsplit("\n", 1)[-1] for part in cloze.parts[:-1]]
        right = [str(level) for level in self._oracle.levels(tuple(json.loads(line) for line in lines))]
        odds = {True: _log(self._sure), False: _log((1 - self._sure) / (len(labels) - 1))}
        return tuple(tuple(odds[label == one] for label in labels) for one in right)


def _log(chance: float) -> float:
    return math.log(chance) if chance > 0 else -math.inf
