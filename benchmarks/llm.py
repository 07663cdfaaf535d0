"""What the layer between plug-ins and language models costs: time, CPU and dollars, side by side in one run.

    python -m benchmarks.llm [--only CASE] [--json FILE]

Servers run in processes of their own on this machine. Prints a table; with `--json FILE`, or JSON=FILE in the
environment, it also writes the rows to that file.
"""

import argparse
import asyncio
import gc
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import openai

from autointerp.domain.calls import Message, Request, Role
from autointerp.hashing import canonical_json
from autointerp.llm.base import Endpoint, Policy
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.prices import FREE
from autointerp.llm.providers.openai import Config, body
from autointerp.llm.stack import open_llm
from benchmarks.llm_cost import cost_table
from benchmarks.llm_run import detection_rate
from benchmarks.llm_server import serving
from benchmarks.tables import Line, at_least, at_most, noted, show

AT_ONCE, WIDE = 64, 256
RULES = "Answer every question with true or false. " * 80  # with its questions about as long as a scorer's prompt
SCHEMA = canonical_json(
    {
        "type": "object",
        "properties": {name: {"type": "boolean"} for name in "abcdefghij"},
        "required": list("abcdefghij"),
        "additionalProperties": False,
    }
)


def ask(number: int) -> Request:
    """Return a request like a scorer's, other than all others."""
    passages = "\n".join(f'{{"{name}": "passage {number} {"word " * 30}"}}' for name in "abcdefghij")
    messages = (Message(Role.SYSTEM, RULES, shared=True), Message(Role.USER, passages))
    return Request("main", "m", messages, max_tokens=100, schema=SCHEMA)


def endpoint(url: str, **policy: Any) -> Endpoint:
    """Return the endpoint of a server."""
    return Endpoint(name="main", provider="openai", base_url=url, policy=Policy(**policy), price=FREE)


async def spread(calls: int, at_once: int, call: Callable[[int], Awaitable[object]]) -> None:
    """Make so many calls, so many at once."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def through_the_stack(url: str, calls: int, at_once: int, **policy: Any) -> MemoryBooks:
    """Make the calls as plug-ins do."""
    books = MemoryBooks()
    async with open_llm([endpoint(url, **policy)], run="r", books=books) as llm:
        await spread(calls, at_once, lambda number: llm.complete(ask(number)))
    return books


async def seconds_connected(url: str, calls: int, at_once: int) -> float:
    """Return how long the calls take over connections that are open already."""
    policy = {"concurrency": at_once, "max_concurrency": at_once}
    async with open_llm([endpoint(url, **policy)], run="r", books=MemoryBooks()) as llm:
        await spread(at_once, at_once, lambda number: llm.complete(ask(-1 - number)))
        gc.collect()
        gc.freeze()  # as a worker does
        start = time.perf_counter()
        await spread(calls, at_once, lambda number: llm.complete(ask(number)))
        taken = time.perf_counter() - start
        gc.unfreeze()
        return taken


def throughput() -> list[Line]:
    """Measure how near the layer comes to a server that takes a second, over so many rounds that the first burst, in
    which all requests wait for each other, counts for little, as in any run that lasts."""
    rounds = 40
    with serving(latency=1.0) as url:
        taken = asyncio.run(seconds_connected(url, rounds * WIDE, WIDE))
    return [at_least(f"throughput at concurrency {WIDE}, 1 s latency / the ideal", rounds / taken, 0.95, "ratio")]


def client_cpu() -> list[Line]:
    """Compare the CPU time of a request with that of bare aiohttp and of the SDK's own `create`."""
    calls = 1_500
    policy = {"concurrency": AT_ONCE, "max_concurrency": AT_ONCE}
    with serving(latency=0.02) as url:
        ways: dict[str, Callable[[int], Coroutine[Any, Any, object]]] = {
            "aiohttp": lambda count: _bare(url, count),
            "create": lambda count: _create(url, count),
            "stack": lambda count: through_the_stack(url, count, AT_ONCE, **policy),
        }
        for way in ways.values():
            asyncio.run(way(AT_ONCE))
        spent = {name: min(_cpu(way, calls) for _ in range(3)) / calls for name, way in ways.items()}
    return [
        at_most(
            f"client CPU a request / bare aiohttp, concurrency {AT_ONCE}", spent["stack"] / spent["aiohttp"], 5, "ratio"
        ),
        at_most("the same / the SDK's own create", spent["stack"] / spent["create"], 0.5, "ratio"),
        noted("client CPU a request", spent["stack"] * 1e3, "ms"),
    ]


def _cpu(way: Callable[[int], Coroutine[Any, Any, object]], calls: int) -> float:
    start = time.process_time()
    asyncio.run(way(calls))
    return time.process_time() - start


async def _bare(url: str, calls: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call(number: int) -> None:
            async with session.post(f"{url}/chat/completions", json=body(ask(number), Config())) as response:
                await response.read()

        await spread(calls, AT_ONCE, call)


async def _create(url: str, calls: int) -> None:
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:

        async def call(number: int) -> None:
            await client.chat.completions.create(**body(ask(number), Config()))

        await spread(calls, AT_ONCE, call)


def bucket() -> list[Line]:
    """Count what comes through a server that lets 100 requests a second pass."""
    with serving(latency=0.05, rate=100) as url:
        start = time.perf_counter()
        books = asyncio.run(through_the_stack(url, 600, AT_ONCE, wait_initial=0.2, wait_max=5, attempts=20))
        taken = time.perf_counter() - start
    answered = sum(line.status == "answered" for line in books.lines)
    return [
        at_least("requests completed of 600 against a bucket of 100 a second", answered, 600, "requests"),
        noted("– refused on the way", len(books.lines) - answered, "requests"),
        noted("– seconds (ideal: 6)", taken, "s"),
    ]


def whole_run(folder: Path) -> list[Line]:
    """Measure a detection run with everything that belongs to it."""
    with serving() as url:
        rate, requests = detection_rate(folder, endpoint(url, concurrency=AT_ONCE, max_concurrency=AT_ONCE))
    return [
        at_least("detection run, one worker, database writes included", rate, 300, "requests/s"),
        noted("– requests", requests, "requests"),
    ]


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the cases whose name holds this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    table: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        cases: dict[str, Callable[[], Sequence[Line]]] = {
            "cpu": client_cpu,
            "throughput": throughput,
            "bucket": bucket,
            "run": lambda: whole_run(Path(folder)),
            "cost": lambda: cost_table(Path(folder)),
        }
        for name, measure in cases.items():
            if options.only in name:
                table += (rows := measure())
                for row in rows:
                    print(f"{row.case}: {row.value:g} {row.unit}", file=sys.stderr)
    show(table, options.json)


if __name__ == "__main__":
    main()
