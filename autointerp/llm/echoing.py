"""How likely an endpoint's model finds given texts, by completions that echo them with their log-probabilities."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.calls import Complete, Message, Request, Role, TokenLogprob
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.likelihood import Continuation, Likelihood
from autointerp.llm.base import BadRequest, Malformed, MissingCapability


@dataclass(frozen=True, slots=True)
class Echoing:
    """Implements `domain.likelihood.LogProb`, one request a text."""

    llm: Complete
    endpoint: str
    model: str

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """Ask about different texts once and all at once (the LLM layer limits them).

        An endpoint that does not echo is a MissingCapability that names what does; it, other LLMErrors and OutOfBudget
        end the batch.
        """
        tasks: dict[Continuation, asyncio.Task[Likelihood]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {one: group.create_task(self._read(one, prompt)) for one in dict.fromkeys(asked)}
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [tasks[one].result() for one in asked]

    async def _read(self, asked: Continuation, prompt: str | None) -> Likelihood:
        request = Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=(Message(Role.USER, asked.prefix + asked.text),),
            max_tokens=1,
            prompt=prompt,
            echo=True,
        )
        try:
            reply = await self.llm.complete(request)
        except MissingCapability:
            raise
        except BadRequest:
            return Likelihood(None, 0, UnreadKind.FAILED, request.key)
        except Malformed:
            return Likelihood(None, 0, UnreadKind.MALFORMED, request.key)
        tokens = tokens_of_text(asked, reply.echoed)
        if tokens is None:
            return Likelihood(None, 0, UnreadKind.UNPARSABLE, request.key)
        logprob = sum(token.logprob for token in tokens)
        if not math.isfinite(logprob):
            return Likelihood(None, 0, UnreadKind.NOT_A_NUMBER, request.key)
        return Likelihood(logprob, len(tokens), request=request.key)


def tokens_of_text(asked: Continuation, echoed: Sequence[TokenLogprob]) -> Sequence[TokenLogprob] | None:
    """The tokens that begin at or after the boundary; None where they do not spell the text.

    Counted from the end, because a server may put special tokens in front. Servers that show the parts of a character
    as U+FFFD do not spell texts that have such.
    """
    spelled = (asked.prefix + asked.text).encode(errors="replace")
    boundary = len(asked.prefix.encode(errors="replace"))
    place, first = len(spelled), len(echoed)
    while place > boundary or (first > 0 and not echoed[first - 1].token):
        if first == 0 or not spelled.endswith(echoed[first - 1].token, 0, place):
            return None
        begin = place - len(echoed[first - 1].token)
        if begin < boundary:
            break
        place, first = begin, first - 1
    return echoed[first:]
