"""What is accumulated for one SAE, in parts of a few thousand features that are brought into order one by one.

Parts bound what ordering needs beside what is kept, and let several threads accumulate one SAE.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import in_threads
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.accumulate import Tally
from autointerp.harvest.broken import Broken
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.chance import feature_keys, key_for
from autointerp.harvest.lists import Limits
from autointerp.harvest.reservoir import Reservoir
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.split import SPLITS
from autointerp.harvest.token_counts import TokenCounts, TopTokens, share

FEATURES_OF_A_PART = 1 << 11
Arrays = dict[str, NDArray[Any]]


class Part:
    """The candidates and the token counts of features `first` to `last` - 1, which count from 0 inside."""

    def __init__(self, first: int, last: int, tokens: TokenCounts, reservoir: Reservoir) -> None:
        self.first = first
        self.last = last
        self.tokens = tokens
        self.reservoir = reservoir

    def add(self, firings: Firings, page: Page) -> None:
        """Take the firings of these features among all of the SAE's, which are in the order of features."""
        low, high = np.searchsorted(firings.feature, np.array([self.first, self.last], dtype=np.int32)).tolist()
        mine = firings.part(low, high, first=self.first)
        self.tokens.add(mine, page)
        self.reservoir.add(mine, page)

    def top_tokens(self, first: int, last: int, k: int) -> TopTokens:
        """Return the `k` tokens with the largest summed activation of features `first` to `last` - 1 of the SAE."""
        return self.tokens.top(first - self.first, last - self.first, k)

    def candidates(self, first: int, last: int) -> Candidates:
        """Return the candidates of features `first` to `last` - 1 of the SAE, with slots that count from 0."""
        kept, base = self.reservoir.kept, (first - self.first) * len(SPLITS)
        low, high = np.searchsorted(kept.slot, [base, (last - self.first) * len(SPLITS)]).tolist()
        found = kept.take(np.arange(low, high))
        return replace(found, slot=found.slot - np.int32(base))


class SaeState:
    """What is accumulated for one SAE."""

    def __init__(self, fingerprint: str, features: int, vocabulary: int, spec: HarvestSpec) -> None:
        self.fingerprint = fingerprint
        self.features = features
        self.broken = Broken.none()
        self.tally = Tally.empty(features)
        keys, limits = feature_keys(key_for(spec.seed, "peaks", fingerprint), features), Limits.of(spec)
        self.parts = [
            Part(
                first,
                last := min(first + FEATURES_OF_A_PART, features),
                TokenCounts(last - first, vocabulary, most=share(features)),
                Reservoir(keys[first:last], limits),
            )
            for first in range(0, features, FEATURES_OF_A_PART)
        ]

    def add(self, firings: Firings, page: Page) -> None:
        """Take the firings of one page, in the order of places."""
        self.broken = self.broken.add(page.row(firings.broken))
        grouped = firings.by_feature(self.features)
        in_threads(lambda part: part.add(grouped, page), self.parts)
        self.tally.add(grouped)

    def merge(self, other: "SaeState") -> None:
        """Add what another shard accumulated for the same SAE."""
        self.broken = self.broken.merge(other.broken)
        self.tally.merge(other.tally)
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            mine.tokens.merge(theirs.tokens)
            mine.reservoir.merge(theirs.reservoir)

    def settle(self) -> None:
        """Bring everything into its final order."""
        for part in self.parts:
            part.tokens.settle()
            part.reservoir.prune()

    def arrays(self) -> Arrays:
        """Return the arrays by name, as a shard keeps them."""
        found = {f"tally.{name}": array for name, array in self.tally.arrays().items()}
        for number, part in enumerate(self.parts):
            found |= {f"part{number}.tokens.{name}": array for name, array in part.tokens.arrays().items()}
            found |= {f"part{number}.kept.{name}": array for name, array in part.reservoir.kept.arrays().items()}
        return {"broken": self.broken.array(), **found}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.broken = Broken.of(np.asarray(arrays["broken"]))
        self.tally = Tally(**named(arrays, "tally"))  # pyright: ignore[reportArgumentType]
        for number, part in enumerate(self.parts):
            mine = named(arrays, f"part{number}")
            part.tokens.load(named(mine, "tokens"))
            part.reservoir.kept = Candidates(**named(mine, "kept"))  # pyright: ignore[reportArgumentType]


def named(arrays: Mapping[str, NDArray[Any]], name: str) -> Arrays:
    """Return the arrays whose name begins with `name` and a dot, without it."""
    return {key[len(name) + 1 :]: array for key, array in arrays.items() if key.startswith(f"{name}.")}
