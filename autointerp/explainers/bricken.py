"""The explainer of Bricken et al. (2023): 49 short excerpts from the whole range of activations, and some silence.

Excerpts reach four tokens to either side of the peak: the ten strongest, two from each of the twelve intervals, five
random ones, and ten that hold a token on which the feature fires elsewhere. Each says which group it is from; the
tokens that the feature promotes and suppresses most follow. Activations stand on a scale from 0 to 9. The model
reasons first, in a field of its own that is dropped.

Towards Monosemanticity: Decomposing Language Models With Dictionary Learning, section Automated Interpretability.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from autointerp.analysis.choosing import firing, of_split, spread
from autointerp.analysis.levels import quantise
from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Passage
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.explainers._author import Asking, Author
from autointerp.explainers._claims import Reasoned
from autointerp.explainers._passages import strength_of, strongest_first

HIGHEST = 9  # of the scale of activations


class Config(Asking):
    """How many excerpts of each group are shown, and how far they reach; below `least` firing ones nothing is asked.

    `interval` is the number in each interval. A harvest that kept no `top` or `interval` examples lends those of the
    quantiles. `threshold`: tokens above this share of their excerpt's strongest are marked.
    """

    prompt: str = "explainers/bricken"
    top: int = Field(default=10, ge=0)
    interval: int = Field(default=2, ge=0)
    random: int = Field(default=5, ge=0)
    same_token: int = Field(default=10, ge=0)
    reach: int = Field(default=4, ge=0, description="tokens shown on either side of the peak")
    logits: int = Field(default=10, ge=0, description="promoted and as many suppressed tokens")
    least: int = Field(default=5, ge=1)
    threshold: float = Field(default=0.3, ge=0, lt=1)

    def build(self, tools: Tools) -> "Bricken":
        """Make the explainer; InvalidSpec when no language model is at hand."""
        return Bricken(self, self.author(tools, "the bricken explainer"), tools.seed)


@dataclass(frozen=True, slots=True)
class Bricken:
    """Explains by one request, in which the model reasons before it claims."""

    config: Config
    author: Author
    seed: int

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask for a claim about examples of the explain split; LLMError and OutOfBudget are the caller's."""
        shown = self._choose(feature, of_split(examples, Split.EXPLAIN))
        fires = sum(not example.silent for example in shown)
        if fires < self.config.least:
            detail = f"{fires} firing examples in the explain split; {self.config.least} are needed"
            return Unread(UnreadKind.FAILED, detail)
        heard = await self.author.ask(self.config.prompt, self._values(feature, shown), Reasoned)
        if isinstance(heard, Unread):
            return heard
        return self.author.explanation(heard, heard.value.explanation, tuple(e.window for e in shown))

    def _choose(self, feature: FeatureRecord, found: Sequence[Example]) -> tuple[Example, ...]:
        """The examples to show; one that was drawn for two groups counts for the first of them."""
        config = self.config
        by_group: dict[Group, list[Example]] = {}
        for example in found:
            by_group.setdefault(example.group, []).append(self._placed(example, feature))
        kinds = {group.kind for group in by_group}
        tops = Kind.TOP if Kind.TOP in kinds else Kind.QUANTILE
        parts = Kind.INTERVAL if Kind.INTERVAL in kinds else Kind.QUANTILE
        strongest = sorted(
            (e for group in by_group if group.kind is tops for e in by_group[group]), key=strongest_first
        )
        chosen = self._fresh(strongest, [], config.top)
        drawn = [(group, config.interval) for group in sorted(by_group, reverse=True) if group.kind is parts]
        drawn += [(Group(Kind.RANDOM), config.random), (Group(Kind.SAME_TOKEN), config.same_token)]
        for group, count in drawn:
            rng = rng_for(self.seed, feature.name, "explainers/bricken", group)
            candidates = by_group.get(group, [])
            mixed = spread(candidates, [group.kind], count=len(candidates), rng=rng)
            chosen += self._fresh(mixed, chosen, count)
        return tuple(chosen)

    def _fresh(self, candidates: Sequence[Example], chosen: Sequence[Example], count: int) -> list[Example]:
        """The first `count` candidates that bring another window and another excerpt than those chosen."""
        windows = {example.window for example in chosen}
        excerpts = {example.pieces[self._cut(example)] for example in chosen}
        fresh: list[Example] = []
        for example in candidates:
            excerpt = example.pieces[self._cut(example)]
            if len(fresh) < count and example.window not in windows and excerpt not in excerpts:
                windows.add(example.window)
                excerpts.add(excerpt)
                fresh.append(example)
        return fresh

    def _placed(self, example: Example, feature: FeatureRecord) -> Example:
        """The example with its peak at the token it was chosen for, which in a `same_token` one is a top token."""
        if example.group.kind is not Kind.SAME_TOKEN:
            return example
        places = {token: i for i, token in reversed(list(enumerate(example.tokens)))}
        held = (places[top.token] for top in feature.statistics.top_tokens if top.token in places)
        return replace(example, peak=next(held, example.peak))

    def _cut(self, example: Example) -> slice:
        return slice(max(0, example.peak - self.config.reach), example.peak + self.config.reach + 1)

    def _values(self, feature: FeatureRecord, shown: Sequence[Example]) -> dict[str, Any]:
        strongest = strength_of(feature, shown)
        statistics, count = feature.statistics, self.config.logits
        return {
            "excerpts": [self._excerpt(example, strongest) for example in shown],
            "promoted": [token.piece for token in statistics.promoted[:count]],
            "suppressed": [token.piece for token in statistics.suppressed[:count]],
        }

    def _excerpt(self, example: Example, strongest: float) -> dict[str, Any]:
        cut = self._cut(example)
        pieces, activations = example.pieces[cut], example.activations[cut]
        marks = firing(example, self.config.threshold)[cut] if not example.silent else (False,) * len(pieces)
        levels = quantise(activations, strongest=strongest, most=HIGHEST)
        return {
            "text": Passage(pieces, marks),
            "group": str(example.group).replace("_", " "),
            "tokens": [{"piece": piece, "level": n} for piece, n in zip(pieces, levels, strict=True) if n],
        }
