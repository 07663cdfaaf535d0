"""The sample of the corpus that explanations are searched in: uniform, of the score split, the same for all."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import FeatureRecord


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the corpus, without a feature: as in `Example`."""

    context: int
    document: int
    start: int
    pieces: tuple[str, ...]

    @property
    def text(self) -> str:
        """The window as running text."""
        return "".join(self.pieces)


class Sample(Protocol):
    """Windows at natural prevalence, each text once, and in which of them a feature truly fires."""

    async def windows(self) -> tuple[Window, ...]:
        """The windows, in a fixed order."""
        ...

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        """Whether the feature fires anywhere in each window; None: the harvest did not keep it."""
        ...

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        """The cosine similarity of each window to `text` under a sentence-embedding model."""
        ...
