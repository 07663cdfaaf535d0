"""The explainer that makes several candidates and keeps the one that holds best on documents nobody has seen.

Candidates come from one explainer or from several. The first of each sees all examples; each other one sees three
quarters of the windows, by chance, draws by another seed and gets another reply. A scorer tries them on the validation
split, which no candidate was made from, and which the final score never uses: the score of the winner is not the best
of several lucky ones. Candidates of the same text are tried once. The highest value wins, the earliest of equal ones; a
value that is undefined loses to every other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import by_split
from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Candidate, Explanation, Unread
from autointerp.domain.features import FeatureRecord
from autointerp.domain.plan import build_explainer, build_scorer
from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import PluginSpec, ScorerSpec
from autointerp.domain.tools import Explainer, Scorer, Tools, splits_of
from autointerp.errors import InvalidSpec
from autointerp.explainers._draws import Draw
from autointerp.hashing import stable_int
from autointerp.llm.asking import at_once

Result = Explanation | Unread
SHARE = 0.75


class Config(BaseModel):
    """Where candidates come from, how many each explainer makes, and the scorer that tries them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    explainer: PluginSpec | tuple[PluginSpec, ...] = Field(
        default=PluginSpec(name="default"), description="an explainer, or a list of them"
    )
    n: int = Field(default=3, ge=1, le=100, description="candidates of each explainer")
    scorer: ScorerSpec = Field(
        default=ScorerSpec(name="detection", judge=PluginSpec(name="llm")), description="with its judge"
    )

    def build(self, tools: Tools) -> "BestOf":
        """Make the explainer; InvalidSpec when something is missing, or a candidate would see the validation split."""
        specs = self.explainer if isinstance(self.explainer, tuple) else (self.explainer,)
        if not specs:
            raise InvalidSpec("the best_of explainer needs at least one explainer to take candidates from")
        for spec in specs:
            if splits_of(build_explainer(spec, tools)) != (Split.EXPLAIN,):
                raise InvalidSpec(f"best_of tries its candidates on the validation split, which {spec.name} sees too")
        candidates = tuple((spec, number) for spec in specs for number in range(self.n))
        return BestOf(candidates, build_scorer(self.scorer, tools), tools)


@dataclass(frozen=True, slots=True)
class BestOf:
    """Explains by the best of several candidates."""

    candidates: Sequence[tuple[PluginSpec, int]]
    scorer: Scorer
    tools: Tools

    sees: ClassVar[tuple[Split, ...]] = (Split.EXPLAIN, Split.VALIDATION)

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Result:
        """Make the candidates from the explain split and try them on the validation split."""
        found = by_split(examples, Split.EXPLAIN, Split.VALIDATION)
        made = await at_once(
            self._candidate(spec, number, feature, found[Split.EXPLAIN]) for spec, number in self.candidates
        )
        distinct: dict[str, Explanation] = {}
        for claim in made:
            if isinstance(claim, Explanation):
                distinct.setdefault(claim.text, claim)
        if not distinct:
            return next((unread for unread in made if unread.request is not None), made[0])
        return await self._best(feature, tuple(distinct.values()), found[Split.VALIDATION])

    async def _best(
        self, feature: FeatureRecord, claims: Sequence[Explanation], validation: Sequence[Example]
    ) -> Explanation:
        """The claim with the highest value, with all that were tried.

        To the scorer, the validation examples are those it scores on.
        """
        if len(claims) == 1:
            return claims[0]
        asked = tuple(replace(example, split=Split.SCORE) for example in validation)
        scores = await at_once(self.scorer.score(claim.text, feature, asked) for claim in claims)
        values = [-math.inf if score.value is None else score.value for score in scores]
        candidates = tuple(
            Candidate(claim.text, claim.request, score.value, score.undefined)
            for claim, score in zip(claims, scores, strict=True)
        )
        return replace(claims[values.index(max(values))], candidates=candidates)

    async def _candidate(
        self, spec: PluginSpec, number: int, feature: FeatureRecord, examples: tuple[Example, ...]
    ) -> Result:
        """Make one candidate; number 0 is what the explainer alone would say."""
        if number == 0:
            return await build_explainer(spec, self.tools).explain(feature, examples)
        draw = Draw(self.tools.llm, number) if self.tools.llm else None
        seed = stable_int(self.tools.seed, "explainers/best_of", number)
        explainer: Explainer = build_explainer(spec, replace(self.tools, llm=draw, seed=seed))
        result = await explainer.explain(feature, _some(examples, rng_for(seed, feature.name, "explainers/best_of")))
        return replace(result, request=draw.sent_as(result.request)) if draw else result


def _some(examples: Sequence[Example], rng: np.random.Generator) -> tuple[Example, ...]:
    """The examples of `SHARE` of the windows: an explainer that wants all there are would always see the same."""
    windows = sorted({example.window for example in examples})
    kept = {windows[i] for i in rng.permutation(len(windows))[: math.ceil(SHARE * len(windows))]}
    return tuple(example for example in examples if example.window in kept)
