"""A worker's sign of life, and the look after the others'."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from autointerp.errors import Unavailable
from autointerp.storage import holds, workers
from autointerp.storage.engine import Database

_log = logging.getLogger(__name__)

BEATS_PER_LEASE = 10


class Heartbeat:
    """Writes the worker's row ten times a lease, from a thread of its own, and calls `look` after each beat.

    `on_dead` is called when the row was gone: the others took this worker for dead and gave its jobs away.
    """

    def __init__(
        self,
        database: Database,
        look: Callable[[], None],
        *,
        worker: str,
        queues: tuple[str, ...],
        lease: timedelta,
        on_dead: Callable[[], None],
    ) -> None:
        self._database = database
        self._look = look
        self._worker = worker
        self._queues = queues
        self._pause = lease.total_seconds() / BEATS_PER_LEASE
        self._on_dead = on_dead
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat once, so that nobody takes this worker for dead, then go on in the background."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and sign off."""
        self._stop.set()
        self._thread.join()
        with self._database.write() as session:
            workers.remove(session, self._worker)
            holds.give_back_all(session, self._worker)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            try:
                if not self._alive():
                    _log.warning("this worker was taken for dead; it drops its jobs and goes on with new ones")
                    self._on_dead()
                self._beat()
                self._look()
            except Unavailable as error:
                _log.warning("no heartbeat this time: %s", error)
            except Exception:  # noqa: BLE001 - the thread must outlive anything: a worker without a heartbeat loses its jobs
                _log.exception("no heartbeat this time")

    def _beat(self) -> None:
        with self._database.write() as session:
            workers.beat(session, self._worker, kind="worker", queues=self._queues)

    def _alive(self) -> bool:
        with self._database.read() as session:
            return any(row.id == self._worker for row in workers.list_workers(session))
