"""By how much a text is likelier after one prefix than after another."""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.likelihood import Continuation, Likelihood, LogProb
from autointerp.domain.tools import Rendered


@dataclass(frozen=True, slots=True)
class Gain:
    """The log-probabilities of one text after two prefixes, the first of which should make it likelier."""

    more: Likelihood
    less: Likelihood

    def answer(self, *, per_token: bool) -> Answer:
        """The gain in nats (of a token on average, or of the whole text) as a confidence; yes where it is above 0."""
        if self.more.logprob is None or self.less.logprob is None:
            unread = self.more if self.more.logprob is None else self.less
            return Answer(None, unread=unread.unread, request=unread.request)
        gain = self.more.logprob - self.less.logprob
        if per_token:
            gain /= max(1, self.more.tokens)
        return Answer(gain > 0, gain, Confidence.GAIN, request=self.more.request)

    @property
    def note(self) -> dict[str, float | None]:
        """The two log-probabilities and the number of tokens, for the audit."""
        return {"more": self.more.logprob, "less": self.less.logprob, "tokens": self.more.tokens}


async def gains(
    reader: LogProb, pairs: Sequence[tuple[Continuation, Continuation]], *, prompt: str | None
) -> list[Gain]:
    """Read both continuations of each pair, all in one batch; LLMError and OutOfBudget are the caller's."""
    read = await reader.logprobs([one for pair in pairs for one in pair], prompt=prompt)
    return [Gain(more, less) for more, less in zip(read[::2], read[1::2], strict=True)]


def prefix(rendered: Rendered) -> str:
    """The messages of a prompt that a base model goes on with, as one text."""
    return "\n\n".join(message.text for message in rendered.messages)
