"""Who may come in, and who came."""

from dataclasses import dataclass
from enum import StrEnum

from autointerp.domain.keys import Key, Scope


class Mode(StrEnum):
    """How callers are known: one person at a loopback address, by their keys, or by a proxy that has asked them."""

    SINGLE_USER = "single_user"
    KEYS = "keys"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in.

    `hosts` are names that a single-user server answers to beside those of loopback, and `origins` the web sites that
    may ask from a browser.
    """

    mode: Mode
    hosts: frozenset[str]
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may be: `body` in bytes, `seconds` for it to arrive in, `depth` of its JSON."""

    body: int
    seconds: float
    depth: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Who came; `key` is None where no key is asked for."""

    key: Key | None
    scope: Scope
