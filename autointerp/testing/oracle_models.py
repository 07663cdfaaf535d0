"""Models to go with an oracle: one that reads as the oracle holds, and a subject that writes the feature's words.

For scorers that ask no judge but read log-probabilities, or that ask about texts which the feature has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.judging import Passage, Question
from autointerp.domain.likelihood import Continuation, Likelihood
from autointerp.domain.seeds import rng_for
from autointerp.domain.steering import Change, Steered
from autointerp.testing.oracles import EXTRA, FEATURE, FILLER, Oracle


@dataclass(frozen=True, slots=True)
class OracleReader:
    """Implements `LogProb`: a text after the oracle's explanation, and the explanation after a text, are a nat likelier
    where the oracle says that the one holds of the other."""

    oracle: Oracle

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """Read each by itself; a description that is not the oracle's says nothing."""
        del prompt
        return [Likelihood(-40.0 + await self._gain(one), 24) for one in asked]

    async def _gain(self, one: Continuation) -> float:
        explanation = self.oracle.explanation
        if explanation in one.prefix:
            text = one.text
        elif explanation in one.text:
            text = one.prefix.rpartition("Text:")[2].replace('"', " ")
        else:
            return 0.0
        [answer] = await self.oracle.answer([Question("read", explanation, Passage((text,)))])
        return float(answer.verdict is True)


@dataclass(frozen=True, slots=True)
class DrawnSteer:
    """Implements `Steer`: with the feature every text holds one of its two words, in turn, and without it none.

    A share `density` of all texts holds the word that only an explanation twice too broad names, with the feature or
    without: adding the feature does not cause it.
    """

    density: float

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        """A divergence that grows with the square of the strength."""
        return [0.02 * change.strength**2] * len(prompts)

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        """Filler, and the words among it."""
        del temperature
        return [self._write(seed, i, tokens, changed=change is not None) for i in range(len(prompts))]

    def _write(self, seed: int, i: int, tokens: int, *, changed: bool) -> Steered:
        words = [FILLER] * (tokens - 1) + [f"w{i}"]  # no two texts are the same
        if changed:
            words[0] = FEATURE[i % len(FEATURE)]
        if rng_for(seed, "extra", i, changed).random() < self.density:
            words[1] = EXTRA
        return Steered(tuple(f" {word}" for word in words), kl=0.0)
