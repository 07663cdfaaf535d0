"""One shard's pass over the corpus, in the thread of the device."""

import time
from collections.abc import Callable
from socket import gethostname

import numpy as np

from autointerp.domain.specs import HarvestSpec, SaeSpec
from autointerp.errors import InvalidCorpus, InvalidInput, InvalidSpec
from autointerp.harvest.run import harvest_shard
from autointerp.harvest.split import SPLITS, split_of
from autointerp.pipeline.device import Halted
from autointerp.pipeline.shards import ShardFolder
from autointerp.pipeline.subjects import Subject, Subjects
from autointerp.pipeline.token_counter import TokenCounter
from autointerp.storage import harvests, models, saes
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.records import HarvestRecord
from autointerp.subject.corpus import Corpus
from autointerp.subject.sae import Dictionary


def pass_over(
    database: Database,
    subjects: Subjects,
    record: HarvestRecord,
    shard: int,
    folder: ShardFolder,
    stop: Callable[[], bool],
    halted: Callable[[], bool],
    *,
    generation: int,
) -> None:
    """Make the file of one shard; Halted, with nothing lost but this shard's pass, when told to stop."""

    def leave_when_told() -> None:
        if halted() or stop():
            raise Halted

    spec = record.spec
    subjects.embed(spec)  # only the merging needs it, but without it the whole pass would be for nothing
    subject, corpus = subjects.subject(spec), subjects.corpus(spec)
    with corpus.interrupted_by(leave_when_told):
        _check_splits(corpus, spec)
        with database.write() as session:
            _attach(session, record, subject, corpus)
        _read(database, record, subject, corpus, shard, folder, leave_when_told, generation=generation)
        if corpus.tokens < spec.tokens:
            with database.write() as session:
                harvests.set_total(session, record.id, corpus.tokens)


def _read(
    database: Database,
    record: HarvestRecord,
    subject: Subject,
    corpus: Corpus,
    shard: int,
    folder: ShardFolder,
    leave_when_told: Callable[[], None],
    *,
    generation: int,
) -> None:
    """Read one shard's part of the corpus, counting its tokens."""
    begun = time.monotonic()
    counter = TokenCounter(database, record.id, folder, f"shard-{shard}", generation)

    def progress(tokens: int) -> None:
        counter.add(tokens)
        leave_when_told()

    try:
        harvest_shard(
            subject.model,
            subject.dictionaries,
            corpus,
            record.spec,
            shard=shard,
            folder=folder.path,
            progress=progress,
        )
    except BaseException:
        counter.take_back()
        raise
    counter.close(time.monotonic() - begun)


def _check_splits(corpus: Corpus, spec: HarvestSpec) -> None:
    """InvalidCorpus when a split that is to have a share of the documents has none; reads no further than it must."""
    empty = {split for split in SPLITS if spec.shares[split] > 0}
    count = 0
    for documents in corpus.documents():
        empty -= {SPLITS[split] for split in np.unique(split_of(documents, spec.shares, spec.seed))}
        count += len(documents)
        if not empty:
            return
    name = next(split for split in SPLITS if split in empty)
    found = f"documents ({count} in all)"
    if corpus.counts_rows():
        found = f"rows ({corpus.rows} in all; where documents are few each row counts as one)"
    more = "text" if corpus.tokens < spec.tokens else "tokens"
    raise InvalidCorpus(
        f"none of the corpus's {found} fell into the {name} split; "
        f"give more {more}, another seed, or the split a share of 0"
    )


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
    attached = harvests.get(session, record.id)
    _check_agreement(attached, stored.id, sae_ids, corpus)
    harvests.attach(
        session,
        record.id,
        model_id=stored.id,
        sae_ids=sae_ids,
        corpus_fingerprint=corpus.fingerprint,
        tokens_total=corpus.known_tokens or attached.tokens_total or record.spec.tokens,
    )


def _check_agreement(record: HarvestRecord, model_id: int, sae_ids: list[int], corpus: Corpus) -> None:
    """InvalidInput when this worker reads something else than the workers that read other shards."""
    if record.corpus_fingerprint is None:
        return
    mine = {"model": model_id, "SAEs": tuple(sae_ids), "corpus": corpus.fingerprint}
    theirs = {"model": record.model_id, "SAEs": record.sae_ids, "corpus": record.corpus_fingerprint}
    for name in mine:
        if mine[name] != theirs[name]:
            raise InvalidInput(
                f"the {name} on {gethostname()} is not what other workers of this harvest read; "
                "put the same files on every host, or start a new harvest"
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
