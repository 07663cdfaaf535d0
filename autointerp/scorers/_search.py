"""Searching the sample of the corpus with an explanation."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis.ranking import Values, WordIndex, fused, ranks
from autointerp.domain.sample import Sample
from autointerp.domain.steering import Embed


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """The positions of the best windows, best first, and which of some other texts would be among them."""

    top: NDArray[np.intp]
    reached: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class ByWords:
    """Matches by shared words; the sample's words are read once."""

    sample: Sample
    _index: list[WordIndex] = field(default_factory=list[WordIndex])
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def match(self, query: str, others: Sequence[str]) -> tuple[Values, Values]:
        """How well the windows of the sample and other texts match."""
        async with self._reading:
            if not self._index:
                texts = [window.text for window in await self.sample.windows()]
                self._index.append(await asyncio.to_thread(WordIndex.of, texts))
        index = self._index[0]
        return index.match(query), index.match_others(query, others)


@dataclass(frozen=True, eq=False, slots=True)
class ByMeaning:
    """Matches by the similarity of sentence embeddings."""

    sample: Sample
    model: str
    embed: Embed

    async def match(self, query: str, others: Sequence[str]) -> tuple[Values, Values]:
        """How well the windows of the sample and other texts match."""
        here = (await self.sample.similarity(query, self.model)).astype(np.float64)
        if not others:
            return here, np.zeros(0)
        vectors = await self.embed.embed([query, *others])
        return here, (vectors[1:] @ vectors[0]).astype(np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Search:
    """Ranks the windows of the sample by one measure or several."""

    measures: tuple[ByWords | ByMeaning, ...]

    async def find(self, query: str, others: Sequence[str], *, depth: int) -> Found:
        """Return the `depth` best windows, and which of the `others` match as well as the last of them."""
        matches = [await measure.match(query, others) for measure in self.measures]
        values = fused(*(ranks(here, here) for here, _ in matches))
        top = np.argsort(-values, kind="stable")[:depth]
        beside = fused(*(ranks(there, here) for here, there in matches))
        return Found(top, beside >= values[top[-1]])
