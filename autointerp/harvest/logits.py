"""The tokens that features promote and suppress, read off their directions through the unembedding."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.domain.vocabulary import Vocabulary
from autointerp.harvest.largest import largest


@dataclass(frozen=True, eq=False, slots=True)
class TokenLogits:
    """The tokens with the highest and with the lowest logits of some features, a row each, the most extreme first."""

    promoted: NDArray[np.int32]  # (feature, k)
    promoted_logit: NDArray[np.float32]
    suppressed: NDArray[np.int32]
    suppressed_logit: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Unembedding:
    """The part of the unembedding that stands for ordinary tokens."""

    tokens: NDArray[np.int32]
    weight: Float[Tensor, "token width"]

    @classmethod
    def of(cls, weight: Float[Tensor, "vocab width"], vocabulary: Vocabulary) -> "Unembedding":
        """Leave out special tokens, and rows of `weight` that stand for no token."""
        known = min(len(vocabulary.tokens), len(weight))
        tokens = np.array([t for t in range(known) if t not in vocabulary.special], dtype=np.int32)
        return cls(tokens, weight[torch.from_numpy(tokens).long().to(weight.device)])

    def extremes(self, directions: Float[Tensor, "feature width"], k: int) -> TokenLogits:
        """Return the `k` tokens that each direction promotes most, and the `k` that it suppresses most.

        The logits are `unembedding @ direction`, without the norm's scale, which depends on the token. Directions of
        width 0, which do not write to the residual stream, promote none.
        """
        written = directions.shape[1] > 0
        logits = directions.to(self.weight) @ (self.weight if written else self.weight[:, :0]).T
        k = min(k, len(self.tokens)) if written else 0
        high, most = largest(logits, k)
        low, least = largest(-logits, k)
        return TokenLogits(self.tokens[high], most, self.tokens[low], -least)
