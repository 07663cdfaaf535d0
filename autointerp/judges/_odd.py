"""The passage of a line-up that is least like the others."""

from collections.abc import Sequence

from autointerp.domain.judging import Confidence, Lineup, Pick
from autointerp.hashing import stable_int

DIGITS = 9  # sums of floating-point numbers depend on their order beyond these


def least_alike(lineup: Lineup, likeness: Sequence[float], kind: Confidence) -> Pick:
    """Pick the passage with the least `likeness`, of equals one by a hash of its text: no position is favoured.

    The confidence is how much more the next passage has.
    """
    rounded = [round(value, DIGITS) for value in likeness]
    ranked = sorted(range(len(rounded)), key=lambda i: (rounded[i], stable_int(lineup.passages[i])))
    first, second = ranked[:2]
    return Pick(first, confidence=rounded[second] - rounded[first], kind=kind)
