"""API keys: what one looks like, what it may do, and how its secret is kept."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PATTERN = r"ai_([0-9a-f]{12})_([A-Za-z0-9_-]{43})"
_TOKEN = re.compile(PATTERN)


class Scope(StrEnum):
    """What a key may do; each scope holds the ones before it."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"

    def holds(self, other: "Scope") -> bool:
        """Whether who has this scope may do what needs the other."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Token:
    """What a caller shows: the key's id, which may be logged, and its secret, which is told once and never stored."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"ai_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Token(id={self.id!r})"

    @property
    def digest(self) -> bytes:
        """What is stored of the secret.

        A plain SHA-256 is right here, and a slow password hash would be wrong: the secret is 256 random bits, so there
        is nothing to guess that a slow hash would have to slow down, and every request would pay for it.
        """
        return hashlib.sha256(self.secret.encode()).digest()

    def fits(self, digest: bytes) -> bool:
        """Whether this is the secret that was stored; takes equally long whatever the answer."""
        return hmac.compare_digest(self.digest, digest)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored. None: no limit of requests, no end, not revoked, never used."""

    id: str
    name: str
    scope: Scope
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def is_valid(self, moment: datetime) -> bool:
        """Whether the key opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


def new_token() -> Token:
    """Make a token of 256 random bits."""
    return Token(id=secrets.token_hex(6), secret=secrets.token_urlsafe(32))


def read_token(text: str) -> Token | None:
    """Read a token; None when it is none."""
    found = _TOKEN.fullmatch(text)
    return None if found is None else Token(*found.groups())
