"""What a language model may answer, and how it becomes a claim: one line, bounded, and no thinking aloud."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LONGEST = 1_000  # characters; a claim that is longer tells how it was found
COPIED = 30  # characters from which on a sentence is not repeated by chance

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|“[^”]*”|`[^`]*`')
_TAG = re.compile(r"</?\s*(?:think|thinking|thoughts?|reason|reasoning|analysis|scratchpad|answer|explanation)\b", re.I)
_FIELD = re.compile(r'\{\s*"(?:reasoning|explanation|fires_on|promotes)"\s*:')
_STARTS = r"(?:^|[.!?;:]\s+|[\r\n]\s*)[\s*#\[_-]*"
_LABEL = re.compile(
    _STARTS + r"(?:reasoning|thinking|thoughts?|analysis|scratchpad|chain of thought|step[ -]by[ -]step|step \d+"
    r"|(?:final )?(?:answer|explanation)|conclusion)\b[\s*\]_]*(?::|\n)",
    re.I,
)
_ALOUD = re.compile(
    _STARTS + r"(?:(?:okay|ok|alright|hmm+|well|first|so|wait),"
    r"|let(?: me|'s|’s| us)\b|looking at (?:the|these|all)\b"
    r"|(?:i|we)(?:'ll|’ll|'m|’m| am| can| will| need| should| must| see| notice| think| believe| would| conclude)\b"
    r"|(?:all |most |many |some )?(?:of )?(?:the|these) (?:\w+ ){0,2}(?:examples?|excerpts?|passages?)"
    r" (?:all |mostly )?(?:show|shows|contain|contains|have|has|share|suggest|suggests|indicate|indicates|are|is)\b)",
    re.I,
)
_CONCLUDED = re.compile(
    r"[.!?;]\s+(?:therefore|thus|hence|so|overall|in (?:conclusion|summary|short)|this (?:suggests|indicates|means)"
    r"|putting (?:it|this|these|all) together)\b",
    re.I,
)


def thinking(text: str) -> str | None:
    """Why a text tells how a claim was found instead of being one; None when it looks like a claim.

    What stands in quotation marks is somebody else's and is not looked at, but for JSON in place of a sentence.
    """
    plain = _QUOTED.sub('""', text.strip())
    if _FIELD.search(text):
        return "it holds a JSON object"
    for pattern, what in (
        (_TAG, "a tag for reasoning or answers"),
        (_LABEL, "a heading for reasoning or answers"),
        (_ALOUD, "thinking aloud"),
        (_CONCLUDED, "a conclusion drawn from what stands before it"),
    ):
        if found := pattern.search(plain):
            return f"it holds {what} ({found.group().strip()!r})"
    return None


def _claimed(text: str) -> str:
    if why := thinking(text):
        raise ValueError(f"this is no claim: {why}")
    return text


Sentence = Annotated[str, Field(max_length=LONGEST), AfterValidator(_claimed)]


class Claim(BaseModel):
    """A claim alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    explanation: Sentence


class Promotion(BaseModel):
    """A claim about what a feature makes the model write."""

    model_config = ConfigDict(extra="forbid", strict=True)

    promotes: Sentence


class BothSides(BaseModel):
    """A claim about each side of a feature."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fires_on: Sentence
    promotes: Sentence


class Reasoned(BaseModel):
    """A claim after the reasoning that leads to it; the reasoning is read and dropped."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reasoning: str
    explanation: Sentence

    @model_validator(mode="after")
    def _apart(self) -> "Reasoned":
        claimed = _sentences(self.explanation)
        copied = [one for one in claimed if len(one) >= COPIED and one in _sentences(self.reasoning)]
        if copied and len(claimed) > 1:  # one sentence alone may be what the reasoning ends with
            raise ValueError(f"this is no claim: it repeats the reasoning ({copied[0]!r})")
        return self


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", " ".join(text.casefold().split()))


def one_line(text: str, length: int) -> str:
    """The text on one line, cut at a word where it is longer than `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
