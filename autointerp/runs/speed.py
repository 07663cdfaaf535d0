"""How fast a run is, from how far it was at the looks of the last half minute."""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from autointerp.storage.records import RunProgress

WINDOW = 40.0  # seconds
APART = 1.0  # seconds between two looks that are remembered
MOST = 1_000  # runs that are remembered


@dataclass(frozen=True, slots=True)
class Speed:
    """Features ended and requests made a second, and the seconds until the last feature ends; None: not known."""

    features: float | None
    requests: float | None
    left: float | None


UNKNOWN = Speed(None, None, None)


@dataclass(frozen=True, slots=True)
class _Look:
    moment: float
    features: int
    requests: int


@dataclass(slots=True)
class Speedometer:
    """Remembers looks at runs; may be used by any number of threads."""

    _looks: dict[str, deque[_Look]] = field(default_factory=dict[str, deque[_Look]])
    _lock: Lock = field(default_factory=Lock)

    def note(self, run_id: str, progress: RunProgress, moment: float) -> Speed:
        """Remember how far a run under way is, at a moment in seconds, and return its speed since the oldest look."""
        now = _Look(moment, progress.done + progress.failed, progress.requests)
        with self._lock:
            looks = self._looks.pop(run_id, deque())
            self._looks[run_id] = looks  # the one that was looked at last is forgotten last
            while len(self._looks) > MOST:
                self._looks.pop(next(iter(self._looks)))
            while looks and (looks[0].moment < moment - WINDOW or looks[0].features > now.features):
                looks.popleft()
            oldest = looks[0] if looks else now
            if not looks or moment - looks[-1].moment >= APART:
                looks.append(now)
        return _between(oldest, now, progress.waiting)

    def forget(self, run_id: str) -> None:
        """Forget the looks at a run on which nobody works now: the time until it goes on is no time of work."""
        with self._lock:
            self._looks.pop(run_id, None)


def _between(first: _Look, last: _Look, waiting: int) -> Speed:
    seconds = last.moment - first.moment
    if seconds < APART:
        return UNKNOWN
    features = (last.features - first.features) / seconds
    requests = (last.requests - first.requests) / seconds
    return Speed(features, requests, waiting / features if features else None)
