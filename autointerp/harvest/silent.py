"""Silent examples: pool windows in which a feature does not fire at all. One function a kind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Kind
from autointerp.domain.packed import KINDS, Pool, Windows
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.blocks import Blocks
from autointerp.harvest.chance import feature_keys, key_for, priorities
from autointerp.harvest.pool import SilentPool
from autointerp.harvest.ragged import offsets_of
from autointerp.harvest.split import SPLITS


@dataclass(frozen=True, eq=False, slots=True)
class Index:
    """Which pool positions belong to each key: to key k, `positions[offsets[k]:offsets[k+1]]`."""

    offsets: NDArray[np.int64]
    positions: NDArray[np.int32]

    @classmethod
    def of(cls, keys: NDArray[np.integer], positions: NDArray[np.integer], size: int) -> "Index":
        """Sort `positions` by their `keys`, which are below `size`."""
        order = np.argsort(keys, kind="stable")
        return cls(offsets_of(np.bincount(keys, minlength=size)), positions[order].astype(np.int32))

    def __getitem__(self, key: int) -> NDArray[np.int32]:
        return self.positions[self.offsets[key] : self.offsets[key + 1]]


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
class Silence:
    """Chooses silent examples for the features of one SAE, by a priority that is a hash of feature and segment."""

    spec: HarvestSpec
    split: NDArray[np.uint8]
    segments: NDArray[np.uint64]
    texts: NDArray[np.uint64]  # sorted
    text_positions: NDArray[np.int64]
    fired: Index
    held: Index
    keys: NDArray[np.uint64]

    @classmethod
    def of(
        cls, pool: SilentPool, record: Pool, spec: HarvestSpec, *, sae: int, fingerprint: str, features: int
    ) -> "Silence":
        """Index the pool for SAE number `sae`."""
        text = np.asarray(pool.columns["text"])
        by_text = np.argsort(text)
        windows = np.arange(len(pool))
        tokens = record.windows.tokens
        inside = np.repeat(windows, np.diff(record.windows.offsets))
        return cls(
            spec=spec,
            split=record.split,
            segments=np.asarray(pool.columns["priority"]),
            texts=text[by_text],
            text_positions=by_text,
            fired=Index.of(pool.fired[sae], np.repeat(windows, pool.counts[sae]), features),
            held=Index.of(tokens, inside, int(tokens.max(initial=0)) + 1),
            keys=feature_keys(key_for(spec.seed, "silent", fingerprint), features),
        )

    def choose(
        self, feature: int, top_tokens: Sequence[int], shown: NDArray[np.uint64]
    ) -> list[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
        """Return pool positions and kinds for each split; `shown` are the texts of the feature's firing examples,
        which are not used again, as the same text may fire in one place and be silent in another."""
        silent = np.ones(len(self.split), dtype=np.bool_)
        silent[self.fired[feature]] = False
        at = np.searchsorted(self.texts, shown)
        at = at[at < len(self.texts)]
        silent[self.text_positions[at[np.isin(self.texts[at], shown)]]] = False
        positions = np.flatnonzero(silent)
        priority = priorities(self.segments[positions], self.keys[feature])
        positions = positions[np.argsort(priority)]
        holding = same_token(positions, top_tokens, self.held, len(self.split))
        return [self._of_split(number, positions, holding) for number in range(len(SPLITS))]

    def _of_split(
        self, number: int, positions: NDArray[np.int64], holding: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        sizes = self.spec.sizes[SPLITS[number]]
        here = self.split[positions] == number
        randoms = np.flatnonzero(here)[: sizes.random]
        here[randoms] = False
        others = np.flatnonzero(here & holding)[: sizes.same_token]
        kinds = [KINDS.index(Kind.RANDOM)] * len(randoms) + [KINDS.index(Kind.SAME_TOKEN)] * len(others)
        return positions[np.concatenate([randoms, others])].astype(np.int32), np.array(kinds, dtype=np.uint8)


def same_token(positions: NDArray[np.int64], top_tokens: Sequence[int], held: Index, size: int) -> NDArray[np.bool_]:
    """Say which of `positions` hold one of the feature's top tokens."""
    holds = np.zeros(size, dtype=np.bool_)
    for token in top_tokens:
        if token < len(held.offsets) - 1:
            holds[held[token]] = True
    return holds[positions]
