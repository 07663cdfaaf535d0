"""The service as a stranger meets it: a real server on a port of its own, asked over the wire."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from autointerp.api import serving
from autointerp.api.app import create_app
from autointerp.api.gate.access import Access, Limits, Mode
from autointerp.domain.inquiries import InquiryLimits
from autointerp.domain.keys import Scope, Token, new_token
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.llm.base import Endpoint
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import Desk
from autointerp.storage import keys
from autointerp.storage.engine import Database
from tests.api.conftest import Queue

KEYS = Access(mode=Mode.KEYS, hosts=frozenset(), origins=())
SINGLE_USER = replace(KEYS, mode=Mode.SINGLE_USER)
LIMITS = Limits(body=100_000, seconds=30.0, depth=32)
NOTHING = replace(EVERYTHING, roots=())
SOON = 20.0


@dataclass(frozen=True)
class Service:
    """A running server, and the database behind it."""

    port: int
    database: Database
    queue: Queue
    app: FastAPI

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def key(self, scope: Scope = Scope.ADMIN, *, per_minute: int | None = None, expired: bool = False) -> Token:
        """Make a key in the database, as the command line does."""
        token = new_token()
        ends = datetime.now(UTC) - timedelta(seconds=1) if expired else None
        with self.database.write() as session:
            keys.create(session, token, name="tester", scope=scope, requests_per_minute=per_minute, expires_at=ends)
        return token

    def client(self, token: Token | str | None = None) -> httpx2.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=SOON, verify=False)  # quicker, and no TLS

    def talk(self, *said: bytes, pause: float = 0.0) -> bytes:
        """Say something byte by byte to the server, and return all that it answers before it hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SOON) as line:
            with suppress(BrokenPipeError, ConnectionResetError):  # hung up on before it had said everything
                for part in said:
                    line.sendall(part)
                    time.sleep(pause)
            return _all_of(line)


def _all_of(line: socket.socket) -> bytes:
    found = b""
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            found += part
    return found


Start = Callable[..., Service]


@pytest.fixture
def start(database_of_one: Database) -> Generator[Start]:
    """Starts servers, which stop at the end of the test."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def begin(
        access: Access = KEYS, *, limits: Limits = LIMITS, reach: Reach = EVERYTHING, database: Database | None = None
    ) -> Service:
        behind = database or database_of_one
        queue = Queue()
        app = create_app(behind, _desk(behind, queue, reach), access=access, limits=limits)
        line = socket.create_server(("127.0.0.1", 0))
        config = serving.config(
            app, host="127.0.0.1", port=0, log_level="info", seconds=limits.seconds, trusts_proxy=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [line]})
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.005)
        return Service(line.getsockname()[1], behind, queue, app)

    yield begin
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def database_of_one(upgraded_sqlite: Path, tmp_path: Path) -> Generator[Database]:
    """An empty database file."""
    path = tmp_path / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def _desk(database: Database, queue: Queue, reach: Reach) -> Desk:
    return Desk(
        database=database,
        jobs=queue,
        prompts=PromptLibrary.load(default_folder()),
        endpoints={"fake": Endpoint(name="fake", provider="fake", api_key=SecretStr("k"))},
        lease=timedelta(seconds=15),
        limits=InquiryLimits(),
        reach=reach,
    )
