"""The end of a harvest: every feature's statistics and examples, as records that storage keeps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature, PackedStatistics
from autointerp.harvest import exact
from autointerp.harvest.groups import choose
from autointerp.harvest.likeness import STRONGEST, Likeness
from autointerp.harvest.logits import TokenLogits, Unembedding
from autointerp.harvest.neighbours import Neighbourhood, Neighbours
from autointerp.harvest.sae_state import Part, SaeState
from autointerp.harvest.shown import Shown
from autointerp.harvest.silent import Silence, Wanted
from autointerp.harvest.split import SPLITS
from autointerp.harvest.state import State
from autointerp.harvest.token_counts import TopTokens

SCORE = SPLITS.index(Split.SCORE)
_FEATURES_AT_ONCE = 256


@dataclass(frozen=True, eq=False, slots=True)
class Cutter:
    """Cuts the features of one SAE out of a merged harvest; `likeness` is there when `similar_text` is asked for."""

    state: State
    sae: SaeState
    silence: Silence
    neighbourhood: Neighbourhood
    unembedding: Unembedding
    directions: Float[Tensor, "feature width"]
    likeness: Likeness | None

    def features(self) -> Iterator[HarvestedFeature]:
        """Yield every feature of the SAE in the order of their indices, dead ones too."""
        for part in self.sae.parts:
            for first in range(part.first, part.last, _FEATURES_AT_ONCE):
                yield from self._block(part, first, min(first + _FEATURES_AT_ONCE, part.last))

    def _block(self, part: Part, first: int, last: int) -> Iterator[HarvestedFeature]:
        """Yield features `first` to `last` - 1."""
        spec = self.state.spec
        found = part.candidates(first, last)
        members = choose(found, self.sae.tally.max[first:last], spec)
        shown = Shown.of(found, members, self.state.blocks, last - first)
        tokens = part.top_tokens(first, last, spec.top_tokens)
        near = self.neighbourhood.nearest(first, last, spec.neighbours)
        silent = self.silence.choose(self._wanted(first, last, shown, tokens, near))
        logits = self.unembedding.extremes(self.directions[first:last], spec.logits)
        for i, statistics in enumerate(self._statistics(first, last, tokens, logits, near)):
            slots = range(i * len(SPLITS), (i + 1) * len(SPLITS))
            examples = {split: shown.pack(slot, *silent.of(slot)) for split, slot in zip(SPLITS, slots, strict=True)}
            examples[Split.SCORE] = replace(examples[Split.SCORE], fired_pool=self.silence.fired_in(first + i, SCORE))
            yield HarvestedFeature(index=first + i, statistics=statistics, examples=examples)

    def _wanted(self, first: int, last: int, shown: Shown, tokens: TopTokens, near: Neighbours) -> Wanted:
        similarity = np.zeros((last - first, 0), dtype=np.float32)
        if self.likeness is not None:
            strongest = [shown.strongest(i, STRONGEST) for i in range(last - first)]
            similarity = self.likeness.to(shown.windows, strongest)
        return Wanted(
            first=first,
            last=last,
            token_offsets=tokens.offsets,
            tokens=tokens.token,
            shown_offsets=shown.window_edges[:: len(SPLITS)],
            shown=shown.texts,
            neighbours=near.feature,
            similarity=similarity,
        )

    def _statistics(
        self, first: int, last: int, tokens: TopTokens, logits: TokenLogits, near: Neighbours
    ) -> Iterator[PackedStatistics]:
        tally = self.sae.tally
        sums, squares = exact.sums(tally.sums[first:last]), exact.sums_of_squares(tally.squares[first:last])
        edges = tokens.offsets.tolist()
        firings, largest = tally.firings[first:last].tolist(), tally.max[first:last].tolist()
        for i in range(last - first):
            top = slice(edges[i], edges[i + 1])
            somebody = near.feature[i] >= 0
            yield PackedStatistics(
                tokens=self.state.tokens,
                firings=firings[i],
                sum=sums[i],
                sum_of_squares=squares[i],
                max=largest[i],
                histogram=tally.histogram[first + i],
                top_token=tokens.token[top],
                top_count=tokens.count[top],
                top_mean=tokens.mean[top],
                promoted_token=logits.promoted[i],
                promoted_logit=logits.promoted_logit[i],
                suppressed_token=logits.suppressed[i],
                suppressed_logit=logits.suppressed_logit[i],
                neighbour=near.feature[i][somebody],
                neighbour_cosine=near.cosine[i][somebody],
                neighbour_coactivation=near.coactivation[i][somebody],
            )
