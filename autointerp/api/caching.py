"""ETags and Cache-Control: what a client has already is not sent again.

Tags are weak: they say that the content is the same, whether it was sent compressed or not.
"""

from hashlib import blake2b

from fastapi import Depends, Response

KEPT = "private, max-age=86400"  # what never changes once it is stored
ASKED = "private, no-cache"  # everything else: it may be kept, and is asked for again each time


def keep(response: Response) -> None:
    """Let the client use this answer for a day without asking again."""
    response.headers["Cache-Control"] = KEPT


Unchanging = Depends(keep)


def tag_of(body: bytes) -> str:
    """The weak tag of an answer."""
    return f'W/"{blake2b(body, digest_size=12).hexdigest()}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether a client has the answer with this tag."""
    tags = [one.strip() for one in (if_none_match or "").split(",")]
    return "*" in tags or tag.removeprefix("W/") in {one.removeprefix("W/") for one in tags}
