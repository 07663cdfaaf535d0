"""The tokens that a shard's pass has read, counted while it goes on."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from autointerp.errors import Unavailable
from autointerp.pipeline.shards import ShardFolder
from autointerp.storage import harvests
from autointerp.storage.engine import Database

PROGRESS_SECONDS = 1.0
NOTE_SECONDS = 10.0  # a note may cost a request to an object store


class TokenCounter:
    """Adds tokens to the harvest's row about once a second, and notes how many, for whoever has to take them back."""

    def __init__(self, database: Database, harvest_id: str, folder: ShardFolder, name: str, generation: int) -> None:
        self._database = database
        self._harvest_id = harvest_id
        self._folder = folder
        self._name = name
        self._generation = generation
        self._waiting = 0
        self._written = 0
        self._last = self._noted = time.monotonic()
        before = folder.read(name)
        if before.generation == generation:
            self._write(-before.counted)  # of a worker that died

    def add(self, tokens: int) -> None:
        """Count tokens that were read."""
        self._waiting += tokens
        moment = time.monotonic()
        if moment - self._last >= PROGRESS_SECONDS:
            self.flush()
        if moment - self._noted >= NOTE_SECONDS:
            self._note(counted=self._written)

    def flush(self) -> None:
        """Store what was counted."""
        self._write(self._waiting)
        self._written += self._waiting
        self._waiting, self._last = 0, time.monotonic()

    def close(self, seconds: float) -> None:
        """Finish: a shard that was there already was looked at in less time than it took to make."""
        self.flush()
        self._note(counted=0, attempts=0, seconds=max(seconds, self._folder.read(self._name).seconds))

    def take_back(self) -> None:
        """Count nothing of this attempt: it did not finish."""
        self._write(-self._written)
        with suppress(Unavailable):  # it may be why the pass ended
            self._note(counted=0)

    def _note(self, **changes: Any) -> None:
        note = self._folder.read(self._name)
        self._folder.write(self._name, replace(note, generation=self._generation, **changes))
        self._noted = time.monotonic()

    def _write(self, tokens: int) -> None:
        if tokens:
            with self._database.write() as session:
                harvests.add_tokens(session, self._harvest_id, tokens)
