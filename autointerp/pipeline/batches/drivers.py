"""The batch APIs that one process has open."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autointerp.errors import InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.llm.batches.base import BatchDriver
from autointerp.llm.batches.opening import batch_tariff_of, open_batches
from autointerp.llm.prices import Tariff


@dataclass(frozen=True, slots=True)
class Drivers:
    """Opened at the first use of each; made, used and closed in one event loop."""

    endpoints: Mapping[str, Endpoint]
    _open: dict[str, BatchDriver] = field(default_factory=dict[str, BatchDriver])

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint; InvalidSpec when this worker has none of that name."""
        if name not in self.endpoints:
            raise InvalidSpec(f"this worker has no LLM endpoint {name!r}; give it the settings of the others")
        return self.endpoints[name]

    def driver(self, name: str) -> BatchDriver:
        """Return the batch API of an endpoint."""
        if name not in self._open:
            self._open[name] = open_batches(self.endpoint(name))
        return self._open[name]

    def tariff(self, name: str) -> Tariff:
        """Return what batches of an endpoint cost."""
        return batch_tariff_of(self.endpoint(name))

    async def close(self) -> None:
        """Close every connection."""
        for driver in self._open.values():
            await driver.close()
        self._open.clear()
