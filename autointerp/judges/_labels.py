"""The probability that a field of a JSON reply is true, read from the log-probabilities of its value's first token."""

import math
import re
from collections.abc import Sequence

from autointerp.domain.calls import Reply, TokenLogprob

# Below this much probability on true and false together, the token was no verdict and its odds say nothing.
LEAST_MASS = 0.5

_ABSENT = -9000.0  # OpenAI writes -9999 for what is not among the alternatives


def probability(reply: Reply, field: str) -> float | None:
    """P(true) / (P(true) + P(false)) at the value of `field`; None when the reply does not show it.

    Renormalising over the two labels makes servers agree that do and do not mask by the grammar. A label that is not
    among the alternatives is bounded by the least of them.
    """
    token = _value_token(reply, field)
    if token is None:
        return None
    alternatives = dict(token.alternatives) | {token.token: token.logprob}
    known = {text: logprob for text, logprob in alternatives.items() if logprob > _ABSENT}
    labels = {text: _label(text) for text in known}
    mass = {label: math.fsum(math.exp(known[t]) for t in known if labels[t] is label) for label in (True, False)}
    if mass[True] + mass[False] < LEAST_MASS:
        return None
    bound = math.exp(min(known.values()))
    yes, no = (mass[label] or min(bound, 1 - mass[not label]) for label in (True, False))
    return yes / (yes + no)


def _value_token(reply: Reply, field: str) -> TokenLogprob | None:
    """The token that covers the first byte of the field's value."""
    data = b"".join(token.token for token in reply.logprobs)
    found = re.search(rb'"%s"\s*:\s*(true|false)' % re.escape(field.encode()), data)
    if found is None or not _same_text(data, reply.text):
        return None
    return _covering(reply.logprobs, found.start(1))


def _same_text(data: bytes, text: str) -> bool:
    return data.strip() == text.encode().strip()


def _covering(tokens: Sequence[TokenLogprob], position: int) -> TokenLogprob | None:
    end = 0
    for token in tokens:
        end += len(token.token)
        if position < end:
            return token
    return None


def _label(token: bytes) -> bool | None:
    """Which label a token begins: `true`, ` true`, `:true,` and `t` are True, their likes False, others None."""
    text = token.decode("utf-8", "replace").lstrip(' \t\r\n:"').lower()
    if not text:
        return None
    for label in (True, False):
        name = str(label).lower()
        if name.startswith(text) or re.match(rf"{name}\b", text):
            return label
    return None
