"""What a search of explanations found, as the API shows it."""

from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import Shown, example
from autointerp.api.schemas.explanations import Explanation
from autointerp.storage.searches import Hit as HitRecord

PIECES: list[dict[str, Any]] = [{"text": "names of ", "found": False}, {"text": "colours", "found": True}]


class Piece(Shown):
    """A piece of an explanation."""

    text: str
    found: bool = Field(description="whether it is one of the words that were looked for")


class Hit(Shown):
    """An explanation that was found."""

    model_config = example(
        explanation=Explanation.model_config["json_schema_extra"]["examples"][0],  # pyright: ignore
        sae_id=1,
        index=411,
        relevance=4.2,
        pieces=PIECES,
    )

    explanation: Explanation
    sae_id: int
    index: int = Field(description="of the feature: the column of the SAE")
    relevance: float = Field(description="the larger, the better it fits; compare it within one search only")
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
