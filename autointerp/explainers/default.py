"""The explainer that asks a language model, after Paulo et al. (2024).

It shows 40 examples spread over the quantiles of the feature's activations, strongest first, with the clearly firing
tokens marked and their activations on a scale from 0 to 10.
"""

from dataclasses import dataclass

from pydantic import Field

from autointerp.analysis.choosing import of_split, spread
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.explainers._author import Asking, Author
from autointerp.explainers._claims import Claim
from autointerp.explainers._passages import passages


class Config(Asking):
    """From how many examples it explains.

    `threshold`: tokens above this share of their example's strongest are marked. With fewer than `least` examples the
    feature is not explained.
    """

    prompt: str = "explainers/default"
    examples: int = Field(default=40, ge=1)
    least: int = Field(default=5, ge=1)
    threshold: float = Field(default=0.3, ge=0, lt=1)
    activations: int = Field(default=10, ge=0, description="tokens listed with their activation, per example")

    def build(self, tools: Tools) -> "Default":
        """Make the explainer; InvalidSpec when no language model is at hand."""
        return Default(self, self.author(tools, "the default explainer"), tools.seed)


@dataclass(frozen=True, slots=True)
class Default:
    """Explains by one request to a language model."""

    config: Config
    author: Author
    seed: int

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask for one sentence about examples of the explain split; LLMError and OutOfBudget are the caller's."""
        config = self.config
        rng = rng_for(self.seed, feature.name, "explainers/default")
        found = of_split(examples, Split.EXPLAIN)
        chosen = spread(found, [Kind.QUANTILE], count=config.examples, rng=rng)
        if len(chosen) < config.least:
            detail = f"{len(chosen)} quantile examples in the explain split; {config.least} are needed"
            return Unread(UnreadKind.FAILED, detail)
        shown = passages(feature, chosen, threshold=config.threshold, listed=config.activations)
        heard = await self.author.ask(config.prompt, {"passages": shown}, Claim)
        if isinstance(heard, Unread):
            return heard
        return self.author.explanation(heard, heard.value.explanation, tuple(e.window for e in chosen))
