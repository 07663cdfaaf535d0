"""What one process asks of language models, as numbers for Prometheus: counted where the books are kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Allowance, Attempt, AttemptStatus, Books, Hold
from autointerp.llm.stack import Line

SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
OF_A_MODEL = ("endpoint", "model")


class Attempted:
    """The counters of one process, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "autointerp_worker_llm_attempts", "Attempts by how they ended.", (*OF_A_MODEL, "status"), registry=registry
        )
        self._seconds = Histogram(
            "autointerp_worker_llm_seconds", "How long attempts took.", OF_A_MODEL, buckets=SECONDS, registry=registry
        )
        self._hits = Counter(
            "autointerp_worker_llm_cache_hits", "Requests answered from kept replies.", OF_A_MODEL, registry=registry
        )

    def count(self, attempt: Attempt) -> None:
        """Count one line of the ledger."""
        of = attempt.endpoint, attempt.model_asked
        if attempt.status is AttemptStatus.CACHED:
            self._hits.labels(*of).inc()
            return
        self._attempts.labels(*of, attempt.status.value).inc()
        self._seconds.labels(*of).observe((attempt.finished_at - attempt.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class CountedBooks:
    """Keeps the books, and counts each line that is booked."""

    inner: Books
    attempted: Attempted

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under the key of its request."""
        return await self.inner.find(key)

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, hold: Hold | None = None) -> None:
        """Write one line and count it."""
        await self.inner.book(attempt, keep=keep, hold=hold)
        self.attempted.count(attempt)

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking from a bucket that all share."""
        return await self.inner.turn(bucket, cost, burst=burst)

    def allowance(self, run: str) -> Allowance | None:
        """Return the budget of a run."""
        return self.inner.allowance(run)


@dataclass(frozen=True, slots=True, eq=False)
class OpenLines(Collector):
    """Reads the limiters of the open lines when it is asked."""

    lines: Callable[[], Mapping[str, Line]]

    def collect(self) -> Iterable[Metric]:
        """How many requests are in flight at each endpoint, and how many may be."""
        flying = GaugeMetricFamily("autointerp_worker_llm_in_flight", "Requests in flight.", labels=("endpoint",))
        limit = GaugeMetricFamily("autointerp_worker_llm_limit", "Requests that may be.", labels=("endpoint",))
        for name, line in self.lines().items():
            flying.add_metric((name,), line.limiter.in_flight)
            limit.add_metric((name,), line.limiter.limit)
        return flying, limit
