"""What models were asked and what they answered, as the API shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import WHEN, Shown, example
from autointerp.domain.inquiries import (
    ActivationsFound,
    ActivationsWanted,
    FeatureInText,
    SteeringFound,
    SteeringWanted,
    TokensFound,
    TokensWanted,
)
from autointerp.domain.steering import Mode
from autointerp.storage.inquiries import InquiryRecord, InquiryState
from autointerp.storage.records import ExplanationRecord

LINE: dict[str, Any] = {
    "id": "0192f3ab01d2",
    "state": "done",
    "error": None,
    "created_at": WHEN,
    "finished_at": WHEN,
    "expires_at": WHEN,
}
ACTIVATIONS_EXAMPLE: dict[str, Any] = {"sae_id": 1, "text": "import os", "features": [411]}
TOP_EXAMPLE: dict[str, Any] = {"harvest_id": "0192f3aa7c51", "text": "import os", "top": 10, "by": "peak"}
STEERING_EXAMPLE: dict[str, Any] = {
    "sae_id": 1,
    "text": "import",
    "features": [{"index": 411, "strength": 1.5}],
    "length": 2,
}
KL_EXAMPLE: dict[str, Any] = {**STEERING_EXAMPLE, "kl": 1.0}
TOKENS_EXAMPLE: dict[str, Any] = {"model_id": 1, "text": "import os"}
IDS_EXAMPLE: dict[str, Any] = {"model_id": 1, "tokens": [310, 77]}


class Inquiry(Shown):
    """A question to a subject model; its answer is kept until `expires_at`, and shared with whoever asks the same."""

    id: str
    state: InquiryState = Field(description="refused: it cannot be answered as it was put; failed: something broke")
    error: str | None = Field(description="why it was refused or failed")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime


class Claim(Shown):
    """The newest explanation of a feature."""

    id: int
    explainer: str
    text: str


class FeatureOnText(Shown):
    """One feature over a text."""

    feature_id: int | None = Field(description="null: the harvest did not store the feature")
    index: int = Field(description="the column of the SAE")
    peak: float = Field(description="the largest activation")
    position: int | None = Field(description="of the token with the largest activation; null: the feature is silent")
    mean: float = Field(description="over the tokens at which the harvest counts activations")
    activations: list[float] | None = Field(description="at each token; null for features that were found by `top`")
    explanation: Claim | None = Field(description="the newest one from this harvest's examples")


FEATURE: dict[str, Any] = {
    "feature_id": 412,
    "index": 411,
    "peak": 14.25,
    "position": 0,
    "mean": 7.375,
    "activations": [14.25, 0.5],
    "explanation": {"id": 7, "explainer": "default", "text": "imports of modules"},
}
FOUND: dict[str, Any] = {"tokens": [310, 77], "pieces": ["import", " os"]}


class TextActivations(Shown):
    """A text in pieces, one a token, and what features do on it."""

    model_config = example(**FOUND, features=[FEATURE])

    tokens: list[int]
    pieces: list[str] = Field(description="the tokens as text; joined, they are the text")
    features: list[FeatureOnText] = Field(description="in the order asked, or the largest first")


class Activations(Inquiry):
    """Where features fire in a text."""

    model_config = example(
        **LINE,
        asked=ActivationsWanted(harvest_id="0192f3aa7c51", **ACTIVATIONS_EXAMPLE).model_dump(mode="json"),
        result={**FOUND, "features": [FEATURE]},
    )

    asked: ActivationsWanted = Field(description="what was asked, with the harvest and the SAE that were chosen")
    result: TextActivations | None = Field(description="null until it is done")

    @classmethod
    def of(cls, record: InquiryRecord, ids: Mapping[int, int], claims: Mapping[int, ExplanationRecord]) -> Self:
        """Show an inquiry with the ids of the features by index, and explanations by id of the feature."""
        found = None if record.result is None else ActivationsFound.model_validate(record.result)
        result = None
        if found is not None:
            shown = [_feature(one, ids.get(one.index), claims) for one in found.features]
            result = TextActivations(tokens=list(found.tokens), pieces=list(found.pieces), features=shown)
        return cls(**line(record), asked=ActivationsWanted.model_validate(record.spec), result=result)


class Change(Shown):
    """How a feature was changed."""

    index: int = Field(description="the column of the SAE")
    mode: Mode
    strength: float = Field(description="in units of the feature's activation")


CONTINUED: dict[str, Any] = {
    "prompt": ["import"],
    "clean": [" os", "\n"],
    "steered": [" sys", "\n"],
    "kl": 0.8,
    "changes": [{"index": 411, "mode": "add", "strength": 21.375}],
}


class Continuations(Shown):
    """What the clean model writes and what the steered one does, in pieces, one a token."""

    model_config = example(**CONTINUED)

    prompt: list[str]
    clean: list[str]
    steered: list[str]
    kl: float = Field(description="KL(steered ‖ clean) of the next token's distribution after the prompt, in nats")
    changes: list[Change]


class Steering(Inquiry):
    """How a model goes on with a text when features are changed."""

    model_config = example(
        **LINE,
        asked=SteeringWanted(harvest_id="0192f3aa7c51", **STEERING_EXAMPLE).model_dump(mode="json"),
        result=CONTINUED,
    )

    asked: SteeringWanted = Field(description="what was asked, with the harvest and the SAE that were chosen")
    result: Continuations | None = Field(description="null until it is done")

    @classmethod
    def of(cls, record: InquiryRecord) -> Self:
        """Show an inquiry."""
        result = None
        if record.result is not None:
            found = SteeringFound.model_validate(record.result)
            result = Continuations.model_validate(found.model_dump())
        return cls(**line(record), asked=SteeringWanted.model_validate(record.spec), result=result)


class TextTokens(Shown):
    """Token ids with their pieces of text."""

    model_config = example(**FOUND)

    tokens: list[int]
    pieces: list[str] = Field(description="the tokens as text; joined, they are the text")


class Tokens(Inquiry):
    """The tokens of a text, or the text of tokens."""

    model_config = example(**LINE, asked=TokensWanted(**TOKENS_EXAMPLE).model_dump(mode="json"), result=FOUND)

    asked: TokensWanted
    result: TextTokens | None = Field(description="null until it is done")

    @classmethod
    def of(cls, record: InquiryRecord) -> Self:
        """Show an inquiry."""
        result = None
        if record.result is not None:
            found = TokensFound.model_validate(record.result)
            result = TextTokens(tokens=list(found.tokens), pieces=list(found.pieces))
        return cls(**line(record), asked=TokensWanted.model_validate(record.spec), result=result)


def _feature(found: FeatureInText, feature_id: int | None, claims: Mapping[int, ExplanationRecord]) -> FeatureOnText:
    claim = None if feature_id is None else claims.get(feature_id)
    return FeatureOnText(
        feature_id=feature_id,
        index=found.index,
        peak=found.peak,
        position=found.position,
        mean=found.mean,
        activations=None if found.activations is None else list(found.activations),
        explanation=claim and Claim(id=claim.id, explainer=claim.explainer, text=claim.explanation.text),
    )


def line(record: InquiryRecord) -> dict[str, Any]:
    """What every inquiry shows."""
    return {
        "id": record.id,
        "state": record.state,
        "error": record.error,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "expires_at": record.expires_at,
    }
