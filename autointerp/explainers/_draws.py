"""Another draw of everything an explainer asks, so that it makes another candidate of the same examples."""

from dataclasses import dataclass, field, replace

from autointerp.domain.calls import Complete, Reply, Request

STRIDE = 1_000  # draws between two candidates: room for those that are asked again because they could not be read


@dataclass(slots=True)
class Draw:
    """A language model that gives the replies of draw `number`; those of draw 0 are the ones everybody gets."""

    inner: Complete
    number: int
    _sent: dict[str, str] = field(default_factory=dict[str, str])

    async def complete(self, request: Request) -> Reply:
        """Ask for this draw."""
        sent = replace(request, sample=request.sample + STRIDE * self.number)
        self._sent[request.key] = sent.key
        return await self.inner.complete(sent)

    def sent_as(self, request: str | None) -> str | None:
        """Return the key of the request that was sent for the one that was asked for."""
        return None if request is None else self._sent.get(request, request)
