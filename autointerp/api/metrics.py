"""`/metrics` for Prometheus: the requests of this process, and the whole service as the database knows it."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from autointerp.domain.ledger import AttemptStatus
from autointerp.errors import Unavailable
from autointerp.runs.census import Census, CensusTaker
from autointerp.storage.ledger_sums import BOUNDS, Key, Sums

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
OF_A_REQUEST = ("method", "route", "status")
OF_A_MODEL = ("endpoint", "model")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DATABASE = ("autointerp_database_up", "Whether the database answers.")
NANO = 1e9
log = logging.getLogger(__name__)

router = APIRouter(tags=["health"], include_in_schema=False)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Show the numbers."""
    registry = cast(CollectorRegistry, request.app.state.metrics)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class RequestMeter:
    """Counts the requests of one process and how long they took, by method, route and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter("autointerp_http_requests", "Requests answered.", OF_A_REQUEST, registry=registry)
        self._seconds = Histogram(
            "autointerp_http_request_seconds",
            "How long requests took.",
            OF_A_REQUEST,
            buckets=SECONDS,
            registry=registry,
        )

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is a template, so that there are few."""
        labels = method if method in METHODS else "other", route, str(status)
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)


@dataclass(frozen=True, slots=True, eq=False)
class ServiceNumbers(Collector):
    """Takes a census when it is asked."""

    taker: CensusTaker

    def collect(self) -> Iterable[Metric]:
        """Yield every number that is the same whichever process is asked."""
        try:
            census = self.taker.take()
        except Unavailable as error:
            log.warning("the metrics lack what the database knows: %s", error)
            yield _gauge(*DATABASE, (), {(): 0})
            return
        yield _gauge(*DATABASE, (), {(): 1})
        yield from _counts(census)
        if census.ledger is not None:
            yield from _calls(census.ledger)


def _counts(census: Census) -> Iterator[Metric]:
    yield _gauge("autointerp_workers", "Workers alive.", (), {(): census.alive})
    yield _gauge("autointerp_queue_workers", "Workers alive that serve a queue.", ("queue",), _by(census.workers))
    yield _gauge("autointerp_queue_depth", "Jobs that wait on a queue.", ("queue",), _by(census.queued))
    yield _gauge("autointerp_runs", "Runs by state.", ("state",), _by(census.runs))
    yield _gauge("autointerp_features", "Features of all runs by state.", ("state",), _by(census.features))
    yield _gauge("autointerp_harvests", "Harvests by state.", ("state",), _by(census.harvests))
    yield _gauge("autointerp_harvest_tokens", "Tokens read by all harvests.", (), {(): census.tokens_harvested})
    pace = "Tokens a second of each harvest that is being read."
    yield _gauge("autointerp_harvest_tokens_per_second", pace, ("harvest",), _by(census.paces))
    read = "Whether the ledger has been read; until then there are no numbers of language models."
    yield _gauge("autointerp_ledger_read", read, (), {(): census.ledger is not None})


def _calls(ledger: Mapping[Key, Sums]) -> Iterator[Metric]:
    requests: dict[tuple[str, ...], float] = defaultdict(float)
    tokens: dict[tuple[str, ...], float] = defaultdict(float)
    hits: dict[tuple[str, ...], float] = defaultdict(float)
    dollars: dict[tuple[str, ...], float] = defaultdict(float)
    for key, sums in ledger.items():
        model = key.endpoint, key.model
        if key.status is AttemptStatus.CACHED:
            hits[model] += sums.lines
            continue
        requests[*model, key.status.value, "batch" if key.batch else "online"] += sums.lines
        dollars[model] += sums.cost / NANO
        for kind in ("input", "cache_read", "cache_write", "output"):
            tokens[*model, kind] += getattr(sums, kind)
    by_status = (*OF_A_MODEL, "status", "mode")
    yield _counter("autointerp_llm_requests", "Attempts at language models by how they ended.", by_status, requests)
    yield _counter("autointerp_llm_tokens", "Tokens that were billed, by kind.", (*OF_A_MODEL, "kind"), tokens)
    yield _counter("autointerp_llm_dollars", "Dollars spent, where the price is known.", OF_A_MODEL, dollars)
    yield _counter("autointerp_llm_cache_hits", "Requests answered from kept replies.", OF_A_MODEL, hits)
    yield _latency(ledger)


def _latency(ledger: Mapping[Key, Sums]) -> Metric:
    """How long attempts took that were no part of a batch and were not answered from a kept reply."""
    family = HistogramMetricFamily("autointerp_llm_seconds", "How long attempts took.", labels=OF_A_MODEL)
    asked = {key: sums for key, sums in ledger.items() if not key.batch and key.status is not AttemptStatus.CACHED}
    for model in sorted({(key.endpoint, key.model) for key in asked}):
        mine = {key: sums for key, sums in asked.items() if (key.endpoint, key.model) == model}
        counts = [
            sum(one.lines for key, one in mine.items() if key.bucket <= place) for place in range(len(BOUNDS) + 1)
        ]
        bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
        family.add_metric(
            model, list(zip(bounds, counts, strict=True)), sum_value=sum(one.seconds for one in mine.values())
        )
    return family


def _by(counts: Mapping[Any, float]) -> dict[tuple[str, ...], float]:
    return {(str(name),): count for name, count in counts.items()}


def _gauge(
    name: str, meaning: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for of, value in values.items():
        family.add_metric(of, float(value))
    return family


def _counter(
    name: str, meaning: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, meaning, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family
