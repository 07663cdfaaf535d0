"""Activations at one hook point over a corpus, a few rows at a time, for what is fitted to them."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from autointerp.subject.corpus import Corpus
from autointerp.subject.model import SubjectModel

ROWS = 16  # of the corpus in one forward pass

Chunk = Float[ndarray, "token width"]


def activations(model: SubjectModel, corpus: Corpus, hook: str) -> Iterator[Chunk]:
    """Yield the activations of the tokens of the corpus in their order, in float64.

    Special tokens and padding are left out, and tokens with an activation that is NaN or infinite.
    """
    first = 0
    while len((rows := corpus.block(first, ROWS)).tokens):
        acts = model.read(torch.from_numpy(rows.tokens.astype(np.int64)), [hook])[hook]
        chosen = acts[torch.from_numpy(rows.valid).to(acts.device)].float().cpu().numpy().astype(np.float64)
        yield chosen[np.isfinite(chosen).all(axis=1)]
        first += ROWS


def gathered(chunks: Iterable[Chunk], size: int) -> Iterator[Chunk]:
    """Yield the same tokens in chunks of at least `size`; in one smaller chunk where there are fewer in all."""
    ready: list[Chunk] = []
    waiting: list[Chunk] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(map(len, waiting)) >= size:
            if ready:
                yield ready[0]
            ready, waiting = [np.concatenate(waiting)], []
    if ready or waiting:
        yield np.concatenate([*ready, *waiting])


def sampled(chunks: Iterable[Chunk], count: int, rng: np.random.Generator) -> Chunk:
    """Draw `count` tokens uniformly without replacement, all where there are fewer, with at most twice as many held.

    Each token gets a random key, and those with the smallest keys are kept (bottom-k sampling).
    """
    kept: list[Chunk] = []
    keys: list[Float[ndarray, "token"]] = []
    for chunk in chunks:
        kept.append(chunk)
        keys.append(rng.random(len(chunk)))
        if sum(map(len, kept)) > 2 * count:
            kept, keys = ([part] for part in _smallest(kept, keys, count))
    return _smallest(kept, keys, count)[0]


def _smallest(
    kept: list[Chunk], keys: list[Float[ndarray, "token"]], count: int
) -> tuple[Chunk, Float[ndarray, "token"]]:
    order = np.concatenate(keys)
    least = np.argsort(order, kind="stable")[:count]
    return np.concatenate(kept)[least], order[least]
