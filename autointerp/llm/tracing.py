"""A span for each attempt at a request, where this process is traced."""

from dataclasses import dataclass

from autointerp.domain.calls import Reply, Request
from autointerp.llm.meter import Attempts
from autointerp.observing.tracing import span


@dataclass(frozen=True, slots=True)
class Traced:
    """Traces what its attempts ask whom, and what that took; never what is asked or answered."""

    inner: Attempts

    async def attempt(self, request: Request, number: int) -> Reply:
        """Make one attempt in a span of its own, which fails with it."""
        about = {
            "gen_ai.request.model": request.model,
            "server.endpoint": request.endpoint,
            "autointerp.prompt": request.prompt,
            "autointerp.attempt": number,
        }
        with span("llm", **about) as current:
            reply = await self.inner.attempt(request, number)
            if current is not None:
                current.set_attributes(_told(reply))
            return reply


def _told(reply: Reply) -> dict[str, str | int]:
    return {
        "gen_ai.response.model": reply.model,
        "gen_ai.usage.input_tokens": reply.usage.total - reply.usage.output,
        "gen_ai.usage.output_tokens": reply.usage.output,
    }
