"""Subject models with their SAEs, loaded when first needed and kept while the next work needs the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.domain.specs import HarvestSpec, SaeSpec
from autointerp.harvest.location import open_location
from autointerp.hashing import digest
from autointerp.importing import import_alone
from autointerp.pipeline.baselines import corpus_key, load_baseline

if TYPE_CHECKING:  # torch: loaded by what is called, not by who may call it
    from autointerp.harvest.likeness import Embed
    from autointerp.subject.corpus import Corpus
    from autointerp.subject.model import SubjectModel
    from autointerp.subject.sae import Dictionary

T = TypeVar("T")


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Subject:
    """A subject model and its SAEs, in the order of the spec."""

    model: "SubjectModel"
    dictionaries: tuple["Dictionary", ...]


class Subjects(Protocol):
    """Opens what a harvest spec names; only in the thread of the device."""

    def subject(self, spec: HarvestSpec) -> Subject: ...

    def corpus(self, spec: HarvestSpec) -> "Corpus": ...

    def embed(self, spec: HarvestSpec) -> "Embed | None": ...


class LoadedSubjects:
    """Loads models, SAEs and corpora and keeps the last of each.

    `reach` is what specs may name.

    `tokens` is where the corpora's token ids are kept, `baselines` the folder or fsspec URL where all workers find
    those that were fitted: opened when one is needed, because its driver may be missing where none is.
    """

    def __init__(self, *, device: str, tokens: Path, baselines: str, reach: Reach = EVERYTHING) -> None:
        self._device = device
        self._reach = reach
        self._checked: str | None = None
        self._tokens = tokens
        self._baselines = baselines
        self._subject = _Kept[Subject]()
        self._corpus = _Kept["Corpus"]()

    def subject(self, spec: HarvestSpec) -> Subject:
        """Return the subject model with its SAEs."""
        self._check(spec)
        return self._subject.get(_subject_key(spec), lambda: self._load(spec))

    def corpus(self, spec: HarvestSpec) -> "Corpus":
        """Return the corpus, tokenised for the subject model; opened again when its source has changed."""
        from autointerp.subject.corpus import open_corpus
        from autointerp.subject.sources import identify

        model = self.subject(spec).model
        source = identify(spec.corpus).digest
        key = digest([_subject_key(spec), spec.corpus.digest, source, spec.context, spec.tokens])
        return self._corpus.get(
            key,
            lambda: open_corpus(spec.corpus, model, context=spec.context, tokens=spec.tokens, folder=self._tokens),
        )

    def embed(self, spec: HarvestSpec) -> "Embed | None":
        """Return the sentence embedding that the spec needs, None when it needs none; InvalidModel: not at hand."""
        from autointerp.subject.embedder import open_embedder

        if not spec.needs_embedder:
            return None
        self._reach.check_model(spec.embedder)
        return open_embedder(spec.embedder, device=self._device, pickles=self._reach.pickles).embed_now

    def _load(self, spec: HarvestSpec) -> Subject:
        import_alone("autointerp.subject.model")
        from autointerp.subject.model import load_model

        model = load_model(spec.subject, device=self._device, pickles=self._reach.pickles)
        loaded = {i: self._dictionary(sae, spec, model) for i, sae in enumerate(spec.saes) if sae.beside is None}
        for i, sae in enumerate(spec.saes):
            if sae.beside is not None:
                beside = sae.model_copy(update={"hook": loaded[sae.beside].hook})
                loaded[i] = self._dictionary(beside, spec, model)
        return Subject(model=model, dictionaries=tuple(loaded[i] for i in range(len(spec.saes))))

    def _check(self, spec: HarvestSpec) -> None:
        """Refuse what is out of reach, here where its links can be followed: before anything of it is read."""
        if self._reach.roots is None or spec.digest == self._checked:
            return
        self._reach.check_harvest(spec)
        if spec.corpus.path is not None:
            from autointerp.subject.cards import named_files
            from autointerp.subject.sources import files_on_disk

            self._reach.check_files(files_on_disk(spec.corpus))
            self._reach.check_addresses(named_files(spec.corpus))
        self._checked = spec.digest

    def _dictionary(self, sae: SaeSpec, spec: HarvestSpec, model: "SubjectModel") -> "Dictionary":
        from autointerp.subject.sae import load_sae

        if sae.baseline is None:
            return load_sae(sae, model, pickles=self._reach.pickles)
        return load_baseline(sae.baseline, sae, spec, model, shelf=open_location(self._baselines), tokens=self._tokens)


class _Kept(Generic[T]):
    """The last value made, and the key it was made for."""

    def __init__(self) -> None:
        self._key: str | None = None
        self._value: T | None = None

    def get(self, key: str, make: Callable[[], T]) -> T:
        if self._value is None or key != self._key:
            self._value = None  # the old one goes first: two may not fit
            self._value, self._key = make(), key
        return self._value


def _subject_key(spec: HarvestSpec) -> str:
    # A baseline is fitted to the corpus, so it is another one with another corpus.
    corpus = [corpus_key(spec.corpus), spec.context] if any(sae.baseline for sae in spec.saes) else None
    return digest([spec.subject.digest, [sae.digest for sae in spec.saes], corpus])
