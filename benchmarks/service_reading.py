"""How long the API takes to answer: a process of its own, asked over one connection that is kept alive."""

import base64
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from autointerp.storage.engine import Database
from benchmarks.service_catalogue import Catalogue
from benchmarks.service_filling import Filled
from benchmarks.tables import Line, at_most, noted

ASKED, BEFORE = 200, 10  # requests of each kind that are measured, and before them
PATIENCE = 120.0
Ask = Callable[[], str]


def read(database: Database, filled: Filled, folder: Path) -> list[Line]:
    """Measure every kind of page."""
    rng = random.Random(0)
    with serving(database.url, folder) as server:
        pages = Pages(server, filled, rng)
        words = _words()
        table = [*pages.measured("feature page", lambda: f"/v1/features/{rng.choice(filled.ids)}", 20)]
        for name, filters in _lists(words, rng).items():
            table += pages.measured(f"list {name}, first page", lambda f=filters: pages.first(f()), 50)
            table += pages.measured(f"list {name}, deep page", lambda f=filters: pages.deep(f()), 50)
        for name, chosen in words.items():
            ask = lambda c=chosen: "/v1/searches?" + urlencode({"text": rng.choice(c)})  # noqa: E731
            table += pages.measured(f"search of explanations, {name}", ask, 100)
    return table


class Server:
    """The API in a process of its own."""

    def __init__(self, port: int, pid: int) -> None:
        self.pid = pid
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def get(self, path: str) -> Any:
        """Read an answer; anything but 200 ends the benchmark."""
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {content[:300]!r}")
        return content

    def seconds(self) -> float:
        """CPU time that the process has had."""
        spent = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


class Pages:
    """The addresses of pages, and how long they take."""

    def __init__(self, server: Server, filled: Filled, rng: random.Random) -> None:
        self.server, self.filled, self.rng = server, filled, rng

    def first(self, filters: dict[str, Any]) -> str:
        """The first page of a list of features."""
        return "/v1/features?" + urlencode({"harvest_id": self.filled.harvest, **filters})

    def deep(self, filters: dict[str, Any]) -> str:
        """A page somewhere in a list: behind any of its features, as the cursor of a reader who came so far says."""
        first = self.first({**filters, "limit": 1})
        following = json.loads(self.server.get(first))["next"]
        if following is None:
            return self.first(filters)
        cursor = json.loads(base64.urlsafe_b64decode(following + "=" * (-len(following) % 4)))
        cursor["after"] = self.rng.choice(self.filled.ids)
        packed = base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")
        return self.first({**filters, "cursor": packed})

    def measured(self, case: str, ask: Ask, target: float) -> list[Line]:
        """Ask for such pages, and return the time of the slowest but one in a hundred."""
        for _ in range(BEFORE):
            self.server.get(ask())
        paths = [ask() for _ in range(ASKED)]
        times: list[float] = []
        before = self.server.seconds()
        for path in paths:
            start = time.perf_counter()
            self.server.get(path)
            times.append((time.perf_counter() - start) * 1_000)
        cpu = (self.server.seconds() - before) / ASKED * 1_000
        slowest, middle = float(np.percentile(times, 99)), float(np.median(times))
        print(f"{case}: p99 {slowest:.1f} ms, median {middle:.1f} ms, CPU {cpu:.1f} ms", file=sys.stderr)
        return [
            at_most(f"{case}, p99", slowest, target, "ms"),
            noted("– median", middle, "ms"),
            noted("– CPU of the server", cpu, "ms"),
        ]


@contextmanager
def serving(url: str, folder: Path) -> Generator[Server]:
    """Run the API over a database for as long as the block."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    environment = {**os.environ, "AUTOINTERP_DATABASE_URL": url, "AUTOINTERP_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "autointerp.cli", "serve", "--api-only", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            server = Server(port, process.pid)
            _await(server)
            yield server
        finally:
            process.terminate()


def _await(server: Server) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            server.get("/health")
            return
        except OSError:
            server.connection.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _words() -> dict[str, Sequence[str]]:
    """Words of explanations by how many hold them."""
    catalogue = Catalogue()
    counted = Counter(word for text in catalogue.texts for word in set(text.split()[2:]))
    shares = {word: times / len(catalogue.texts) for word, times in counted.items()}
    bounds = {"a word of one in 30": (0.02, 0.05), "of one in 200": (0.003, 0.008), "of one in 5,000": (1e-4, 3e-4)}
    return {name: [w for w, share in shares.items() if low <= share <= high] for name, (low, high) in bounds.items()}


def _lists(words: dict[str, Sequence[str]], rng: random.Random) -> dict[str, Callable[[], dict[str, Any]]]:
    return {
        "by index": lambda: {},
        "by density": lambda: {"order": "density"},
        "by score": lambda: {"order": "score"},
        "by score within densities": lambda: {"order": "score", "min_density": 1e-4, "max_density": 1e-2},
        "by score of rare densities": lambda: {"order": "score", "min_density": 3e-2},
        "by index, explained": lambda: {"explained": "true"},
        "by index, not explained": lambda: {"explained": "false"},
        **{
            f"by score with {name}": lambda c=chosen: {"order": "score", "text": rng.choice(c)}
            for name, chosen in words.items()
        },
        **{f"by index with {name}": lambda c=chosen: {"text": rng.choice(c)} for name, chosen in words.items()},
    }
