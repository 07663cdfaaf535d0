"""What an explainer returns: an explanation, or the reason why there is none."""

from dataclasses import dataclass
from enum import StrEnum


class UnreadKind(StrEnum):
    """Why a reply could not be read."""

    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    EMPTY = "empty"
    PROSE = "prose"  # words where JSON was asked for
    UNPARSABLE = "unparsable"  # JSON that is broken or of another shape
    WRONG_COUNT = "wrong_count"  # answers are missing, or there are more than were asked for
    DUPLICATE = "duplicate"  # a name stands twice: which answer counts?
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"  # not what the wire promises: a web page, say
    FAILED = "failed"  # the request was refused as it stands, or could not be made
    MISSING = "missing"  # the server left this question out of its answers
    UNDECIDED = "undecided"  # most of the model's weight lay on neither yes nor no


@dataclass(frozen=True, slots=True)
class Unread:
    """A reply that could not be read; it is counted and kept, and never scored."""

    kind: UnreadKind
    detail: str
    raw: str = ""
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that was tried before one was chosen, with the value it got; None: undefined, for the reason given.

    `request` is the digest of the LLM request that made it, None where no LLM was asked.
    """

    text: str
    request: str | None
    value: float | None
    undefined: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One sentence or a few words claiming when a feature fires or what it does.

    `shown` are the windows (context, start) of the examples that the explainer saw; `prompt` is the version of the
    prompt that made it and `request` the digest of the LLM request, both None where no LLM was asked. `candidates` are
    all that were tried, this one among them, in the order in which they were made; none where nothing was chosen.
    """

    text: str
    shown: tuple[tuple[int, int], ...]
    prompt: str | None = None
    request: str | None = None
    candidates: tuple[Candidate, ...] = ()
