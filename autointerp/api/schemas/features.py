"""A feature as the API shows it: a line in a list, or a page with its statistics and examples."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas import notebook
from autointerp.api.schemas.base import Shown, example
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import BINS_PER_OCTAVE, LOWEST_EXPONENT, Statistics, TokenCount, TokenLogit
from autointerp.storage.records import FeatureRow

SHOWN_TOKENS = 5
LINE: dict[str, Any] = {
    "id": 412,
    "sae_id": 1,
    "index": 411,
    "harvest_id": "0192f3aa7c51",
    "tokens": 1_000_000,
    "firings": 5_310,
    "density": 0.00531,
    "max": 14.25,
    "mean": 3.1,
    "top_tokens": [" import", "import"],
    "promoted": [" os", " sys"],
}
WINDOW: dict[str, Any] = {
    "context": 18,
    "document": "4611686018427387904",
    "start": 64,
    "peak": 1,
    "max": 14.25,
    "pieces": ["\n", "import", " os"],
    "activations": [0.0, 14.25, 0.5],
}


class Feature(Shown):
    """A feature of an SAE, with what one harvest measured of it."""

    model_config = example(**LINE)

    id: int
    sae_id: int
    index: int = Field(description="the column of the SAE")
    harvest_id: str
    tokens: int = Field(description="tokens that the harvest read")
    firings: int = Field(description="tokens on which the feature fires; 0: it is dead on this corpus")
    density: float = Field(description="firings / tokens")
    max: float
    mean: float = Field(description="the mean activation where it fires")
    top_tokens: list[str] = Field(description="the tokens it fires on most")
    promoted: list[str] = Field(description="the tokens its direction promotes most")

    @classmethod
    def of(cls, row: FeatureRow) -> Self:
        """Show a stored feature as a line of a list."""
        return cls(**_line(row))

    def __repr__(self) -> str:
        return notebook.line(self)


class Token(Shown):
    """A token that the feature fires on."""

    token: int
    piece: str
    count: int
    mean: float

    @classmethod
    def of(cls, token: TokenCount) -> Self:
        """Show a token count."""
        return cls(token=token.token, piece=token.piece, count=token.count, mean=token.mean)


class Logit(Shown):
    """A token that the feature's direction promotes or suppresses."""

    token: int
    piece: str
    logit: float

    @classmethod
    def of(cls, logit: TokenLogit) -> Self:
        """Show a token logit."""
        return cls(token=logit.token, piece=logit.piece, logit=logit.logit)


class Neighbour(Shown):
    """A feature of the same SAE that is like this one."""

    index: int = Field(description="the column of the SAE")
    cosine: float = Field(description="of the decoder directions")
    coactivation: float = Field(description="Jaccard similarity of the windows in which the two fire")


class Bin(Shown):
    """How many firings have an activation in [low, high)."""

    low: float
    high: float
    count: int


class Window(Shown):
    """A piece of one document, with the feature's activation at each token."""

    context: int = Field(description="row of the corpus")
    document: str = Field(description="hash of the document's id, 63 bits in decimal")
    start: int = Field(description="first position in the row")
    peak: int = Field(description="position in the window of the strongest token")
    max: float
    pieces: list[str] = Field(description="the tokens as text; joined, they are the text")
    activations: list[float]

    @classmethod
    def of(cls, window: Example) -> Self:
        """Show an example."""
        return cls(
            context=window.context,
            document=str(window.document),
            start=window.start,
            peak=window.peak,
            max=window.max,
            pieces=list(window.pieces),
            activations=list(window.activations),
        )


class ExampleGroup(Shown):
    """The examples of one split that were drawn for one reason."""

    split: Split
    kind: Kind
    index: int | None = Field(description="which interval or quantile, 0 the weakest; null for other kinds")
    examples: list[Window]


class FeaturePage(Feature):
    """A feature with all its statistics and its examples."""

    model_config = example(
        **LINE,
        token_counts=[{"token": 310, "piece": " import", "count": 4_100, "mean": 3.3}],
        promoted_logits=[{"token": 77, "piece": " os", "logit": 1.9}],
        suppressed_logits=[{"token": 12, "piece": " the", "logit": -1.1}],
        neighbours=[{"index": 977, "cosine": 0.61, "coactivation": 0.08}],
        histogram=[{"low": 1.0, "high": 1.189207115002721, "count": 310}],
        groups=[{"split": "explain", "kind": "top", "index": None, "examples": [WINDOW]}],
    )

    token_counts: list[Token] = Field(description="the tokens it fires on most, with counts")
    promoted_logits: list[Logit]
    suppressed_logits: list[Logit]
    neighbours: list[Neighbour] = Field(description="the nearest by direction, then the most co-active of the others")
    histogram: list[Bin] = Field(description="of activations, on log-spaced bins; empty bins are left out")
    groups: list[ExampleGroup] = Field(description="examples by split and group")

    @classmethod
    def with_examples(cls, row: FeatureRow, examples: Sequence[Example]) -> Self:
        """Show a stored feature with these examples."""
        statistics = row.record.statistics
        return cls(
            **_line(row),
            token_counts=[Token.of(token) for token in statistics.top_tokens],
            promoted_logits=[Logit.of(logit) for logit in statistics.promoted],
            suppressed_logits=[Logit.of(logit) for logit in statistics.suppressed],
            neighbours=[
                Neighbour(index=near.feature, cosine=near.cosine, coactivation=near.coactivation)
                for near in statistics.neighbours
            ],
            histogram=list(_bins(statistics)),
            groups=_groups(examples),
        )

    def _repr_html_(self) -> str:
        return notebook.html(self)


def _line(row: FeatureRow) -> dict[str, Any]:
    statistics = row.record.statistics
    return {
        "id": row.id,
        "sae_id": row.sae_id,
        "index": row.record.index,
        "harvest_id": row.harvest_id,
        "tokens": statistics.tokens,
        "firings": statistics.firings,
        "density": statistics.density,
        "max": statistics.max,
        "mean": statistics.mean,
        "top_tokens": [token.piece for token in statistics.top_tokens[:SHOWN_TOKENS]],
        "promoted": [logit.piece for logit in statistics.promoted[:SHOWN_TOKENS]],
    }


def _bins(statistics: Statistics) -> Iterable[Bin]:
    for b, count in enumerate(statistics.histogram):
        if count:
            yield Bin(low=_edge(b), high=_edge(b + 1), count=count)


def _edge(b: int) -> float:
    return 2.0 ** (LOWEST_EXPONENT + b / BINS_PER_OCTAVE)


def _groups(examples: Sequence[Example]) -> list[ExampleGroup]:
    found: dict[tuple[Split, Kind, int | None], list[Window]] = {}
    for window in examples:
        key = (window.split, window.group.kind, window.group.index)
        found.setdefault(key, []).append(Window.of(window))
    return [
        ExampleGroup(split=split, kind=kind, index=index, examples=windows)
        for (split, kind, index), windows in found.items()
    ]
