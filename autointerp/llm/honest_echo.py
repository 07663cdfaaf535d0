"""The honest reader's log-probabilities of given text: a word that stood before is ten times as likely as a new one."""

import math
import re

from autointerp.domain.calls import TokenLogprob

TOKEN = re.compile(r"\s*(\w+|[^\w\s]+)|\s+")
KNOWN, NEW = math.log(0.01), math.log(0.001)


def echo(text: str) -> tuple[TokenLogprob, ...]:
    """The words and runs of signs of `text` after the first, each with the spaces before it."""
    seen: set[str] = set()
    found: list[TokenLogprob] = []
    for match in TOKEN.finditer(text):
        word = (match[1] or "").casefold()
        found.append(TokenLogprob(match[0].encode(errors="replace"), KNOWN if word in seen else NEW))
        seen.add(word)
    return tuple(found[1:])
