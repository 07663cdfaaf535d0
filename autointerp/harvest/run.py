"""The pass itself: one shard of a corpus through the subject model and every SAE."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidSpec
from autointerp.harvest.heap import Heap
from autointerp.harvest.location import Location
from autointerp.harvest.pages import pages
from autointerp.harvest.reading import Reader
from autointerp.harvest.shard import Source, finished, shard_path, write_shard
from autointerp.harvest.state import State
from autointerp.subject.corpus import Corpus
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary

_log = logging.getLogger(__name__)


def harvest_shard(
    model: SubjectModel,
    saes: Sequence[Dictionary],
    corpus: Corpus,
    spec: HarvestSpec,
    *,
    shard: int,
    folder: Location,
    progress: Callable[[int], None],
) -> Location:
    """Harvest shard number `shard` of `spec.shards` into `folder`, or leave it when it is there already.

    `progress` is told how many tokens were read since it was last called.
    InvalidModel when the first batch has no finite activation, InvalidSpec when the folder holds another harvest, or a
    token to be skipped is none.
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
    if (unknown := max(spec.skip_tokens, default=0)) >= source.vocabulary:
        raise InvalidSpec(f"skip_tokens names {unknown}, and the model's vocabulary has {source.vocabulary:,} tokens")
    state = State(spec, fingerprints=source.saes, features=source.features, vocabulary=source.vocabulary)
    read = 0
    reader, heap = Reader(model, saes, rows=spec.batch), Heap()
    layers = model.compiled() if spec.compile else nullcontext()
    with layers, ThreadPoolExecutor(1, thread_name_prefix="accumulate") as behind:
        added: Future[Any] = behind.submit(int)
        for page, tokens in pages(corpus, spec, shard=shard):
            firings = reader.read(page)
            # What the last page gave is accumulated while this one is read; one at a time, so that memory is bounded.
            added.result()
            heap.tidy()
            added = behind.submit(state.add, page, firings)
            read += tokens
            progress(tokens)
        added.result()
    _tell_broken(saes, state)
    broken = tuple(sae.broken.count for sae in state.saes)
    write_shard(path, state.arrays(), source, read=read, broken=broken)
    return path


def _tell_broken(saes: Sequence[Dictionary], state: State) -> None:
    for sae, of_sae in zip(saes, state.saes, strict=True):
        if of_sae.broken.count:
            _log.warning(
                "%d activations of %s at %s were NaN or infinite, first in contexts %s; they are left out",
                of_sae.broken.count,
                sae.name,
                sae.hook,
                ", ".join(map(str, of_sae.broken.contexts)),
            )
