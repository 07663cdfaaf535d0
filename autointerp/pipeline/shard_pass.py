"""One shard's pass over the corpus, in the thread of the device."""

import time
from collections.abc import Callable

import numpy as np

from autointerp.domain.specs import HarvestSpec, SaeSpec
from autointerp.errors import InvalidCorpus, InvalidSpec
from autointerp.harvest.run import harvest_shard
from autointerp.harvest.shard import shard_path
from autointerp.harvest.split import SPLITS, split_of
from autointerp.pipeline.device import Halted
from autointerp.pipeline.shards import Note, ShardFolder
from autointerp.pipeline.subjects import Subject, Subjects
from autointerp.storage import harvests, models, saes
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.records import HarvestRecord
from autointerp.subject.corpus import Corpus
from autointerp.subject.sae import Dictionary

PROGRESS_SECONDS = 1.0


def pass_over(
    database: Database,
    subjects: Subjects,
    record: HarvestRecord,
    shard: int,
    folder: ShardFolder,
    stop: Callable[[], bool],
    halted: Callable[[], bool],
) -> None:
    """Make the file of one shard; Halted, with nothing lost but this shard's pass, when told to stop."""
    spec = record.spec
    subject, corpus = subjects.subject(spec), subjects.corpus(spec)
    _check_splits(corpus, spec)
    with database.write() as session:
        _attach(session, record, subject, corpus)
    begun = time.monotonic()
    counter = _TokenCounter(database, record.id)

    def progress(tokens: int) -> None:
        counter.add(tokens)
        if halted() or stop():
            raise Halted

    try:
        harvest_shard(
            subject.model, subject.dictionaries, corpus, spec, shard=shard, folder=folder.path, progress=progress
        )
    except BaseException:
        counter.take_back()
        raise
    counter.flush()
    name = f"shard-{shard}"
    folder.write(name, Note(attempts=folder.read(name).attempts, seconds=time.monotonic() - begun))


def all_finished(spec: HarvestSpec, folder: ShardFolder) -> bool:
    """Whether every shard of the harvest is complete: its manifest is written last."""
    paths = (shard_path(folder.path, shard, spec.shards) for shard in range(spec.shards))
    return all(path.with_suffix(".json").exists() for path in paths)


def _check_splits(corpus: Corpus, spec: HarvestSpec) -> None:
    """InvalidCorpus when a split that is to have a share of the documents has none."""
    filled = np.bincount(split_of(corpus.hashes, spec.shares, spec.seed), minlength=len(SPLITS))
    for split, documents in zip(SPLITS, filled, strict=True):
        if spec.shares[split] > 0 and documents == 0:
            raise InvalidCorpus(
                f"none of the corpus's {len(corpus.hashes)} documents fell into the {split} split; "
                "give more documents, another seed, or the split a share of 0"
            )


class _TokenCounter:
    """Adds tokens to the harvest's row about once a second."""

    def __init__(self, database: Database, harvest_id: str) -> None:
        self._database = database
        self._harvest_id = harvest_id
        self._waiting = 0
        self._written = 0
        self._last = time.monotonic()

    def add(self, tokens: int) -> None:
        self._waiting += tokens
        if time.monotonic() - self._last >= PROGRESS_SECONDS:
            self.flush()

    def flush(self) -> None:
        self._write(self._waiting)
        self._written += self._waiting
        self._waiting, self._last = 0, time.monotonic()

    def take_back(self) -> None:
        self._write(-self._written)

    def _write(self, tokens: int) -> None:
        if tokens:
            with self._database.write() as session:
                harvests.add_tokens(session, self._harvest_id, tokens)


def _attach(session: WriteSession, record: HarvestRecord, subject: Subject, corpus: Corpus) -> None:
    model = subject.model
    stored = models.register(
        session,
        name=model.name,
        revision=model.revision,
        dtype=model.dtype,
        width=model.width,
        layers=model.layers,
        max_context=model.max_context,
        vocabulary=model.vocabulary,
    )
    pairs = zip(subject.dictionaries, record.spec.saes, strict=True)
    sae_ids = [_register(session, stored.id, dictionary, spec) for dictionary, spec in pairs]
    if len(set(sae_ids)) < len(sae_ids):
        raise InvalidSpec("two of the harvest's saes are the same SAE; name each one once")
    harvests.attach(
        session,
        record.id,
        model_id=stored.id,
        sae_ids=sae_ids,
        corpus_fingerprint=corpus.fingerprint,
        tokens_total=corpus.tokens,
    )


def _register(session: WriteSession, model_id: int, dictionary: Dictionary, spec: SaeSpec) -> int:
    stored = saes.register(
        session,
        model_id=model_id,
        fingerprint=dictionary.fingerprint,
        name=dictionary.name,
        kind=dictionary.kind,
        hook=dictionary.hook,
        width=dictionary.width,
        features=dictionary.features,
        source=spec.model_dump(mode="json", exclude_none=True),
    )
    return stored.id
