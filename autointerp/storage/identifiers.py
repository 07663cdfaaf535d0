"""Identifiers of harvests and runs: text that sorts by the time it was made."""

import secrets
import time


def new_identifier() -> str:
    """Make an identifier of 24 hex digits: microseconds since 1970, then 44 random bits."""
    return f"{time.time_ns() // 1000:013x}{secrets.randbits(44):011x}"
