"""Documents as one stream of tokens, and the stream as rows of one length."""

from collections.abc import Iterable

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase


def stream(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> Int[Tensor, "token"]:
    """Encode `texts` one after the other, each behind a boundary token."""
    boundary = boundary_of(tokenizer)
    pieces: list[int] = []
    for text in texts:
        pieces += [boundary, *tokenizer.encode(text, add_special_tokens=False, verbose=False)]
    return torch.tensor(pieces)


def rows(tokens: Int[Tensor, "token"], *, length: int, offset: int) -> Int[Tensor, "row pos"]:
    """Cut `tokens` into rows of `length`, starting at `offset`; the unfinished last row is left out."""
    count = (len(tokens) - offset) // length
    return tokens[offset : offset + count * length].view(count, length)


def contexts(tokens: Int[Tensor, "token"], *, length: int, boundary: int) -> Int[Tensor, "row pos"]:
    """Cut `tokens` into contexts of `length` whose first token is `boundary`."""
    body = rows(tokens, length=length - 1, offset=0)
    start = torch.full((len(body), 1), boundary)
    return torch.cat([start, body], dim=1)


def boundary_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Give the id of the token that stands before every document."""
    boundary = tokenizer.bos_token_id
    if not isinstance(boundary, int):
        raise TypeError("the demo tokenizer has no boundary token")
    return boundary
