"""A chat server in a process of its own that costs its client as little as a server can.

    python -m benchmarks.llm_server [--latency SECONDS] [--rate REQUESTS_A_SECOND]

It fills in the schema of each request, after `latency`; beyond `rate` (a token bucket that holds a tenth of a second)
it answers 429. The first line that it prints is its port.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache

from aiohttp import web

REFUSED = {"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit_exceeded"}}


class Bucket:
    """Lets through so many requests a second; None: all."""

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self.level = 0.0 if rate is None else rate / 10
        self.last = time.monotonic()

    def take(self) -> bool:
        """Take one, if there is one."""
        if self.rate is None:
            return True
        now = time.monotonic()
        self.level = min(max(1.0, self.rate / 10), self.level + (now - self.last) * self.rate)
        self.last = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@lru_cache(maxsize=64)
def filled(schema: str) -> str:
    """Return JSON that follows a flat schema."""
    properties = json.loads(schema)["properties"]
    return json.dumps({name: "some words" if rule["type"] == "string" else True for name, rule in properties.items()})


def app(latency: float, rate: float | None) -> web.Application:
    """Return the server."""
    bucket = Bucket(rate)

    async def chat(request: web.Request) -> web.Response:
        data = await request.read()
        if not bucket.take():
            return web.json_response(REFUSED, status=429)
        if latency:
            await asyncio.sleep(latency)
        schema = json.loads(data).get("response_format", {}).get("json_schema", {}).get("schema")
        text = filled(json.dumps(schema)) if schema else "Blue."
        return web.json_response(
            {
                "id": "c",
                "model": "m",
                "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": len(data) // 4, "completion_tokens": len(text) // 4 + 1},
            }
        )

    made = web.Application(client_max_size=1 << 24)
    made.router.add_post("/v1/chat/completions", chat)
    return made


@contextmanager
def serving(*, latency: float = 0.0, rate: float | None = None) -> Generator[str]:
    """Run the server for as long as the block; yields its base URL."""
    command = [sys.executable, "-m", "benchmarks.llm_server", "--latency", str(latency)]
    command += [] if rate is None else ["--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


async def _run(latency: float, rate: float | None) -> None:
    runner = web.AppRunner(app(latency, rate), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rate", type=float)
    options = parser.parse_args()
    asyncio.run(_run(options.latency, options.rate))
