"""Reads a tokenizer's table of tokens as bytes of running text."""

import json
from collections.abc import Callable
from typing import Any

from transformers import PreTrainedTokenizerBase

from autointerp.domain.vocabulary import Vocabulary

SPACE_MARK = "▁"


def read_vocabulary(tokenizer: PreTrainedTokenizerBase, *, size: int) -> Vocabulary:
    """Return the bytes of each of `size` token ids (at least as many as the tokenizer has).

    The model may have more rows than the tokenizer has tokens: those are named `<unused N>` and count as special.
    """
    table = tokenizer.get_vocab()
    size = max(size, 1 + max(table.values()))
    added = {index: token.content for index, token in tokenizer.added_tokens_decoder.items()}
    to_bytes = _reading(tokenizer, list(table))
    tokens = [f"<unused {index}>".encode() for index in range(size)]
    unused = set(range(size))
    for token, index in table.items():
        tokens[index] = added[index].encode() if index in added else to_bytes(token)
        unused.discard(index)
    special = {int(index) for index in tokenizer.all_special_ids}
    return Vocabulary(tokens=tuple(tokens), special=frozenset(special | unused))


def _reading(tokenizer: PreTrainedTokenizerBase, table: list[str]) -> Callable[[str], bytes]:
    """Choose how tokens are written by the tokenizer's own decoder, or by its table where it has none."""
    kinds = _decoder_kinds(tokenizer)
    if "ByteLevel" in kinds or (not kinds and any(token.startswith("Ġ") for token in table)):
        return _byte_level
    if "WordPiece" in kinds:
        return _word_piece
    if kinds & {"Metaspace", "Replace", "ByteFallback"} or any(SPACE_MARK in token for token in table):
        return _sentence_piece
    if "BPEDecoder" in kinds:
        return lambda token: token.replace("</w>", " ").encode()
    return lambda token: f" {token}".encode()


def _decoder_kinds(tokenizer: PreTrainedTokenizerBase) -> set[str]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return set()
    decoder: dict[str, Any] | None = json.loads(backend.to_str())["decoder"]
    if decoder is None:
        return set()
    return {part["type"] for part in [decoder, *decoder.get("decoders", [])]}


def _byte_level(token: str) -> bytes:
    """Undo GPT-2's map of bytes to printable characters; a token outside the map is text as it stands."""
    try:
        return bytes(_BYTE_OF[character] for character in token)
    except KeyError:
        return token.encode()


def _sentence_piece(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes([int(token[3:5], 16)])
    return token.replace(SPACE_MARK, " ").encode()


def _word_piece(token: str) -> bytes:
    return token[2:].encode() if token.startswith("##") else f" {token}".encode()


def _byte_map() -> dict[str, int]:
    """GPT-2's map: printable Latin-1 bytes stand for themselves, the others for the characters from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTE_OF = _byte_map()
