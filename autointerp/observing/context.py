"""What is being done just now: the request, the run and the harvest that a log line belongs to."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_SUBJECT: ContextVar[Mapping[str, str]] = ContextVar("subject", default=_NOTHING)


@contextmanager
def about(**subject: str | None) -> Generator[None]:
    """Say what is being done until the block is left: `request_id`, `run_id`, `harvest_id`; None adds nothing."""
    known = {name: value for name, value in subject.items() if value is not None}
    token = _SUBJECT.set({**_SUBJECT.get(), **known})
    try:
        yield
    finally:
        _SUBJECT.reset(token)


def subject() -> Mapping[str, str]:
    """What is being done."""
    return _SUBJECT.get()
