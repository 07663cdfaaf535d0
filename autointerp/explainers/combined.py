"""The explainer of both sides of a feature: what it fires on and what it promotes, in one line that tells them apart.

Without more options both claims come from one request, which shows firing passages and effects. With `input` and
`output` two explainers make one claim each.
"""

from dataclasses import dataclass, replace

from pydantic import Field, model_validator

from autointerp.analysis.choosing import by_split, of_split, spread
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.plan import build_explainer
from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import PluginSpec
from autointerp.domain.tools import Explainer, Tools, shown_to, splits_of
from autointerp.explainers._author import Asking, Author
from autointerp.explainers._claims import BothSides
from autointerp.explainers._effects import Effects, Looking
from autointerp.explainers._passages import passages
from autointerp.explainers._sides import both
from autointerp.llm.asking import at_once


class Config(Asking, Looking):
    """What is shown in one request, or which two explainers are asked instead; then only `length` counts beside them.

    `threshold`: tokens above this share of their example's strongest are marked.
    """

    length: int = Field(default=500, ge=60, description="characters, half for each side")
    prompt: str = "explainers/combined"
    input: PluginSpec | None = Field(default=None, description="explainer of what the feature fires on")
    output: PluginSpec | None = Field(default=None, description="explainer of what the feature does")
    examples: int = Field(default=20, ge=1, description="firing windows, spread over the quantile groups")
    threshold: float = Field(default=0.3, ge=0, lt=1)
    activations: int = Field(default=5, ge=0, description="tokens listed with their activation, per example")

    @model_validator(mode="after")
    def _both_or_none(self) -> "Config":
        if (self.input is None) != (self.output is None):
            raise ValueError("give both input and output, or neither")
        return self

    def build(self, tools: Tools) -> Explainer:
        """Make the explainer; InvalidSpec when something that it needs is not at hand."""
        if self.input is not None and self.output is not None:
            return TwoExplainers(self.length, build_explainer(self.input, tools), build_explainer(self.output, tools))
        who = "the combined explainer"
        return OneRequest(self, self.author(tools, who), self.effects(tools, who), tools.seed)


@dataclass(frozen=True, slots=True)
class OneRequest:
    """Explains both sides by one request."""

    config: Config
    author: Author
    effects: Effects
    seed: int

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask for a claim about each side; LLMError and OutOfBudget are the caller's."""
        config = self.config
        found = of_split(examples, Split.EXPLAIN)
        rng = rng_for(self.seed, feature.name, "explainers/combined")
        chosen = spread(found, [Kind.QUANTILE], count=config.examples, rng=rng)
        if len(chosen) < config.least:
            detail = f"{len(chosen)} quantile examples in the explain split; {config.least} are needed"
            return Unread(UnreadKind.FAILED, detail)
        seen = await self.effects.look(feature, found)
        if isinstance(seen, Unread):
            return seen
        passed = passages(feature, chosen, threshold=config.threshold, listed=config.activations)
        heard = await self.author.ask(config.prompt, {"passages": passed, **seen.values}, BothSides)
        if isinstance(heard, Unread):
            return heard
        text = both(heard.value.fires_on, heard.value.promotes, config.length)
        shown = dict.fromkeys([example.window for example in chosen] + list(seen.shown))
        return self.author.explanation(heard, text, tuple(shown))


@dataclass(frozen=True, slots=True)
class TwoExplainers:
    """Explains each side by an explainer of its own; where one of them has nothing to say, nothing is said."""

    length: int
    input: Explainer
    output: Explainer

    @property
    def sees(self) -> tuple[Split, ...]:
        """The splits that either explainer sees; each is given its own."""
        return tuple({**dict.fromkeys(splits_of(self.input)), **dict.fromkeys(splits_of(self.output))})

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask both; the request and the prompt that are kept are those of the input side, if it has any."""
        by_split(examples, *self.sees)
        sides = {"input": self.input, "output": self.output}
        claims = await at_once(side.explain(feature, shown_to(side, examples)) for side in sides.values())
        made: list[Explanation] = []
        for name, claim in zip(sides, claims, strict=True):
            if isinstance(claim, Unread):
                return replace(claim, detail=f"{name} side: {claim.detail}")
            made.append(claim)
        fires, does = made
        asked = fires if fires.request else does
        shown = tuple(dict.fromkeys(fires.shown + does.shown))
        return Explanation(both(fires.text, does.text, self.length), shown, asked.prompt, asked.request)
