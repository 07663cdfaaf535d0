"""How long it takes from the last token to every feature's examples in the database."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autointerp.domain.specs import HarvestSpec
from autointerp.pipeline.merging import merge_and_store
from autointerp.pipeline.shard_pass import pass_over
from autointerp.pipeline.shards import ShardFolder
from autointerp.pipeline.subjects import Subject
from autointerp.storage import harvests, migrate
from autointerp.storage.engine import Database
from autointerp.subject.corpus import Corpus
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary


@dataclass(frozen=True)
class Open:
    """The subject, the SAEs and the corpus of one harvest, open already."""

    model: SubjectModel
    saes: Sequence[Dictionary]
    read: Corpus

    def subject(self, _: HarvestSpec) -> Subject:
        """Return the subject model with its SAEs."""
        return Subject(self.model, tuple(self.saes))

    def corpus(self, _: HarvestSpec) -> Corpus:
        """Return the corpus."""
        return self.read

    def embed(self, _: HarvestSpec) -> None:
        """Return that nothing is embedded."""


def store_time(database_file: Path, shards: Path, opened: Open, spec: HarvestSpec) -> float:
    """Return the seconds that merging a finished shard, cutting every feature and storing it in SQLite take."""
    database = Database(f"sqlite:///{database_file}")
    migrate.upgrade(database)
    with database.write() as session:
        record = harvests.create(session, spec)
    folder = ShardFolder(shards)

    def never() -> bool:
        return False

    pass_over(database, opened, record, 0, folder, never, never, generation=0)
    start = time.perf_counter()
    merge_and_store(database, opened, record, folder, never, never)
    taken = time.perf_counter() - start
    database.close()
    return taken
