"""The pass itself: one shard of a corpus through the subject model and every SAE."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.harvest.pages import pages
from autointerp.harvest.rows import Firings, Page, find_firings
from autointerp.harvest.shard import Source, finished, shard_path, write_shard
from autointerp.harvest.state import State
from autointerp.subject.corpus import Corpus
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary

_MOST_TOKENS = 1 << 32  # what the cells of the exact sums hold


def harvest_shard(
    model: SubjectModel,
    saes: Sequence[Dictionary],
    corpus: Corpus,
    spec: HarvestSpec,
    *,
    shard: int,
    folder: Path,
    progress: Callable[[int], None],
) -> Path:
    """Harvest shard number `shard` of `spec.shards` into `folder`, or leave it when it is there already.

    `progress` is told how many tokens were read since it was last called.
    InvalidModel when the first batch has no finite activation, InvalidSpec when the folder holds another harvest.
    """
    source = Source(
        spec=spec.digest,
        corpus=corpus.fingerprint,
        saes=tuple(sae.fingerprint for sae in saes),
        features=tuple(sae.features for sae in saes),
        vocabulary=len(model.vocabulary.tokens),
        shard=shard,
        shards=spec.shards,
    )
    path = shard_path(folder, shard, spec.shards)
    if (found := finished(path, source)) is not None:
        progress(found.read)
        return path
    if corpus.tokens >= _MOST_TOKENS:
        raise InvalidSpec(f"a harvest reads fewer than {_MOST_TOKENS} tokens; lower `tokens`")
    state = State(spec, fingerprints=source.saes, features=source.features, vocabulary=source.vocabulary)
    read = 0
    for page, tokens in pages(corpus, spec, shard=shard):
        state.add(page, list(_firings(model, saes, page)))
        read += tokens
        progress(tokens)
    broken = tuple(sae.broken for sae in state.saes)
    write_shard(path, state.arrays(), source, read=read, broken=broken)
    return path


def _firings(model: SubjectModel, saes: Sequence[Dictionary], page: Page) -> Iterator[Firings]:
    """Read a page with the subject model, and yield the firings of each SAE."""
    tokens = torch.from_numpy(page.tokens.astype(np.int64)).reshape(-1, page.context)
    acts = model.read(tokens, tuple(dict.fromkeys(sae.hook for sae in saes)))
    for hook, act in acts.items():
        _check(act, hook, page)
    for sae in saes:
        yield find_firings(sae.encode(acts[sae.hook]).flatten(0, 1), page)


def _check(acts: Float[Tensor, "row pos width"], hook: str, page: Page) -> None:
    """Refuse a batch without one finite activation: the model or its weights are broken."""
    if page.readable.any() and not bool(torch.isfinite(acts).any()):
        raise InvalidModel(
            f"no activation at {hook} is finite from context {page.first} on; "
            "check the model's weights, or load it in float32"
        )
