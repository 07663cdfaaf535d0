"""Short stretches of windows around the token that matters, each text once."""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.examples import Example, Kind
from autointerp.domain.features import TokenCount


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of an example's window."""

    example: Example
    start: int
    stop: int

    @property
    def tokens(self) -> tuple[int, ...]:
        """The ids of its tokens."""
        return self.example.tokens[self.start : self.stop]

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text of its tokens."""
        return self.example.pieces[self.start : self.stop]

    @property
    def activations(self) -> tuple[float, ...]:
        """The activation at each of its tokens."""
        return self.example.activations[self.start : self.stop]


def stretches(examples: Sequence[Example], *, around: int, top_tokens: Sequence[TokenCount]) -> tuple[Stretch, ...]:
    """Cut each example to `around` tokens on either side of its centre; of equal ones the first is kept.

    The centre is the peak, wherever it stands in the window. Where the feature is silent there is none; if the window
    holds a token on which the feature fires elsewhere (`top_tokens`, most frequent first), that token takes its
    place. Near an end the stretch moves inwards, so that it keeps its length.
    """
    found: dict[tuple[int, ...], Stretch] = {}
    for example in examples:
        stretch = _cut(example, _centre(example, top_tokens), around)
        found.setdefault(stretch.tokens, stretch)
    return tuple(found.values())


def _cut(example: Example, centre: int, around: int) -> Stretch:
    length = len(example.tokens)
    start = max(0, min(centre - around, length - (2 * around + 1)))
    return Stretch(example, start, min(length, start + 2 * around + 1))


def _centre(example: Example, top_tokens: Sequence[TokenCount]) -> int:
    if example.group.kind is Kind.SAME_TOKEN:
        for top in top_tokens:
            if top.token in example.tokens:
                return example.tokens.index(top.token)
    return example.peak
