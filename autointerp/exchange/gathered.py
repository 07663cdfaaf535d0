"""The examples of others, gathered for each feature in little memory, as rows of an archive."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autointerp.domain import archived
from autointerp.domain.examples import Split

LARGEST = 65_504.0  # the largest float16


@dataclass(frozen=True, slots=True)
class Shown:
    """One text with a feature's activation at each token, and the group that it was drawn for.

    `place` is (context, document, start).
    """

    split: Split
    group: str
    place: tuple[int, int, int]
    peak: int
    tokens: NDArray[np.int32]
    activations: NDArray[np.float16]

    @classmethod
    def of(
        cls,
        numbers: Mapping[str, int],
        pieces: Sequence[str],
        activations: Sequence[float],
        *,
        split: Split,
        group: str,
        place: tuple[int, int, int],
        peak: int,
    ) -> "Shown":
        """Pack a text; activations are kept in half precision, as those of our own harvests."""
        values = np.clip(np.array(activations, np.float64), -LARGEST, LARGEST).astype(np.float16)
        tokens = np.array([numbers[text_of(piece)] for piece in pieces], np.int32)
        return cls(split=split, group=group, place=place, peak=peak, tokens=tokens, activations=values)


@dataclass(slots=True)
class Gathered:
    """Texts by feature and split; one that was drawn for several groups is kept once."""

    _texts: dict[tuple[int, Split], dict[tuple[int, int], Shown]] = field(
        default_factory=dict[tuple[int, Split], dict[tuple[int, int], Shown]]
    )
    _members: dict[tuple[int, Split], list[tuple[tuple[int, int], str]]] = field(
        default_factory=dict[tuple[int, Split], list[tuple[tuple[int, int], str]]]
    )

    def add(self, index: int, shown: Shown) -> None:
        """Add a text of a feature."""
        window = shown.place[0], shown.place[2]
        self._texts.setdefault((index, shown.split), {}).setdefault(window, shown)
        self._members.setdefault((index, shown.split), []).append((window, shown.group))

    @property
    def indices(self) -> set[int]:
        """The features that have a text."""
        return {index for index, _ in self._texts}

    def rows(self, harvest: str, sae: str) -> Iterator[archived.ArchivedExamples]:
        """The rows, feature by feature."""
        for (index, split), texts in self._texts.items():
            order = {window: i for i, window in enumerate(texts)}
            members = self._members[index, split]
            shown = list(texts.values())
            yield archived.ArchivedExamples(
                harvest=harvest,
                sae=sae,
                index=index,
                split=split,
                context=[one.place[0] for one in shown],
                document=[one.place[1] for one in shown],
                start=[one.place[2] for one in shown],
                offsets=[0, *np.cumsum([len(one.tokens) for one in shown]).tolist()],
                tokens=np.concatenate([one.tokens for one in shown]).tolist(),
                peak=[one.peak for one in shown],
                activations=np.concatenate([one.activations for one in shown]).astype(float).tolist(),
                member_window=[order[window] for window, _ in members],
                member_group=[group for _, group in members],
                silent_pool=[],
                silent_group=[],
                fired_pool=None,
            )


def text_of(piece: str) -> str:
    """A token's text as a vocabulary keeps it: half of a character that JSON tore apart becomes a question mark."""
    return piece.encode(errors="replace").decode()
