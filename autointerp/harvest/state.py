"""All that a harvest accumulates: what one shard holds, and what merging shards gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.blocks import Blocks
from autointerp.harvest.chance import key_for
from autointerp.harvest.pool import SilentPool
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.sae_state import Arrays, SaeState, named

_BLOCKS_AT_LEAST = 1 << 16


class State:
    """What is accumulated for all SAEs: add pages in any grouping, merge in any order, and the arrays are the same."""

    def __init__(
        self, spec: HarvestSpec, *, fingerprints: Sequence[str], features: Sequence[int], vocabulary: int
    ) -> None:
        self.spec = spec
        self.vocabulary = vocabulary
        self.tokens = 0
        self.blocks = Blocks(spec.context)
        self.pool = SilentPool(spec.pool, key_for(spec.seed, "pool"), len(fingerprints))
        self.saes = [
            SaeState(fingerprint, count, vocabulary, spec)
            for fingerprint, count in zip(fingerprints, features, strict=True)
        ]
        self._enough_blocks = _BLOCKS_AT_LEAST

    def add(self, page: Page, firings: Sequence[Firings]) -> None:
        """Take one page, with the firings of every SAE in the order of places."""
        self.tokens += int(page.readable.sum())
        for sae, found in zip(self.saes, firings, strict=True):
            sae.add(found, page)
        self.pool.add(page, firings)
        self.blocks.add(page)
        if len(self.blocks) > self._enough_blocks:
            self.settle()

    def merge(self, other: "State") -> None:
        """Add what another state of the same spec accumulated."""
        self.tokens += other.tokens
        for mine, theirs in zip(self.saes, other.saes, strict=True):
            mine.merge(theirs)
        self.pool.merge(other.pool)
        self.blocks.merge(other.blocks)
        self.settle()

    def settle(self) -> None:
        """Bring everything into its final order, and drop the text that nothing needs."""
        self.pool.prune()
        for sae in self.saes:
            sae.settle()
        pool = self.pool.columns
        kept = [part.reservoir.kept for sae in self.saes for part in sae.parts]
        windows = [(found.context, found.start, found.length) for found in kept]
        self.blocks.keep([(pool["context"], pool["start"], pool["length"]), *windows])
        self._enough_blocks = max(_BLOCKS_AT_LEAST, 2 * len(self.blocks))

    def arrays(self) -> Arrays:
        """Return all arrays by name, as a shard keeps them; the same for the same pages, however they came."""
        self.settle()
        found: Arrays = {"count": np.array([self.tokens])}
        found |= {f"blocks.{name}": array for name, array in self.blocks.arrays().items()}
        found |= {f"pool.{name}": array for name, array in self.pool.arrays().items()}
        for i, sae in enumerate(self.saes):
            found |= {f"sae{i}.{name}": array for name, array in sae.arrays().items()}
        return found

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> "State":
        """Take over what `arrays` returned."""
        self.tokens = int(np.asarray(arrays["count"])[0])
        self.blocks.load(named(arrays, "blocks"))
        self.pool.load(named(arrays, "pool"))
        for i, sae in enumerate(self.saes):
            sae.load(named(arrays, f"sae{i}"))
        return self
