"""All that a harvest accumulates: what one shard holds, and what merging shards gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.accumulate import Tally
from autointerp.harvest.blocks import Blocks
from autointerp.harvest.broken import Broken
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.chance import key_for
from autointerp.harvest.lists import Limits
from autointerp.harvest.pool import SilentPool
from autointerp.harvest.reservoir import Reservoir
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.token_counts import TokenCounts

_BLOCKS_AT_LEAST = 1 << 16
Arrays = dict[str, NDArray[Any]]


class SaeState:
    """What is accumulated for one SAE."""

    def __init__(self, fingerprint: str, features: int, vocabulary: int, spec: HarvestSpec) -> None:
        self.fingerprint = fingerprint
        self.features = features
        self.broken = Broken.none()
        self.tally = Tally.empty(features)
        self.tokens = TokenCounts(features, vocabulary)
        self.reservoir = Reservoir(features, key_for(spec.seed, "peaks", fingerprint), Limits.of(spec))

    def merge(self, other: "SaeState") -> None:
        """Add what another shard accumulated for the same SAE."""
        self.broken = self.broken.merge(other.broken)
        self.tally.merge(other.tally)
        self.tokens.merge(other.tokens)
        self.reservoir.merge(other.reservoir)

    def arrays(self) -> Arrays:
        """Return the arrays by name, as a shard keeps them."""
        return {
            "broken": self.broken.array(),
            **{f"tally.{name}": array for name, array in self.tally.arrays().items()},
            **{f"tokens.{name}": array for name, array in self.tokens.arrays().items()},
            **{f"kept.{name}": array for name, array in self.reservoir.kept.arrays().items()},
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.broken = Broken.of(np.asarray(arrays["broken"]))
        self.tally = Tally(**part(arrays, "tally"))  # pyright: ignore[reportArgumentType]
        self.tokens.load(part(arrays, "tokens"))
        self.reservoir.kept = Candidates(**part(arrays, "kept"))  # pyright: ignore[reportArgumentType]


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
            sae.broken = sae.broken.add(page.row(found.broken))
            grouped = found.by_feature(sae.features)
            sae.tally.add(grouped)
            sae.tokens.add(grouped, page)
            sae.reservoir.add(grouped, page)
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
            sae.tokens.settle()
            sae.reservoir.prune()
        pool = self.pool.columns
        windows = [(pool["context"], pool["start"], pool["length"])]
        windows += [(kept.context, kept.start, kept.length) for kept in (sae.reservoir.kept for sae in self.saes)]
        self.blocks.keep(np.concatenate([self.blocks.needed(*window) for window in windows]))
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
        self.blocks.load(part(arrays, "blocks"))
        self.pool.load(part(arrays, "pool"))
        for i, sae in enumerate(self.saes):
            sae.load(part(arrays, f"sae{i}"))
        return self


def part(arrays: Mapping[str, NDArray[Any]], name: str) -> Arrays:
    """Return the arrays whose name begins with `name` and a dot, without it."""
    return {key[len(name) + 1 :]: array for key, array in arrays.items() if key.startswith(f"{name}.")}
