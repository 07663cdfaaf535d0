"""Inquiries: small questions to a subject model, which a worker answers while somebody waits."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from autointerp.domain.specs import MOST, MOST_INDEX, Spec
from autointerp.domain.steering import Mode

TokenId = Annotated[int, Field(ge=0, le=MOST_INDEX)]
Index = Annotated[int, Field(ge=0, le=MOST_INDEX)]
Text = Annotated[str, Field(min_length=1, max_length=1_000_000)]
Tokens = Annotated[tuple[TokenId, ...], Field(min_length=1, max_length=1_000_000)]


class InquiryKind(StrEnum):
    """What is asked of a model."""

    ACTIVATIONS = "activations"
    TOKENS = "tokens"
    STEERING = "steering"
    MEANING = "meaning"


class InquiryLimits(Spec):
    """How much one inquiry may ask; times in seconds.

    `characters` and `tokens` are those of one text, `features` how many one inquiry may name or find. To steer,
    `steered` features may be changed at once and `generated` tokens be written, and `steering` requests may wait at
    the same time. `wait` is how long a request may be kept open for its answer, and `keep` how long an answer is kept
    and shared.
    """

    characters: int = Field(default=20_000, ge=1)
    tokens: int = Field(default=2_048, ge=1)
    features: int = Field(default=100, ge=1)
    steered: int = Field(default=10, ge=1)
    generated: int = Field(default=256, ge=1)
    steering: int = Field(default=8, ge=1)
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


class SteeredFeature(Spec):
    """A feature to change; `strength` is a multiple of its strongest activation in the harvest, ignored to ablate."""

    index: Index
    strength: float = Field(default=1.0, ge=-1_000, le=1_000, allow_inf_nan=False)
    mode: Mode = Field(default=Mode.ADD, description="its direction added, its activation set to a value, or to zero")


class SteeringWanted(Spec):
    """A text to go on with, once by the clean model and once with features changed, by the same random numbers.

    The features are changed at the text's last token and at every one that is written. With `kl` the strengths are
    scaled, all by the same factor, so that the next token's distribution diverges by so many nats from the clean one.
    """

    harvest_id: str | None = Field(default=None, description="the SAE's newest finished one if not given")
    sae_id: int | None = Field(
        default=None, ge=1, le=MOST, description="needed where the harvest has several SAEs, or none is named"
    )
    text: Text | None = None
    tokens: Tokens | None = Field(default=None, description="token ids in place of the text")
    features: tuple[SteeredFeature, ...] = Field(min_length=1)
    kl: float | None = Field(default=None, gt=0, le=100, description="of the next token, met within 5 %")
    length: int = Field(default=32, ge=1, description="tokens to write")
    temperature: float = Field(default=1.0, ge=0, le=10, allow_inf_nan=False, description="0: the likeliest token")
    seed: int = Field(default=0, ge=0, le=MOST)

    @model_validator(mode="after")
    def _consistent(self) -> "SteeringWanted":
        _either(self.text, self.tokens, "text", "tokens")
        if len({one.index for one in self.features}) < len(self.features):
            raise ValueError("features names the same feature twice; name each one once")
        if self.kl is not None and any(one.mode is not Mode.ADD or one.strength == 0 for one in self.features):
            raise ValueError("with kl every feature must be added, with a strength that is not 0")
        return self


class MeaningWanted(Spec):
    """Explanations that mean what a text says, whatever their words; filters that are not given let any pass.

    Vectors of texts come from the sentence-embedding model that a harvest names (`embedder`). Where explanations have
    vectors by several models, say whose: by `embedder`, or by `harvest_id`.
    """

    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    embedder: str | None = Field(default=None, min_length=1, max_length=300)
    model_id: int | None = Field(default=None, ge=1, le=MOST)
    sae_id: int | None = Field(default=None, ge=1, le=MOST)
    harvest_id: str | None = Field(default=None, description="from the examples of this harvest")
    explainer: str | None = Field(default=None, max_length=200)
    scorer: str | None = Field(default=None, max_length=200, description="scored by this scorer")
    min_score: float | None = Field(
        default=None, allow_inf_nan=False, description="with such a score by the scorer, or by any"
    )
    limit: int = Field(default=20, ge=1, le=200, description="so many at most, the nearest first")


class MeaningFound(Spec):
    """A text as a unit vector."""

    vector: tuple[float, ...]


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


class ChangeMade(Spec):
    """How a feature was changed; `strength` is in units of its activation."""

    index: int
    mode: Mode
    strength: float


class SteeringFound(Spec):
    """Two continuations of a prompt, in pieces, and KL(steered ‖ clean) of the next token's distribution, in nats."""

    prompt: tuple[str, ...]
    clean: tuple[str, ...]
    steered: tuple[str, ...]
    kl: float
    changes: tuple[ChangeMade, ...]


class TokensFound(Spec):
    """Token ids with their pieces of text; joined, the pieces are the text."""

    tokens: tuple[int, ...]
    pieces: tuple[str, ...]


def _either(first: object, second: object, name: str, other: str) -> None:
    if (first is None) == (second is None):
        raise ValueError(f"give either {name} or {other}")
