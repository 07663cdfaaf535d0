"""Inquiries: small questions to a subject model, which a worker answers while somebody waits."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from autointerp.domain.specs import MOST, MOST_INDEX, Spec

TokenId = Annotated[int, Field(ge=0, le=MOST_INDEX)]
Index = Annotated[int, Field(ge=0, le=MOST_INDEX)]
Text = Annotated[str, Field(min_length=1, max_length=1_000_000)]
Tokens = Annotated[tuple[TokenId, ...], Field(min_length=1, max_length=1_000_000)]


class InquiryKind(StrEnum):
    """What is asked of a model."""

    ACTIVATIONS = "activations"
    TOKENS = "tokens"


class InquiryLimits(Spec):
    """How much one inquiry may ask; times in seconds.

    `characters` and `tokens` are those of one text, `features` how many one inquiry may name or find. `wait` is how
    long a request may be kept open for its answer, and `keep` how long an answer is kept and shared.
    """

    characters: int = Field(default=20_000, ge=1)
    tokens: int = Field(default=2_048, ge=1)
    features: int = Field(default=100, ge=1)
    wait: float = Field(default=30.0, ge=0)
    keep: float = Field(default=3_600.0, gt=0)


class ActivationsWanted(Spec):
    """Where features fire in a text: those named, or the `top` ones with the largest peak or mean over the text.

    The text is read as a row of the harvest's corpus is: after a BOS token, where the harvest put one.
    """

    harvest_id: str | None = Field(
        default=None, description="as this harvest reads; the SAE's newest finished one if not given"
    )
    sae_id: int | None = Field(
        default=None, ge=1, le=MOST, description="needed where the harvest has several SAEs, or none is named"
    )
    text: Text | None = None
    tokens: Tokens | None = Field(default=None, description="token ids in place of the text")
    features: Annotated[tuple[Index, ...], Field(min_length=1)] | None = Field(
        default=None, description="the features to show at every token"
    )
    top: int | None = Field(default=None, ge=1, description="find so many features, the largest first")
    by: Literal["peak", "mean"] = Field(default="peak", description="what the top ones are chosen by")

    @model_validator(mode="after")
    def _one_of_each(self) -> "ActivationsWanted":
        _either(self.text, self.tokens, "text", "tokens")
        _either(self.features, self.top, "features", "top")
        if self.features is not None and len(set(self.features)) < len(self.features):
            raise ValueError("features names the same feature twice; name each one once")
        return self


class TokensWanted(Spec):
    """The tokens of a text, or the text of token ids, by the tokenizer of a model that was harvested."""

    harvest_id: str | None = Field(default=None, description="the model of this harvest")
    model_id: int | None = Field(default=None, ge=1, le=MOST)
    text: Text | None = None
    tokens: Tokens | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> "TokensWanted":
        _either(self.harvest_id, self.model_id, "harvest_id", "model_id")
        _either(self.text, self.tokens, "text", "tokens")
        return self


class FeatureInText(Spec):
    """One feature over a text: its largest activation and where that is, and its mean over the tokens that count.

    `position` is None where the feature is silent; `activations` are left out where the feature was found, not named.
    """

    index: int
    peak: float
    position: int | None
    mean: float
    activations: tuple[float, ...] | None


class ActivationsFound(Spec):
    """A text in pieces, one a token, and what features do on it."""

    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    features: tuple[FeatureInText, ...]


class TokensFound(Spec):
    """Token ids with their pieces of text; joined, the pieces are the text."""

    tokens: tuple[int, ...]
    pieces: tuple[str, ...]


def _either(first: object, second: object, name: str, other: str) -> None:
    if (first is None) == (second is None):
        raise ValueError(f"give either {name} or {other}")
