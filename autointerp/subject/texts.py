"""Texts as a model's tokenizer reads them, without the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autointerp.domain.specs import SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.subject.hub import Absent, only_local
from autointerp.subject.model import load_tokenizer
from autointerp.subject.tokenising import Ids, text_encoder

KEPT = 4


@dataclass(frozen=True, slots=True)
class Texts:
    """Turns texts to ids and back, as the harvest of a corpus of texts does; what names special tokens is text."""

    vocabulary: Vocabulary
    _encode: Callable[[list[str]], list[Ids]]

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text, without the special tokens that begin and end it; InvalidSpec: it has none."""
        ids = self._encode([text])[0].tolist()
        if not ids:
            raise InvalidSpec("the text has no tokens; give one with words in it")
        return tuple(ids)

    def check(self, tokens: Sequence[int] | None) -> tuple[int, ...]:
        """Return ids as they are; InvalidSpec when one is none of this vocabulary."""
        assert tokens is not None  # either a text or tokens are given
        size = len(self.vocabulary.tokens)
        wrong = next((token for token in tokens if token >= size), None)
        if wrong is not None:
            raise InvalidSpec(f"there is no token {wrong}: the model's vocabulary has {size} tokens")
        return tuple(tokens)


def open_texts(name: str, revision: str | None, vocabulary: Vocabulary) -> Texts:
    """Open the tokenizer of a model, from its folder or the hub; the last few are kept."""
    return Texts(vocabulary, _encoder(name, revision))


@lru_cache(maxsize=KEPT)
def _encoder(name: str, revision: str | None) -> Callable[[list[str]], list[Ids]]:
    try:
        local = only_local(name, revision, kind="model")
    except Absent as error:
        raise InvalidModel(f"cannot load the tokenizer of {name!r}: {error}") from error
    tokenizer = load_tokenizer(SubjectSpec(model=name, revision=revision), local=local)
    return text_encoder(tokenizer, as_text=True)[1]
