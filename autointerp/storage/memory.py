"""A small memory of decoded blobs that never change (pools, vocabularies), so that each is decoded once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

CAPACITY = 8

T = TypeVar("T")


class Memory:
    """Keeps the values used last; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def recalled(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for `key`, or make it and keep nothing."""
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        return make()

    def recall(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for `key`, making it now if it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > CAPACITY:
                self._kept.popitem(last=False)
        return made
