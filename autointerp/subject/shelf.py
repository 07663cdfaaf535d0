"""The pieces of one corpus, kept in a folder and made in a thread of their own, ahead of who reads them.

Any number of processes may share the folder: one makes pieces and the others wait for them. Should one make a piece
that is there already, it is the same to the last bit.
"""

import fcntl
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from autointerp.subject.packing import BEGINNING, Mark, Piece
from autointerp.subject.pieces import newest, read_piece, write_piece

WAIT = 0.02  # seconds between two looks for a piece that another process makes
LOOK = 0.2  # seconds between two tries to become the one that makes pieces

Stopped = Callable[[], bool]
Make = Callable[[Mark, Stopped], Iterator[Piece]]


class Shelf:
    """Returns pieces by number; `make` yields them from a mark on, until it is told to stop."""

    def __init__(self, folder: Path, make: Make) -> None:
        self._folder = folder
        self._make = make
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._last: Piece | None = None
        self._held: dict[int, Piece] = {}
        self._interrupt: Callable[[], None] | None = None
        if (number := newest(folder)) is not None:
            self._note(read_piece(folder, number))

    @property
    def last(self) -> Piece | None:
        """The last piece; None while it is not known which one that is."""
        return self._last

    def piece(self, number: int) -> Piece | None:
        """Return a piece as soon as it is made; None behind the last one."""
        while self._last is None or number <= self._last.begin.piece:
            if number in self._held:
                return self._held[number]
            if (found := read_piece(self._folder, number)) is not None:
                self._note(found)
                # A batch of rows may lie across two pieces.
                self._held = {number: found, **{n: p for n, p in self._held.items() if n == number - 1}}
                return found
            self._wait_for(number)
        return None

    @contextmanager
    def interrupted_by(self, check: Callable[[], None]) -> Generator[None]:
        """Call `check` again and again while a piece is waited for: what it raises ends the waiting."""
        self._interrupt = check
        try:
            yield
        finally:
            self._interrupt = None

    def close(self) -> None:
        """Stop making pieces."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _wait_for(self, number: int) -> None:
        if self._interrupt is not None:
            self._interrupt()
        with self._changed:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._stop.is_set():
                raise RuntimeError("this corpus is closed")
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, args=(number,), name="tokenise", daemon=True)
                self._thread.start()
            self._changed.wait(WAIT)

    def _work(self, number: int) -> None:
        try:
            with _alone(self._folder, self._stop.is_set):
                self._make_from(number)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the piece is waited for
            self._error = error
        finally:
            with self._changed:
                self._changed.notify_all()

    def _make_from(self, number: int) -> None:
        """Make pieces from the first missing one on, until one is there already or nothing is left."""
        begin = self._first_missing(number)
        if begin is None or self._stop.is_set():
            return
        for piece in self._make(begin, self._stop.is_set):
            if read_piece(self._folder, piece.begin.piece) is not None:
                return
            write_piece(self._folder, piece)
            with self._changed:
                self._note(piece)
                self._changed.notify_all()

    def _first_missing(self, number: int) -> Mark | None:
        """Return where the first missing piece begins, from `number` on; None: all are there.

        Should those just before `number` be missing too, the first one of these.
        """
        found = read_piece(self._folder, number)
        if found is None:
            while number > 0 and found is None:
                number -= 1
                found = read_piece(self._folder, number)
            return BEGINNING if found is None else found.end
        while not found.last:
            following = read_piece(self._folder, found.end.piece)
            if following is None:
                return found.end
            found = following
        self._note(found)
        return None

    def _note(self, piece: Piece | None) -> None:
        if piece is not None and piece.last:
            self._last = piece


@contextmanager
def _alone(folder: Path, stopped: Stopped) -> Generator[None]:
    """Hold the folder's lock, so that no two processes do the same work; a lock ends with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        while not stopped():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(LOOK)
            except OSError:
                break  # a file system without locks: the work is done twice, to the same effect
        yield
