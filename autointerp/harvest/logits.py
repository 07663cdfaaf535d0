"""The tokens that features promote and suppress, read off their directions through the unembedding."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from autointerp.domain.features import TokenLogit
from autointerp.domain.vocabulary import Vocabulary

Pair = tuple[tuple[TokenLogit, ...], tuple[TokenLogit, ...]]


def token_logits(
    unembedding: Float[Tensor, "vocab width"],
    directions: Float[Tensor, "feature width"],
    vocabulary: Vocabulary,
    pieces: Sequence[str],
    k: int,
) -> Iterator[Pair]:
    """Yield for each feature the `k` tokens with the highest logits, highest first, and the `k` with the lowest,
    lowest first; `pieces` is each token's text.

    The logits are `unembedding @ direction`, without the norm's scale, which depends on the token; special tokens, and
    rows of the unembedding that stand for no token, are left out.
    """
    known = min(len(vocabulary.tokens), len(unembedding))
    normal = torch.tensor([t for t in range(known) if t not in vocabulary.special], device=unembedding.device)
    logits = directions.to(unembedding) @ unembedding[normal].T
    k = min(k, len(normal))
    high, low = logits.topk(k), logits.topk(k, largest=False)
    for pair in zip(high.values, normal[high.indices], low.values, normal[low.indices], strict=True):
        most, at_most, least, at_least = (part.tolist() for part in pair)
        yield _named(at_most, most, pieces), _named(at_least, least, pieces)


def _named(tokens: list[int], logits: list[float], pieces: Sequence[str]) -> tuple[TokenLogit, ...]:
    return tuple(
        TokenLogit(token=token, piece=pieces[token], logit=logit) for token, logit in zip(tokens, logits, strict=True)
    )
