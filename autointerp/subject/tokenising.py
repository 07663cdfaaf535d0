"""Turns the parts of documents into token ids: by the model's tokenizer, by its chat template, or as they are given."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jinja2
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from autointerp.errors import InvalidCorpus
from autointerp.hashing import digest, text_digest
from autointerp.subject.model import SubjectModel
from autointerp.subject.parts import Part

BATCH_PARTS = 128
BATCH_CHARACTERS = 1 << 19

Content = Literal["text", "tokens", "chat"]
Ids = NDArray[np.int32]
Encode = Callable[[Sequence[Part]], list[Ids]]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns contents into ids; `fingerprint` identifies how."""

    fingerprint: str
    encode: Encode


def encoder(model: SubjectModel, content: Content) -> Encoder:
    """Return how contents are turned into ids; InvalidCorpus when the tokenizer has no chat template that is needed."""
    if content == "tokens":
        size = len(model.vocabulary.tokens)
        return Encoder(digest([content, size]), lambda parts: [_given(part, size) for part in parts])
    # What special tokens are named in a text is text; in a chat the template puts them there.
    how, texts = text_encoder(model.tokenizer, as_text=content == "text")
    if content == "text":
        return Encoder(digest([content, how]), lambda parts: texts([part.content for part in parts]))
    template = model.tokenizer.chat_template
    if not isinstance(template, str):
        raise InvalidCorpus(
            f"the tokenizer of {model.name} has no chat template; use a chat model, or render the texts"
        )
    bos = model.tokenizer.bos_token_id

    def chats(parts: Sequence[Part]) -> list[Ids]:
        encoded = texts([_rendered(part, model.tokenizer) for part in parts])
        # Rows bring their own BOS token.
        return [ids[1:] if bos is not None and len(ids) and ids[0] == bos else ids for ids in encoded]

    return Encoder(digest([content, how, text_digest(template)]), chats)


def tokenise(parts: Iterable[Part], encode: Encode) -> Iterator[tuple[Part, Ids]]:
    """Yield each part with its ids, without the special tokens that begin and end a text; batch by batch."""
    for batch in _batches(parts):
        yield from zip(batch, encode(batch), strict=True)


def text_encoder(tokenizer: PreTrainedTokenizerBase, *, as_text: bool) -> tuple[str, Callable[[list[str]], list[Ids]]]:
    """Return a fingerprint of the tokenizer, and a copy of it that no other thread touches, as a function.

    With `as_text` the names of special tokens in a text are text.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        table = digest([type(tokenizer).__name__, sorted(tokenizer.get_vocab().items())])
        return table, lambda texts: [_array(tokenizer(text, add_special_tokens=False).input_ids) for text in texts]
    copy = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    written = copy.to_str()
    copy.encode_special_tokens = as_text

    def encode(texts: list[str]) -> list[Ids]:
        try:
            found = copy.encode_batch_fast(texts, add_special_tokens=False)
        except TypeError:  # half a surrogate pair, which JSON can hold and UTF-8 cannot
            whole = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
            found = copy.encode_batch_fast(whole, add_special_tokens=False)
        return [_array(each.ids) for each in found]

    return text_digest(written), encode


def _array(ids: Sequence[int]) -> Ids:
    return np.array(ids, dtype=np.int32)


def _rendered(part: Part, tokenizer: PreTrainedTokenizerBase) -> str:
    try:
        return str(tokenizer.apply_chat_template(part.content, tokenize=False))
    except (jinja2.TemplateError, TypeError, KeyError, ValueError) as error:
        raise InvalidCorpus(f"the chat template refuses {part.document}: {error}") from error


def _given(part: Part, size: int) -> Ids:
    """Take over ids; InvalidCorpus when they are none, or none of this vocabulary."""
    try:
        ids = np.asarray(part.content or [0][:0], dtype=np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidCorpus(f"the token ids of {part.document} are no whole numbers") from error
    if ids.ndim != 1 or any(isinstance(token, float | bool) for token in part.content):
        raise InvalidCorpus(f"the token ids of {part.document} are no whole numbers")
    wrong = ids[(ids < 0) | (ids >= size)]
    if len(wrong):
        raise InvalidCorpus(
            f"{part.document} holds the token id {wrong[0]}, and the model's vocabulary has {size} tokens; "
            "give ids of the model's own tokenizer"
        )
    return ids.astype(np.int32)


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    batch: list[Part] = []
    size = 0
    for part in parts:
        batch.append(part)
        size += _length(part.content)
        if len(batch) == BATCH_PARTS or size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _length(content: Any) -> int:
    return len(content) if isinstance(content, str) else 0
