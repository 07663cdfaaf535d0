"""What the async half may ask of a local model: text with a feature changed, and vectors of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Mode(StrEnum):
    """How a feature is changed: its direction added, its activation set to a value, or set to zero."""

    ADD = "add"
    CLAMP = "clamp"
    ABLATE = "ablate"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one feature; `strength` is in units of the feature's activation and ignored when ablating."""

    feature: int
    mode: Mode
    strength: float


@dataclass(frozen=True, slots=True)
class Steered:
    """A continuation of one prompt, in pieces, and KL(changed ‖ clean) of the first token's distribution, in nats."""

    pieces: tuple[str, ...]
    kl: float


class Steer(Protocol):
    """Generates with a feature of one SAE changed, at the prompt's last token and every generated one."""

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        """KL(changed ‖ clean) of the next-token distribution after each prompt of token ids, in nats."""
        ...

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        """Continue each prompt by `tokens` tokens; `change` None: the clean model."""
        ...


class Embed(Protocol):
    """Turns texts to unit vectors, so that a dot product is a cosine similarity."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dimensions)."""
        ...
