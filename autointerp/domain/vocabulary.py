"""A model's tokens as bytes, so that any process can show tokens as text without the tokenizer."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import cast

from autointerp.hashing import text_digest


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The bytes of each token id, in running text (a leading space is a byte like any other).

    `special` are the ids of control tokens (BOS, EOS, PAD, …); their bytes are their names.
    """

    tokens: tuple[bytes, ...]
    special: frozenset[int]
    _texts: tuple[str | None, ...] = field(init=False, compare=False, repr=False)  # None: not whole characters

    def __post_init__(self) -> None:
        object.__setattr__(self, "_texts", tuple(_whole(token) for token in self.tokens))

    @property
    def fingerprint(self) -> str:
        """The digest of all tokens, the same for equal vocabularies."""
        return text_digest("\n".join(token.hex() for token in self.tokens) + f"\n{sorted(self.special)}")

    def piece(self, token: int) -> str:
        """One token on its own, as text; bytes that are no text are shown as \\xNN."""
        text = self._texts[token]
        return self.tokens[token].decode("utf-8", errors="backslashreplace") if text is None else text

    def render(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Show a window as text pieces, one a token, whose concatenation is the window's text.

        A character whose bytes are spread over several tokens stands in the last of them; the bytes of a character
        that the window cuts off at either end are left out, and other bytes that are no text become U+FFFD.
        """
        whole: tuple[str | None, ...] = itemgetter(*ids)(self._texts) if len(ids) > 1 else (None,)
        return self._render(ids) if None in whole else cast(tuple[str, ...], whole)

    def _render(self, ids: Sequence[int]) -> tuple[str, ...]:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        pieces: list[str] = []
        leading = True
        for token in ids:
            data = self.tokens[token]
            if leading:
                data = data.lstrip(_CONTINUATION)
                leading = not data
            pieces.append(decoder.decode(data))
        return tuple(pieces)


def _whole(token: bytes) -> str | None:
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None


_CONTINUATION = bytes(range(0x80, 0xC0))
