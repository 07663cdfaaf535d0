"""What one explanation or score cost: the replies that were asked for while it was made."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from autointerp.domain.calls import Complete, Reply, Request


@dataclass(slots=True)
class Bill:
    """Tokens and nano-dollars; `cost` None: the price of some reply is not known.

    `model` answered last, and `prompt` is the version of the prompt that was asked last. `fresh` counts the replies
    that were not kept from before. `draw` says which of many replies to one request is asked for.
    """

    draw: int = 0
    tokens: int = 0
    cost: int | None = 0
    model: str | None = None
    prompt: str | None = None
    fresh: int = 0
    _sent: dict[str, str] = field(default_factory=dict[str, str])
    _models: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def kept(self) -> bool:
        """Whether there were replies, and all of them were kept from before."""
        return self.model is not None and not self.fresh

    def sent_as(self, request: str | None) -> str | None:
        """Return the key of the request that was sent for the one that was asked for."""
        return None if request is None else self._sent.get(request, request)

    def answered_by(self, request: str | None) -> str | None:
        """Return the model that answered the request that was sent; None where none was, or no reply came."""
        return None if request is None else self._models.get(request)

    def draw_of(self, request: Request) -> Request:
        """Return the request as it is sent."""
        sent = replace(request, sample=request.sample + self.draw) if self.draw else request
        self.prompt = sent.prompt
        self._sent[request.key] = sent.key
        return sent

    def add(self, request: Request, reply: Reply) -> None:
        """Book one reply; one from the cache cost nothing now."""
        self.model = self._models[request.key] = f"{request.endpoint}/{reply.model}"
        if reply.cached:
            return
        self.fresh += 1
        self.tokens += reply.usage.total
        self.cost = None if self.cost is None or reply.cost is None else self.cost + reply.cost


_open: ContextVar[Bill | None] = ContextVar("bill", default=None)


@contextmanager
def billed(*, draw: int = 0) -> Generator[Bill]:
    """Book the replies that this task, and the tasks it begins, get within the block.

    `draw` above 0 asks for other replies than those which are kept: the ones of draw 0 could not be read.
    """
    bill = Bill(draw)
    token = _open.set(bill)
    try:
        yield bill
    finally:
        _open.reset(token)


class Billing:
    """Passes requests on and books the replies on the bill that is open."""

    def __init__(self, inner: Complete) -> None:
        self._inner = inner

    async def complete(self, request: Request) -> Reply:
        """Answer as the wrapped one does."""
        bill = _open.get()
        if bill is None:
            return await self._inner.complete(request)
        sent = bill.draw_of(request)
        reply = await self._inner.complete(sent)
        bill.add(sent, reply)
        return reply
