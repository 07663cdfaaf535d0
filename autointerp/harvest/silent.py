"""Silent examples: pool windows in which a feature does not fire at all.

- random: a uniform sample of the silent windows;
- same_token: those that hold one of the feature's top tokens, of each token in turn;
- neighbour: those in which a neighbour of the feature fires, of each neighbour in turn;
- similar_text: those whose text is most like that of the feature's strongest examples.

No window is taken twice, and chance is a hash of the seed, the SAE and the feature.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import SILENT
from autointerp.domain.packed import KINDS, Pool, Windows
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.blocks import Blocks
from autointerp.harvest.chance import feature_keys, key_for
from autointerp.harvest.index import Index
from autointerp.harvest.pool import SilentPool
from autointerp.harvest.ragged import offsets_of
from autointerp.harvest.silent_choice import choose
from autointerp.harvest.split import SPLITS

_KIND = np.array([KINDS.index(kind) for kind in SILENT], dtype=np.uint8)


def pool_record(pool: SilentPool, blocks: Blocks) -> Pool:
    """Return the pool's windows with their tokens, in the order of their positions."""
    columns = {name: np.asarray(column) for name, column in pool.columns.items()}
    offsets, tokens = blocks.read(columns["context"], columns["start"], columns["length"])
    windows = Windows(
        context=columns["context"],
        document=columns["document"],
        start=columns["start"],
        offsets=offsets,
        tokens=tokens,
    )
    return Pool(windows=windows, split=columns["split"])


@dataclass(frozen=True, eq=False, slots=True)
class Wanted:
    """What the silent examples of features `first` to `last` - 1 are chosen by.

    `tokens` and `shown` are lists, one a feature behind the other: its top tokens, and the hashes of the texts of its
    firing examples, which are not used again, as the same text may fire in one place and be silent in another.
    `neighbours` has a row a feature (negative: nobody), and so has `similarity`, an entry a window of the pool; both
    may have no column.
    """

    first: int
    last: int
    token_offsets: NDArray[np.int64]
    tokens: NDArray[np.int32]
    shown_offsets: NDArray[np.int64]
    shown: NDArray[np.uint64]
    neighbours: NDArray[np.int32]
    similarity: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """Pool positions and kinds, slot by slot: those of slot s from `offsets[s]` to `offsets[s+1]`."""

    offsets: NDArray[np.int64]
    position: NDArray[np.int32]
    kind: NDArray[np.uint8]

    def of(self, slot: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the positions and the kinds of one slot."""
        part = slice(int(self.offsets[slot]), int(self.offsets[slot + 1]))
        return self.position[part], self.kind[part]


@dataclass(frozen=True, eq=False, slots=True)
class Silence:
    """Chooses silent examples for the features of one SAE."""

    split: NDArray[np.uint8]
    by_split: Index
    texts: NDArray[np.uint64]  # sorted
    text_positions: NDArray[np.int32]
    fired: Index  # feature to windows
    held: Index  # token to windows
    keys: NDArray[np.uint64]
    sizes: NDArray[np.int64]  # (split, kind)

    @classmethod
    def of(
        cls, pool: SilentPool, record: Pool, spec: HarvestSpec, *, sae: int, fingerprint: str, features: int
    ) -> "Silence":
        """Index the pool for SAE number `sae`."""
        text = np.asarray(pool.columns["text"])
        by_text = np.argsort(text)
        tokens = record.windows.tokens
        split = np.asarray(record.split)
        return cls(
            split=split,
            by_split=Index.of(split, np.ones(len(split), dtype=np.int64), len(SPLITS)),
            texts=text[by_text],
            text_positions=by_text.astype(np.int32),
            fired=Index.of(pool.fired[sae], pool.counts[sae], features),
            held=Index.of(tokens, np.diff(record.windows.offsets), int(tokens.max(initial=0)) + 1),
            keys=feature_keys(key_for(spec.seed, "silent", fingerprint), features),
            sizes=np.array([[getattr(spec.sizes[split], kind) for kind in SILENT] for split in SPLITS]),
        )

    def choose(self, wanted: Wanted) -> Chosen:
        """Choose for a block of features."""
        barred_offsets, barred = self._barred(wanted)
        counts, position, kind = choose(
            np.arange(wanted.first, wanted.last),
            self.split,
            (self.by_split.offsets, self.by_split.positions),
            self.keys,
            (self.fired.offsets, self.fired.positions),
            (barred_offsets, barred),
            (self.held.offsets, self.held.positions),
            (wanted.token_offsets, wanted.tokens),
            wanted.neighbours,
            wanted.similarity,
            self.sizes,
        )
        return Chosen(offsets_of(counts.reshape(-1)), position, _KIND[kind])

    def fired_in(self, feature: int, split: int) -> NDArray[np.int32]:
        """Return the windows of the pool in one split (by its number) in which the feature fires, ascending."""
        fired = self.fired[feature]
        return fired[self.split[fired] == split]

    def _barred(self, wanted: Wanted) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the windows of the pool that have a text already shown, feature by feature."""
        at = np.searchsorted(self.texts, wanted.shown)
        here = np.flatnonzero(at < len(self.texts))
        here = here[self.texts[at[here]] == wanted.shown[here]]
        feature = np.searchsorted(wanted.shown_offsets, here, side="right") - 1
        counts = np.bincount(feature, minlength=wanted.last - wanted.first)
        return offsets_of(counts), self.text_positions[at[here]]
