"""Features and what a harvest measured of them."""

from dataclasses import dataclass

BINS_PER_OCTAVE = 4
LOWEST_EXPONENT = -20
HIGHEST_EXPONENT = 20
BINS = (HIGHEST_EXPONENT - LOWEST_EXPONENT) * BINS_PER_OCTAVE


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A token on which the feature fires: its text, how often, and with what mean activation."""

    token: int
    piece: str
    count: int
    mean: float


@dataclass(frozen=True, slots=True)
class TokenLogit:
    """A token that the feature's decoder direction promotes (or suppresses) through the unembedding."""

    token: int
    piece: str
    logit: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A feature of the same SAE that is like this one, by its direction or by firing in the same windows.

    `cosine` is that of the decoder directions, `coactivation` the Jaccard similarity of the two sets of the pool's
    windows in which the features fire.
    """

    feature: int
    cosine: float
    coactivation: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Exact statistics of one feature over the tokens of one harvest (special tokens excluded).

    `histogram[b]` counts the firings with activation in [2**(LOWEST_EXPONENT + b/4), 2**(LOWEST_EXPONENT + (b+1)/4));
    the first and last bins hold what lies beyond. `sum` and `sum_of_squares` are over the firings. `neighbours` are the
    nearest features by direction, nearest first, then those by co-activation that are not among them.
    """

    tokens: int
    firings: int
    sum: float
    sum_of_squares: float
    max: float
    histogram: tuple[int, ...]
    top_tokens: tuple[TokenCount, ...]
    promoted: tuple[TokenLogit, ...]
    suppressed: tuple[TokenLogit, ...]
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def density(self) -> float:
        """The share of tokens on which the feature fires."""
        return self.firings / self.tokens if self.tokens else 0.0

    @property
    def mean(self) -> float:
        """The mean activation where the feature fires; 0 for a dead feature."""
        return self.sum / self.firings if self.firings else 0.0


@dataclass(frozen=True, slots=True)
class FeatureRecord:
    """One feature of one SAE as a harvest saw it; `sae` is the SAE's fingerprint."""

    sae: str
    index: int
    statistics: Statistics

    @property
    def name(self) -> str:
        """A short name for messages and seeds."""
        return f"{self.sae[:12]}/{self.index}"
