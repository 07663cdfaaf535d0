"""Where a text begins among the tokens of a prefix and the text, which are tokenised as one."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer, processors

from autointerp.domain.likelihood import Continuation
from autointerp.errors import InvalidModel, TextTooLong
from autointerp.subject.model import SubjectModel


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """The ids of all tokens, and how many of them are the prefix's."""

    ids: tuple[int, ...]
    before: int


@dataclass(frozen=True, eq=False, slots=True)
class Cutter:
    """Cuts texts as the corpus is read: after a BOS token (`start`), special tokens named in a text as text."""

    model: SubjectModel
    tokenizer: Tokenizer
    start: tuple[int, ...]

    def __call__(self, asked: Sequence[Continuation]) -> list[Cut]:
        """Cut continuations: the text's tokens are those that begin at or after the boundary.

        TextTooLong when the text is too long, or nothing stands before it.
        """
        pairs = [(legal(one.prefix), legal(one.text)) for one in asked]
        found = self.encode([prefix + text for prefix, text in pairs])
        rows = zip(pairs, found, strict=True)
        return [self._cut(each.ids, _before(each.offsets, len(prefix))) for (prefix, _), each in rows]

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """The tokens of each text alone, with the places in it where each begins and ends."""
        return self.tokenizer.encode_batch(list(texts), add_special_tokens=False)

    def fit(self, ids: Sequence[int], before: int) -> Cut:
        """The start, the first `before` ids, the prefix, and the text.

        A prefix that leaves the text no room in the model's context is cut at its front; TextTooLong when the text
        alone is too long.
        """
        room = self.model.max_context - len(self.start) - (len(ids) - before)
        if room < 0:
            raise self.unreadable(len(ids) - before, before)
        kept = min(before, room)
        return Cut((*self.start, *ids[before - kept :]), len(self.start) + kept)

    def unreadable(self, tokens: int, before: int) -> TextTooLong:
        """What is to be raised for a text that has no room, or no token before it."""
        return TextTooLong(
            f"a text of {tokens} tokens after a prefix of {before} cannot be read by {self.model.name}, whose "
            f"context has {self.model.max_context}; use shorter texts, or another model"
        )

    def _cut(self, ids: Sequence[int], before: int) -> Cut:
        cut = self.fit(ids, before)
        if cut.before == 0:
            raise self.unreadable(len(ids) - before, before)
        return cut


def cutter(model: SubjectModel) -> Cutter:
    """Make what cuts texts for a model; InvalidModel where its tokenizer does not say where tokens begin."""
    bos = model.tokenizer.bos_token_id
    return Cutter(model, _copy(model), (bos,) if isinstance(bos, int) else ())


def legal(text: str) -> str:
    """The text without halves of surrogate pairs, of the same length."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _copy(model: SubjectModel) -> Tokenizer:
    """A tokenizer that no other thread touches, and whose tokens begin where their bytes do."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InvalidModel(f"the tokenizer of {model.name} does not say where tokens begin; use a fast tokenizer")
    copy = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    copy.post_processor = processors.Sequence([])  # byte-level ones leave the space out of a token's place
    copy.encode_special_tokens = True
    return copy


def _before(offsets: Sequence[tuple[int, int]], boundary: int) -> int:
    return next((i for i, (begin, _) in enumerate(offsets) if begin >= boundary), len(offsets))
