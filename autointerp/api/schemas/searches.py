"""What a search of explanations found, as the API shows it."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import Shown, example, example_of
from autointerp.api.schemas.explanations import Explanation
from autointerp.api.schemas.inquiries import LINE, Inquiry, line
from autointerp.domain.inquiries import MeaningWanted
from autointerp.storage.inquiries import InquiryRecord
from autointerp.storage.searches import Hit as HitRecord

PIECES: list[dict[str, Any]] = [{"text": "names of ", "found": False}, {"text": "colours", "found": True}]

MEANING_EXAMPLE: dict[str, Any] = {"text": "words for colours", "sae_id": 1}


class Piece(Shown):
    """A piece of an explanation."""

    text: str
    found: bool = Field(description="whether it is one of the words that were looked for")


HIT: dict[str, Any] = {
    "explanation": example_of(Explanation),
    "sae_id": 1,
    "index": 411,
    "relevance": 0.82,
    "pieces": PIECES,
}


class Hit(Shown):
    """An explanation that was found."""

    model_config = example(**HIT)

    explanation: Explanation
    sae_id: int
    index: int = Field(description="of the feature: the column of the SAE")
    relevance: float = Field(
        description="the larger, the better it fits: by meaning the cosine similarity, by words comparable within one "
        "search only"
    )
    pieces: list[Piece] = Field(description="the explanation in pieces; joined, they are its text")

    @classmethod
    def of(cls, hit: HitRecord) -> Self:
        """Show a hit."""
        return cls(
            explanation=Explanation.of(hit.explanation),
            sae_id=hit.sae_id,
            index=hit.index,
            relevance=-hit.rank,
            pieces=[Piece(text=text, found=found) for text, found in hit.pieces],
        )


class Search(Inquiry):
    """Explanations by their meaning."""

    model_config = example(**LINE, asked=MeaningWanted(**MEANING_EXAMPLE).model_dump(mode="json"), result=[HIT])

    asked: MeaningWanted = Field(description="what was asked, with the embedding model that was chosen")
    result: list[Hit] | None = Field(description="the nearest first; null until the text is embedded")

    @classmethod
    def of(cls, record: InquiryRecord, hits: Sequence[HitRecord] | None) -> Self:
        """Show a search with what it found."""
        shown = None if hits is None else [Hit.of(hit) for hit in hits]
        return cls(**line(record), asked=MeaningWanted.model_validate(record.spec), result=shown)
