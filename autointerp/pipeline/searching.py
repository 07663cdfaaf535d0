"""The sample of one harvest for one SAE: what a scorer searches with an explanation."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.sample import Window
from autointerp.domain.steering import Embed
from autointerp.storage import samples
from autointerp.storage.engine import Database

KEPT = 4  # samples under a model; one of 8,000 windows takes 12 MB
AT_ONCE = 512  # texts: between two lots others get their turn on the device

OpenEmbedder = Callable[[str], Embed]


class Vectors:
    """Samples as unit vectors, (window, dimension), each embedded once while it is in use; for a whole process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, Split, str], NDArray[np.float32]] = OrderedDict()
        self._embedding = asyncio.Lock()

    async def of(
        self, harvest_id: str, split: Split, model: str, windows: Sequence[Window], embed: Embed
    ) -> NDArray[np.float32]:
        """The vectors of a harvest's sample under a model."""
        key = harvest_id, split, model
        async with self._embedding:  # two chunks that begin at once would do it twice
            if key not in self._kept:
                texts = [window.text for window in windows]
                lots = [await embed.embed(texts[i : i + AT_ONCE]) for i in range(0, len(texts), AT_ONCE)]
                self._kept[key] = np.concatenate(lots) if lots else np.zeros((0, 1), np.float32)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


@dataclass(frozen=True, eq=False, slots=True)
class HarvestSample:
    """Implements `domain.sample.Sample` over the database, for the score split."""

    database: Database
    harvest_id: str
    sae_id: int
    open_embedder: OpenEmbedder
    vectors: Vectors

    async def windows(self) -> tuple[Window, ...]:
        """The windows, in the pool's order."""
        return await asyncio.to_thread(self._windows)

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        """Whether the feature fires anywhere in each window; None: the harvest did not keep it."""
        return await asyncio.to_thread(self._fired, feature.index)

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        """The cosine similarity of each window to `text`; the windows are embedded the first time."""
        embed = await asyncio.to_thread(self.open_embedder, embedder)
        windows = await self.windows()
        vectors = await self.vectors.of(self.harvest_id, Split.SCORE, embedder, windows, embed)
        return vectors @ (await embed.embed([text]))[0]

    def _windows(self) -> tuple[Window, ...]:
        with self.database.read() as session:
            return samples.windows(session, self.harvest_id, Split.SCORE)

    def _fired(self, index: int) -> NDArray[np.bool_] | None:
        with self.database.read() as session:
            return samples.fired(session, self.harvest_id, self.sae_id, index, Split.SCORE)
