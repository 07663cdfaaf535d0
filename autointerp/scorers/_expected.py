"""The expected value of a number that a language model writes, from the log-probabilities at its place.

It is finer than the number written: a model that hesitates between 2 and 3 says so (Bills et al. 2023).
"""

import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from autointerp.domain.calls import Reply, TokenLogprob

DIGITS = 4  # kept of an expected value
# Below this much probability on all labels together, the token was no number and its odds say nothing.
LEAST_MASS = 0.5

_LABEL = re.compile(rb'[\s:"]*([0-9]{1,2})[^0-9]*')


def expectation(token: TokenLogprob, *, most: int, least_mass: float, written: int | None = None) -> float | None:
    """The mean of the labels 0 to `most` by their probabilities at `token`, which are made to add up to one.

    `written` is the number that begins with the token itself, where that is known: a tokenizer may split "10". None
    when the labels among the alternatives have less probability than `least_mass`, or none.
    """
    odds = dict(token.alternatives) | {token.token: token.logprob}
    labels = {text: _label(text) for text in odds} | ({} if written is None else {token.token: written})
    known = [(label, math.exp(odds[text])) for text, label in labels.items() if label is not None and label <= most]
    mass = math.fsum(weight for _, weight in known)
    if mass <= 0 or mass < least_mass:
        return None
    return round(math.fsum(label * weight for label, weight in known) / mass, DIGITS)


def of_labels(logprobs: Sequence[float]) -> float | None:
    """The mean of the labels 0, 1, … by their log-probabilities, made to add up to one; None: each is impossible."""
    most = max(logprobs)
    if most == -math.inf:
        return None
    weights = [math.exp(logprob - most) for logprob in logprobs]
    return round(math.fsum(label * weight for label, weight in enumerate(weights)) / math.fsum(weights), DIGITS)


def of_fields(reply: Reply, written: Mapping[str, int], *, most: int) -> tuple[float, ...]:
    """The expected value of each field of a JSON object; the number written where the reply does not show the odds."""
    data = b"".join(token.token for token in reply.logprobs)
    if data.strip() != reply.text.encode().strip():
        return tuple(float(value) for value in written.values())
    ends = list(accumulate(len(token.token) for token in reply.logprobs))

    def one(name: str, value: int) -> float:
        found = re.search(rb'"%s"\s*:\s*[0-9]' % re.escape(name.encode()), data)
        token = None if found is None else reply.logprobs[bisect_right(ends, found.end() - 1)]
        mean = None if token is None else expectation(token, most=most, least_mass=LEAST_MASS, written=value)
        return float(value) if mean is None else mean

    return tuple(one(name, value) for name, value in written.items())


def _label(text: bytes) -> int | None:
    found = _LABEL.fullmatch(text)
    return None if found is None else int(found[1])
