"""Examples: windows of the corpus with a feature's activation at each token."""

from dataclasses import dataclass
from enum import StrEnum


class Split(StrEnum):
    """What a document may be used for; every document belongs to exactly one."""

    EXPLAIN = "explain"
    VALIDATION = "validation"
    SCORE = "score"


class Kind(StrEnum):
    """How an example was chosen."""

    TOP = "top"
    INTERVAL = "interval"
    QUANTILE = "quantile"
    RANDOM = "random"
    SAME_TOKEN = "same_token"
    NEIGHBOUR = "neighbour"
    SIMILAR_TEXT = "similar_text"
    RETRIEVED = "retrieved"  # found by an explanation, whether the feature fires in it or not
    PROMOTED = "promoted"  # no window: a token of the vocabulary, asked about for its logit

    @property
    def silent(self) -> bool:
        """Whether the feature is silent at every token of such an example."""
        return self in SILENT


SILENT = (Kind.RANDOM, Kind.SAME_TOKEN, Kind.NEIGHBOUR, Kind.SIMILAR_TEXT)


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """The group an example was drawn for: `top`, `interval 3`, `quantile 0`, `random`, …

    Intervals and quantiles are numbered from the weakest (0) to the strongest.
    """

    kind: Kind
    index: int | None = None

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind} {self.index}"

    @classmethod
    def parse(cls, text: str) -> "Group":
        """Read what `str(group)` wrote."""
        kind, _, index = text.partition(" ")
        return cls(Kind(kind), int(index) if index else None)


@dataclass(frozen=True, slots=True)
class Example:
    """A window of one document, with a feature's activation at each token.

    `context` is the row number in the corpus and `start` the window's first position in that row; `document` is
    the stable 63-bit hash of the document's id. `peak` is the index in the window of the strongest token (of an
    arbitrary one in a silent window). `"".join(pieces)` is the window's text.
    """

    split: Split
    group: Group
    context: int
    document: int
    start: int
    peak: int
    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    activations: tuple[float, ...]

    @property
    def text(self) -> str:
        """The window as running text."""
        return "".join(self.pieces)

    @property
    def max(self) -> float:
        """The strongest activation in the window; 0 when it is silent."""
        return max(self.activations, default=0.0)

    @property
    def silent(self) -> bool:
        """Whether the feature is silent at every token."""
        return self.group.kind.silent

    @property
    def window(self) -> tuple[int, int]:
        """What makes two examples the same window: the row and the first position."""
        return self.context, self.start
