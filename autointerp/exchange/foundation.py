"""What others' results are stored in: a model, an SAE and a harvest of their own, or a harvest that is there.

The ids of such harvests begin with zeros, so that none of them is ever the newest of an SAE. What they hold is what
others say: their documents are not known, so their splits promise nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autointerp.domain import archived
from autointerp.domain.examples import Split
from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.exchange.archive import batches
from autointerp.hashing import digest
from autointerp.storage import upkeep
from autointerp.storage.archive import inward
from autointerp.storage.engine import Database, WriteSession

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # when the file does not say when
BATCH = 200
Claim = tuple[archived.ArchivedExplanation, Sequence[archived.ArchivedScore]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where to store: a harvest and, of its SAEs, the one with this fingerprint."""

    harvest: str
    sae: str

    def place(self, index: int) -> archived.OfFeature:
        """A feature there."""
        return archived.OfFeature(harvest=self.harvest, sae=self.sae, index=index)


@dataclass(slots=True)
class Imported:
    """What an import stored, by noun, and what it left out, by reason."""

    harvest: str
    stored: dict[str, int] = field(default_factory=dict[str, int])
    lost: dict[str, int] = field(default_factory=dict[str, int])

    def lose(self, reason: str, count: int) -> None:
        """Count what is left out."""
        if count:
            self.lost[reason] = self.lost.get(reason, 0) + count


@dataclass(frozen=True, slots=True)
class Foundation:
    """A model, an SAE and a harvest for the results of others; `name` is what these call the SAE."""

    origin: str
    name: str
    model: str
    hook: str
    features: int
    tokens: int
    vocabulary: Vocabulary

    @property
    def target(self) -> Target:
        """Where the results go."""
        what = digest([self.origin, self.name, self.model, self.vocabulary.fingerprint, self.features, self.tokens])
        return Target(harvest="0" * 13 + what[:11], sae=digest([self.origin, self.name]))

    def lay(self, database: Database) -> Target:
        """Store the three, unless they are there."""
        model = self._model()
        with database.write() as session:
            tokens = [token.hex() for token in self.vocabulary.tokens]
            vocabulary = archived.ArchivedVocabulary(
                fingerprint=self.vocabulary.fingerprint, tokens=tokens, special=sorted(self.vocabulary.special)
            )
            inward.add_vocabularies(session, [vocabulary])
            inward.add_models(session, [model])
            inward.add_saes(session, [self._sae(model.identity)])
            inward.add_harvests(session, [self._harvest(model.identity)])
            inward.add_pools(session, [_no_pool(self.target.harvest)])
        return self.target

    def _model(self) -> archived.ArchivedModel:
        content = {
            "name": self.model,
            "revision": None,
            "dtype": "float32",
            "width": 0,
            "layers": 0,
            "max_context": 0,
            "vocabulary_fingerprint": self.vocabulary.fingerprint,
        }
        identity = digest(content)
        vocabulary = content.pop("vocabulary_fingerprint")
        return archived.ArchivedModel.model_validate(
            {**content, "vocabulary": vocabulary, "identity": identity, "created_at": datetime.now(UTC)}
        )

    def _sae(self, model: str) -> archived.ArchivedSae:
        return archived.ArchivedSae(
            model=model,
            fingerprint=self.target.sae,
            name=self.name,
            kind="imported",
            hook=self.hook,
            width=0,
            features=self.features,
            source={"imported": self.origin, "model": self.model, "name": self.name},
            created_at=datetime.now(UTC),
        )

    def _harvest(self, model: str) -> archived.ArchivedHarvest:
        spec = HarvestSpec(
            subject=SubjectSpec(model=self.model),
            saes=(SaeSpec(release=self.origin, sae_id=self.name),),
            corpus=CorpusSpec(kind="jsonl", path=f"{self.origin}:{self.name}"),
        )
        return archived.ArchivedHarvest(
            id=self.target.harvest,
            model=model,
            saes=[archived.ArchivedHarvestSae(fingerprint=self.target.sae, broken=None, broken_contexts=None)],
            spec=spec.model_dump(mode="json"),
            spec_digest=spec.digest,
            tokens_done=self.tokens,
            tokens_total=self.tokens,
            seconds=None,
            corpus_fingerprint=None,
            created_at=datetime.now(UTC),
            finished_at=datetime.now(UTC),
        )


def add_features(database: Database, features: Iterable[archived.ArchivedFeature]) -> int:
    """Store features, each once."""
    count = 0
    for batch in batches(features, BATCH):
        with database.write() as session:
            inward.add_features(session, batch)
        count += len(batch)
    return count


def add_examples(database: Database, examples: Iterable[archived.ArchivedExamples]) -> None:
    """Store the examples of features."""
    for batch in batches(examples, BATCH):
        with database.write() as session:
            inward.add_examples(session, batch)


def fill(database: Database, target: Target, indices: Iterable[int]) -> None:
    """Give features without examples empty ones, which explanations and scores must have."""
    splits = (Split.EXPLAIN, Split.SCORE)
    add_examples(database, (no_examples(target.place(index), split) for index in indices for split in splits))


def add_claims(
    database: Database,
    target: Target,
    claims: Iterable[Claim],
    done: Imported,
) -> None:
    """Store explanations with their scores; those of features without examples are left out."""
    for batch in batches(claims, BATCH):
        with database.write() as session:
            explained = _having(session, target, batch, Split.EXPLAIN)
            scored = _having(session, target, batch, Split.SCORE)
            explanations = [claim for claim, _ in batch if claim.index in explained]
            found = [score for claim, scores in batch if claim.index in explained for score in scores]
            scores = [score for score in found if score.index in scored]
            inward.add_explanations(session, explanations)
            inward.add_scores(session, scores)
        _count(done, "explanations", len(explanations))
        _count(done, "scores", len(scores))
        done.lose(
            "explanations of features that have no explain examples in the harvest", len(batch) - len(explanations)
        )
        done.lose("scores of features that have no score examples in the harvest", len(found) - len(scores))


def finish(database: Database, target: Target) -> None:
    """Say that everything is stored."""
    with database.write() as session:
        inward.finish_harvests(session, [target.harvest])
    upkeep.settle(database)


def no_examples(place: archived.OfFeature, split: Split) -> archived.ArchivedExamples:
    """A feature that has no examples in a split."""
    return archived.ArchivedExamples(
        **place.model_dump(),
        split=split,
        context=[],
        document=[],
        start=[],
        offsets=[0],
        tokens=[],
        peak=[],
        activations=[],
        member_window=[],
        member_group=[],
        silent_pool=[],
        silent_group=[],
        fired_pool=None,
    )


def vocabulary_of(pieces: set[str]) -> Vocabulary:
    """A vocabulary of the texts of tokens, in a fixed order."""
    return Vocabulary(tuple(sorted({piece.encode(errors="replace") for piece in pieces})), frozenset())


def numbers_of(vocabulary: Vocabulary) -> dict[str, int]:
    """The id of each text."""
    return {token.decode(): number for number, token in enumerate(vocabulary.tokens)}


def _no_pool(harvest: str) -> archived.ArchivedPool:
    return archived.ArchivedPool(harvest=harvest, context=[], document=[], start=[], offsets=[0], tokens=[], split=[])


def _having(
    session: WriteSession,
    target: Target,
    claims: Sequence[Claim],
    split: Split,
) -> set[int]:
    return inward.having(session, target.harvest, target.sae, {claim.index for claim, _ in claims}, split)


def _count(done: Imported, noun: str, count: int) -> None:
    done.stored[noun] = done.stored.get(noun, 0) + count
