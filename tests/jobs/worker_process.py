"""A worker in a process of its own: notes its process id in a file for each job, then takes its time over it."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from autointerp.jobs.duty import on_duty
from autointerp.jobs.engine import QueueOptions, worker_name
from autointerp.jobs.place import beside
from autointerp.jobs.records import Stop
from autointerp.jobs.submitter import open_submitter
from autointerp.storage.engine import Database


def main(url: str, notes: str, lease: str, seconds: str) -> None:
    async def note_and_wait(args: Mapping[str, Any], stop: Stop) -> None:
        await asyncio.to_thread(_note, Path(notes))
        await asyncio.sleep(float(seconds))

    async def close() -> None:
        """There is nothing to close."""

    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    queues = (QueueOptions("llm", concurrency=1, polling=0.05),)
    database = Database(url)
    with (
        open_submitter(beside(database.url)) as jobs,
        on_duty(
            database,
            jobs,
            {"note_and_wait": note_and_wait},
            worker=worker_name(),
            queues=queues,
            lease=timedelta(seconds=float(lease)),
            drain=0,
            closing=close,
        ),
    ):
        told.wait()


def _note(notes: Path) -> None:
    with notes.open("a") as file:
        file.write(f"{os.getpid()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
