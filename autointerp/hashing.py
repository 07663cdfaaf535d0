"""Digests of records: the same content gives the same digest on every machine and in every process."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Render `value` as JSON with sorted keys and no spaces; NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Return the sha256 of the canonical JSON of `value`, as 64 hex digits."""
    return text_digest(canonical_json(value))


def text_digest(text: str) -> str:
    """Return the sha256 of `text` in UTF-8, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def stable_int(*parts: object) -> int:
    """Hash `parts` to a non-negative integer below 2**63, the same in every process."""
    joined = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big") >> 1
