"""Subject models with their SAEs, loaded when first needed and kept while the next work needs the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from autointerp.domain.specs import HarvestSpec
from autointerp.hashing import digest

if TYPE_CHECKING:  # torch: loaded by what is called, not by who may call it
    from autointerp.subject.corpus import Corpus
    from autointerp.subject.model import SubjectModel
    from autointerp.subject.sae import Dictionary

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject model and its SAEs, in the order of the spec."""

    model: "SubjectModel"
    dictionaries: tuple["Dictionary", ...]


class Subjects(Protocol):
    """Opens what a harvest spec names; only in the thread of the device."""

    def subject(self, spec: HarvestSpec) -> Subject: ...

    def corpus(self, spec: HarvestSpec) -> "Corpus": ...


class LoadedSubjects:
    """Loads models, SAEs and corpora and keeps the last of each."""

    def __init__(self, *, device: str) -> None:
        self._device = device
        self._subject = _Kept[Subject]()
        self._corpus = _Kept["Corpus"]()

    def subject(self, spec: HarvestSpec) -> Subject:
        """Return the subject model with its SAEs."""
        return self._subject.get(_subject_key(spec), lambda: self._load(spec))

    def corpus(self, spec: HarvestSpec) -> "Corpus":
        """Return the corpus, tokenised for the subject model."""
        from autointerp.subject.corpus import open_corpus

        model = self.subject(spec).model
        key = digest([_subject_key(spec), spec.corpus.digest, spec.context, spec.tokens])
        return self._corpus.get(key, lambda: open_corpus(spec.corpus, model, context=spec.context, tokens=spec.tokens))

    def _load(self, spec: HarvestSpec) -> Subject:
        from autointerp.subject.model import load_model
        from autointerp.subject.sae import load_sae

        model = load_model(spec.subject, device=self._device)
        return Subject(model=model, dictionaries=tuple(load_sae(sae, model) for sae in spec.saes))


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
    return digest([spec.subject.digest, [sae.digest for sae in spec.saes]])
