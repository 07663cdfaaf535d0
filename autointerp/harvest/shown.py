"""The firing examples of some features, with their text and their activations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Kind, Split
from autointerp.domain.packed import KINDS, PackedExamples, Windows
from autointerp.harvest.blocks import Blocks
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.groups import Members
from autointerp.harvest.split import SPLITS

_TOP, _EXPLAIN = KINDS.index(Kind.TOP), SPLITS.index(Split.EXPLAIN)


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """Windows, each once, and which group each belongs to, both ordered by slot.

    `window_edges` and `member_edges` say where each slot begins. `window_of` is each member's window, and
    `place_of` the same counted from its slot's first; `peak` counts from the window's start.
    """

    windows: Windows
    texts: NDArray[np.uint64]
    peak: NDArray[np.int16]
    activations: NDArray[np.float16]
    window_edges: NDArray[np.int64]
    member_edges: NDArray[np.int64]
    window_of: NDArray[np.int64]
    place_of: NDArray[np.int32]
    members: Members

    @classmethod
    def of(cls, found: Candidates, members: Members, blocks: Blocks, features: int) -> "Shown":
        """Cut the windows of the members out of the corpus text, each once, and lay their activations over them."""
        slots = np.arange(features * len(SPLITS) + 1)
        used, window_of = np.unique(members.candidate, return_inverse=True)
        chosen = found.take(used)
        offsets, tokens = blocks.read(chosen.context, chosen.start, chosen.length)
        activations = np.zeros(len(tokens), dtype=np.float16)
        activations[np.repeat(offsets[:-1], chosen.count) + chosen.at] = chosen.act
        window_edges = np.searchsorted(chosen.slot, slots)
        slot = found.slot[members.candidate]
        return cls(
            windows=Windows(chosen.context, chosen.document, chosen.start, offsets, tokens),
            texts=chosen.text,
            peak=(chosen.peak - chosen.start).astype(np.int16),
            activations=activations,
            window_edges=window_edges,
            member_edges=np.searchsorted(slot, slots),
            window_of=window_of,
            place_of=(window_of - window_edges[slot]).astype(np.int32),
            members=members,
        )

    def strongest(self, feature: int, count: int) -> list[int]:
        """Return the windows of the `count` strongest examples of one feature's explain split, strongest first."""
        slot = feature * len(SPLITS) + _EXPLAIN
        members = slice(int(self.member_edges[slot]), int(self.member_edges[slot + 1]))
        return self.window_of[members][self.members.kind[members] == _TOP][:count].tolist()

    def pack(self, slot: int, silent_pool: NDArray[np.int32], silent_kind: NDArray[np.uint8]) -> PackedExamples:
        """Return the examples of one slot as a record."""
        low, high = int(self.window_edges[slot]), int(self.window_edges[slot + 1])
        windows, all_windows = slice(low, high), self.windows
        members = slice(int(self.member_edges[slot]), int(self.member_edges[slot + 1]))
        offsets = all_windows.offsets[low : high + 1]
        text = slice(int(offsets[0]), int(offsets[-1]))
        return PackedExamples(
            windows=Windows(
                context=all_windows.context[windows],
                document=all_windows.document[windows],
                start=all_windows.start[windows],
                offsets=offsets - offsets[0],
                tokens=all_windows.tokens[text],
            ),
            peak=self.peak[windows],
            activations=self.activations[text],
            member_window=self.place_of[members],
            member_kind=self.members.kind[members],
            member_index=self.members.index[members],
            silent_pool=silent_pool,
            silent_kind=silent_kind,
        )
