"""A sample of the corpus for the specimen: a twentieth of its windows hold a colour."""

from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import FeatureRecord
from autointerp.domain.sample import Window
from autointerp.hashing import stable_int
from autointerp.testing.specimen import Specimen, WordEmbed, specimen


class SpecimenSample:
    """The windows of a specimen's score split as they come. It implements the Protocol `Sample`."""

    def __init__(self, made: Specimen) -> None:
        self._fired = np.array([not example.silent for example in made.score])
        self._windows = tuple(
            Window(context, context, 0, example.pieces)
            for context, example in ((stable_int("sample", e.context), e) for e in made.score)
        )
        self._vectors: NDArray[np.float32] | None = None

    async def windows(self) -> tuple[Window, ...]:
        """The windows."""
        return self._windows

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        """Which of them hold a colour; of any other feature nothing is known."""
        return self._fired if feature.sae == "specimen" else None

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        """The similarity of the sums of words, whatever the model's name."""
        del embedder
        embed = WordEmbed()
        if self._vectors is None:
            self._vectors = await embed.embed([window.text for window in self._windows])
        return cast(NDArray[np.float32], self._vectors @ (await embed.embed([text]))[0])


@cache
def specimen_sample() -> SpecimenSample:
    """The same 600 windows in every test of a process."""
    return SpecimenSample(specimen(per_quantile=3, random=570, same_token=0, seed=2))
