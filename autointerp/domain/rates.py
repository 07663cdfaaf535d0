"""A rate limit as one number: the moment from which a bucket is free again.

The generic cell rate algorithm (ITU-T I.371), which needs one number a bucket and no refilling.
"""


def next_turn(due: float, now: float, cost: float, burst: float) -> tuple[float, float]:
    """Take what is worth `cost` seconds from a bucket that is free from `due` on, all in seconds.

    Returns the new moment and how long to wait for one's turn. As much as `burst` seconds may have gathered unused.
    """
    start = max(due, now - burst)
    return start + cost, max(0.0, start - now)
