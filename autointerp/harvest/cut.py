"""The end of a harvest: every feature's statistics and examples, as records that storage keeps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.domain.features import Statistics, TokenCount
from autointerp.domain.packed import HarvestedFeature, PackedExamples, Windows
from autointerp.domain.vocabulary import Vocabulary
from autointerp.harvest import exact
from autointerp.harvest.blocks import Blocks
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.groups import Members, choose
from autointerp.harvest.logits import Pair, token_logits
from autointerp.harvest.silent import Silence
from autointerp.harvest.split import SPLITS
from autointerp.harvest.state import SaeState, State

_FEATURES_AT_ONCE = 256


@dataclass(frozen=True, eq=False, slots=True)
class Cutter:
    """Cuts the features of one SAE out of a merged harvest."""

    state: State
    sae: SaeState
    silence: Silence
    vocabulary: Vocabulary
    pieces: Sequence[str]  # the text of each token
    unembedding: Float[Tensor, "vocab width"]
    directions: Float[Tensor, "feature width"]

    def features(self) -> Iterator[HarvestedFeature]:
        """Yield every feature of the SAE in the order of their indices, dead ones too."""
        for first in range(0, self.sae.features, _FEATURES_AT_ONCE):
            yield from self._block(first, min(first + _FEATURES_AT_ONCE, self.sae.features))

    def _block(self, first: int, last: int) -> Iterator[HarvestedFeature]:
        """Yield features `first` to `last` - 1."""
        spec = self.state.spec
        found = _candidates_of(self.sae.reservoir.kept, first, last)
        shown = _cut(found, choose(found, self.sae.tally.max[first:last], spec), self.state.blocks, last - first)
        logits = token_logits(self.unembedding, self.directions[first:last], self.vocabulary, self.pieces, spec.logits)
        tokens = self.sae.tokens.top(first, last, spec.top_tokens)
        statistics = self._statistics(first, last, tokens, list(logits))
        for i, about in enumerate(statistics):
            silent = self.silence.choose(first + i, [token for token, _, _ in tokens[i]], shown.texts(i))
            examples = {
                split: shown.pack(i * len(SPLITS) + number, *silent[number]) for number, split in enumerate(SPLITS)
            }
            yield HarvestedFeature(index=first + i, statistics=about, examples=examples)

    def _statistics(
        self, first: int, last: int, tokens: list[list[tuple[int, int, float]]], logits: list[Pair]
    ) -> Iterator[Statistics]:
        tally = self.sae.tally
        sums, squares = exact.sums(tally.sums[first:last]), exact.sums_of_squares(tally.squares[first:last])
        for i, feature in enumerate(range(first, last)):
            promoted, suppressed = logits[i]
            yield Statistics(
                tokens=self.state.tokens,
                firings=int(tally.firings[feature]),
                sum=sums[i],
                sum_of_squares=squares[i],
                max=float(tally.max[feature]),
                histogram=tuple(tally.histogram[feature].tolist()),
                top_tokens=tuple(
                    TokenCount(token=token, piece=self.pieces[token], count=count, mean=mean)
                    for token, count, mean in tokens[i]
                ),
                promoted=promoted,
                suppressed=suppressed,
            )


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """The firing examples of some features: windows, and which group each belongs to, both ordered by slot."""

    found: Candidates
    offsets: NDArray[np.int64]
    tokens: NDArray[np.int32]
    activations: NDArray[np.float16]
    window_edges: NDArray[np.int64]  # (slot + 1,)
    member_edges: NDArray[np.int64]  # (slot + 1,)
    member_window: NDArray[np.int64]
    members: Members

    def texts(self, feature: int) -> NDArray[np.uint64]:
        """Return the hashes of the texts of one feature's windows, in all splits."""
        low, high = self.window_edges[feature * len(SPLITS)], self.window_edges[(feature + 1) * len(SPLITS)]
        return self.found.text[low:high]

    def pack(self, slot: int, silent_pool: NDArray[np.int32], silent_kind: NDArray[np.uint8]) -> PackedExamples:
        """Return the examples of one slot as a record."""
        low, high = int(self.window_edges[slot]), int(self.window_edges[slot + 1])
        windows = slice(low, high)
        members = slice(int(self.member_edges[slot]), int(self.member_edges[slot + 1]))
        text = slice(int(self.offsets[low]), int(self.offsets[high]))
        return PackedExamples(
            windows=Windows(
                context=self.found.context[windows],
                document=self.found.document[windows],
                start=self.found.start[windows],
                offsets=self.offsets[low : high + 1] - self.offsets[low],
                tokens=self.tokens[text],
            ),
            peak=(self.found.peak[windows] - self.found.start[windows]).astype(np.int16),
            activations=self.activations[text],
            member_window=(self.member_window[members] - low).astype(np.int32),
            member_kind=self.members.kind[members],
            member_index=self.members.index[members],
            silent_pool=silent_pool,
            silent_kind=silent_kind,
        )


def _candidates_of(kept: Candidates, first: int, last: int) -> Candidates:
    """Return the candidates of features `first` to `last` - 1, with slots that count from 0."""
    edges = np.searchsorted(kept.slot, [first * len(SPLITS), last * len(SPLITS)])
    found = kept.take(np.arange(*edges))
    return replace(found, slot=found.slot - first * len(SPLITS))


def _cut(found: Candidates, members: Members, blocks: Blocks, features: int) -> Shown:
    """Cut the windows of the members out of the corpus text, each once, and lay their activations over them."""
    slots = np.arange(features * len(SPLITS) + 1)
    used, member_window = np.unique(members.candidate, return_inverse=True)
    chosen = found.take(used)
    offsets, tokens = blocks.read(chosen.context, chosen.start, chosen.length)
    activations = np.zeros(len(tokens), dtype=np.float16)
    activations[np.repeat(offsets[:-1], chosen.count) + chosen.at] = chosen.act
    return Shown(
        found=chosen,
        offsets=offsets,
        tokens=tokens,
        activations=activations,
        window_edges=np.searchsorted(chosen.slot, slots),
        member_edges=np.searchsorted(found.slot[members.candidate], slots),
        member_window=member_window,
        members=members,
    )
