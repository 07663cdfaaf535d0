"""The explainer that shows where a feature stays silent though it might have fired, and asks for the difference.

Firing passages stand against silent ones that come near: those in which a similar feature fires, those of similar text,
and those that hold a token on which the feature fires elsewhere, in turn; random ones fill up what is missing. What
both have in common explains nothing, so the claim comes out narrower than one made from firing passages alone.
"""

from collections.abc import Sequence
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

NEAR = (Kind.NEIGHBOUR, Kind.SIMILAR_TEXT, Kind.SAME_TOKEN)


class Config(Asking):
    """How many passages of either sort are shown; with fewer than `least` of one the feature is not explained.

    `threshold`: tokens above this share of their example's strongest are marked.
    """

    prompt: str = "explainers/contrastive"
    firing: int = Field(default=20, ge=1, description="firing windows, spread over the quantile groups")
    silent: int = Field(default=20, ge=1, description="silent windows, the nearest misses first")
    least: int = Field(default=5, ge=1)
    threshold: float = Field(default=0.3, ge=0, lt=1)
    activations: int = Field(default=5, ge=0, description="tokens listed with their activation, per example")

    def build(self, tools: Tools) -> "Contrastive":
        """Make the explainer; InvalidSpec when no language model is at hand."""
        return Contrastive(self, self.author(tools, "the contrastive explainer"), tools.seed)


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Explains by one request, by what firing passages have and near misses lack."""

    config: Config
    author: Author
    seed: int

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask for a claim about examples of the explain split; LLMError and OutOfBudget are the caller's."""
        config = self.config
        found = of_split(examples, Split.EXPLAIN)
        fires = self._draw(feature, found, [Kind.QUANTILE], config.firing)
        silent = self._draw(feature, found, NEAR, config.silent)
        silent += self._draw(feature, found, [Kind.RANDOM], config.silent - len(silent))
        if min(len(fires), len(silent)) < config.least:
            detail = f"{len(fires)} firing and {len(silent)} silent examples in the explain split"
            return Unread(UnreadKind.FAILED, f"{detail}; {config.least} of each are needed")
        values = {
            "firing": passages(feature, fires, threshold=config.threshold, listed=config.activations),
            "silent": [{"text": e.text, "why": e.group.kind.replace("_", " ")} for e in silent],
        }
        heard = await self.author.ask(config.prompt, values, Claim)
        if isinstance(heard, Unread):
            return heard
        shown = dict.fromkeys(example.window for example in (*fires, *silent))
        return self.author.explanation(heard, heard.value.explanation, tuple(shown))

    def _draw(
        self, feature: FeatureRecord, found: Sequence[Example], kinds: Sequence[Kind], count: int
    ) -> tuple[Example, ...]:
        rng = rng_for(self.seed, feature.name, "explainers/contrastive", *kinds)
        return spread(found, kinds, count=count, rng=rng)
