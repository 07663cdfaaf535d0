"""How much the windows of the pool are like a feature's strongest examples in meaning, by a sentence embedding."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.packed import Pool, Windows
from autointerp.domain.vocabulary import Vocabulary

STRONGEST = 5  # examples of a feature that stand for its meaning

Embed = Callable[[Sequence[str]], NDArray[np.float32]]  # texts to unit vectors, (text, dimension)


@dataclass(frozen=True, eq=False, slots=True)
class Likeness:
    """The pool's windows as unit vectors, (window, dimension), embedded once a harvest."""

    vectors: NDArray[np.float32]
    vocabulary: Vocabulary
    embed: Embed

    @classmethod
    def of(cls, pool: Pool, vocabulary: Vocabulary, embed: Embed) -> "Likeness":
        """Embed the pool."""
        return cls(embed(texts(pool.windows, range(len(pool.windows)), vocabulary)), vocabulary, embed)

    def to(self, windows: Windows, strongest: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the mean cosine similarity of each window of the pool to the `strongest` of `windows`, a row a
        feature; 0 for a feature without any."""
        wanted = sorted({window for chosen in strongest for window in chosen})
        written = texts(windows, wanted, self.vocabulary)
        once = sorted(set(written))
        vectors = self.embed(once)
        row_of = {text: row for row, text in enumerate(once)}
        row = {window: row_of[text] for window, text in zip(wanted, written, strict=True)}
        means = np.zeros((len(strongest), self.vectors.shape[1]), dtype=np.float32)
        for feature, chosen in enumerate(strongest):
            if chosen:
                means[feature] = vectors[[row[window] for window in chosen]].mean(axis=0)
        return means @ self.vectors.T


def texts(windows: Windows, chosen: Sequence[int], vocabulary: Vocabulary) -> list[str]:
    """Return windows as text."""
    offsets, tokens = windows.offsets.tolist(), windows.tokens
    return ["".join(vocabulary.render(tokens[offsets[i] : offsets[i + 1]].tolist())) for i in chosen]
