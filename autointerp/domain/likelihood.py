"""How likely a causal language model finds given texts, and given labels in the blanks of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from autointerp.domain.explanations import UnreadKind

# The name under which plug-ins open the run's own subject model.
SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Continuation:
    """A text that is read right after a prefix.

    The two are one text to the model's tokenizer, and the text's tokens are those that begin at or after the boundary:
    a token that lies across it counts as the prefix's. So a prefix is best ended where tokens end, and a text begun
    where they begin: after a line break, or with a space.
    """

    prefix: str
    text: str


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The log-probability of a text in nats, the sum over its `tokens` tokens.

    `logprob` None: the reply could not be read, for the reason `unread`. `request` is the key of the request, where
    there was one.
    """

    logprob: float | None
    tokens: int
    unread: UnreadKind | None = None
    request: str | None = None


class LogProb(Protocol):
    """Tells how likely each text is after its prefix."""

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """One answer each, in the order asked, which must not matter; `prompt` is the version, for the ledger."""
        ...


@dataclass(frozen=True, slots=True)
class Cloze:
    """A text with blanks that is read right after a prefix: between each two of its `parts` stands the mark.

    Where both do not fit into a model's context, the prefix is cut at its front.
    """

    prefix: str
    parts: tuple[str, ...]
    mark: str


# Of each label in each blank of one text.
LabelLogProbs = tuple[tuple[float, ...], ...]


@runtime_checkable
class ClozeLogProb(Protocol):
    """Tells how likely each label is in each blank of a text, in the mark's place."""

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        """One answer each, in the order asked, which must not matter.

        A log-probability is in nats and normalised over the whole vocabulary, so that those of the labels need not add
        up to one; it is that of the label after all that stands before the blank, where earlier blanks hold the mark.
        InvalidModel where a label is no token of its own in a blank.
        """
        ...
