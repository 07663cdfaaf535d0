"""Where a text begins among the tokens of a prefix and the text, which are tokenised as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer, processors

from autointerp.domain.likelihood import Continuation
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.subject.model import SubjectModel


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """The ids of all tokens, and how many of them are the prefix's."""

    ids: tuple[int, ...]
    before: int


def cutter(model: SubjectModel) -> Callable[[Sequence[Continuation]], list[Cut]]:
    """Return what cuts continuations as the corpus is read: after a BOS token, special tokens named in a text as text.

    The text's tokens are those that begin at or after the boundary. A prefix that leaves the text no room in the
    model's context is cut at its front; InvalidSpec when the text alone is too long.
    """
    tokenizer = _copy(model)
    bos = model.tokenizer.bos_token_id
    start = (bos,) if isinstance(bos, int) else ()

    def cut(asked: Sequence[Continuation]) -> list[Cut]:
        pairs = [(_legal(one.prefix), _legal(one.text)) for one in asked]
        found = tokenizer.encode_batch([prefix + text for prefix, text in pairs], add_special_tokens=False)
        rows = zip(pairs, found, strict=True)
        return [_cut(model, start, each.ids, _before(each.offsets, len(prefix))) for (prefix, _), each in rows]

    return cut


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


def _cut(model: SubjectModel, start: tuple[int, ...], ids: Sequence[int], before: int) -> Cut:
    room = model.max_context - len(start) - (len(ids) - before)
    kept = min(before, max(room, 0))
    if room < 0 or len(start) + kept == 0:
        raise InvalidSpec(
            f"a text of {len(ids) - before} tokens after a prefix of {before} cannot be read by {model.name}, whose "
            f"context has {model.max_context}; use shorter texts, or another model"
        )
    return Cut((*start, *ids[before - kept :]), len(start) + kept)


def _legal(text: str) -> str:
    """The text without halves of surrogate pairs, of the same length."""
    return text.encode("utf-8", "replace").decode("utf-8")
