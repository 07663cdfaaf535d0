"""What one explanation or score cost: the replies that were asked for while it was made."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from autointerp.domain.calls import Complete, Reply, Request


@dataclass(slots=True)
class Bill:
    """Tokens and nano-dollars; `cost` None: the price of some reply is not known. `model` answered last."""

    tokens: int = 0
    cost: int | None = 0
    model: str | None = None

    def add(self, request: Request, reply: Reply) -> None:
        """Book one reply; one from the cache cost nothing now."""
        self.model = f"{request.endpoint}/{reply.model}"
        if reply.cached:
            return
        self.tokens += reply.usage.total
        self.cost = None if self.cost is None or reply.cost is None else self.cost + reply.cost


@dataclass(frozen=True, slots=True)
class _Counter:
    bill: Bill
    draw: int


_open: ContextVar[_Counter | None] = ContextVar("bill", default=None)


@contextmanager
def billed(*, draw: int = 0) -> Generator[Bill]:
    """Book the replies that this task, and the tasks it begins, get within the block.

    `draw` above 0 asks for other replies than those which are kept: the ones of draw 0 could not be read.
    """
    bill = Bill()
    token = _open.set(_Counter(bill, draw))
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
        counter = _open.get()
        if counter is None:
            return await self._inner.complete(request)
        if counter.draw:
            request = replace(request, sample=request.sample + counter.draw)
        reply = await self._inner.complete(request)
        counter.bill.add(request, reply)
        return reply
