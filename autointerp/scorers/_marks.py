"""Wrong marks that nothing but the explanation can tell from right ones.

Each positive lends its pattern of marks to one negative: as many marks, at the same distances. Both passages are then
cut to as many tokens before the first mark and after the last one, so that number, positions and length of what the
judge sees are the same on both sides, window by window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis.choosing import firing
from autointerp.domain.examples import Example
from autointerp.domain.judging import Passage

NEARBY = 8  # tokens

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch of an example's window with some tokens marked; `cut` says which tokens of the window it shows."""

    example: Example
    passage: Passage
    cut: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage with the active tokens marked, and one with others marked in the same places."""

    right: Marked
    wrong: Marked


def pairs(
    positives: Sequence[Example], hosts: Sequence[Example], *, threshold: float, rng: np.random.Generator
) -> list[Pair]:
    """Find for each positive a host for wrong marks, every host once before any twice; one without is left out.

    A host's active tokens (activation above 0) are never marked. The pattern stays in its place where that is free,
    and else moves to a random free place nearby, so that little is cut off.
    """
    free: list[Example] = []
    found: list[Pair] = []
    for positive in positives:
        free = free or [hosts[i] for i in rng.permutation(len(hosts))]
        for host in free:
            if host.window != positive.window and (pair := _pair(positive, host, threshold, rng)) is not None:
                found.append(pair)
                free.remove(host)
                break
    return found


def _pair(positive: Example, host: Example, threshold: float, rng: np.random.Generator) -> Pair | None:
    marks = np.flatnonzero(firing(positive, threshold))
    shifted = free_place(marks, host, rng)
    if shifted is None:
        return None
    before = int(min(marks[0], shifted[0]))
    after = int(min(len(positive.pieces) - marks[-1], len(host.pieces) - shifted[-1]))
    return Pair(_cut(positive, marks, before, after), _cut(host, shifted, before, after))


def free_place(marks: Places, host: Example, rng: np.random.Generator) -> Places | None:
    """The pattern, moved where it must be, so that it lies in the host and on none of its active tokens, or None."""
    silent = np.array([activation <= 0 for activation in host.activations])
    moves = range(-int(marks[0]), len(host.pieces) - int(marks[-1]))
    free = sorted((move for move in moves if silent[marks + move].all()), key=lambda move: (abs(move), move))
    if not free:
        return None
    near = [move for move in free if abs(move) <= (max(NEARBY, abs(free[0])) if free[0] else 0)]
    return marks + near[int(rng.integers(len(near)))]


def _cut(example: Example, marks: Places, before: int, after: int) -> Marked:
    start, stop = int(marks[0]) - before, int(marks[-1]) + after
    chosen = set(marks.tolist())
    passage = Passage(example.pieces[start:stop], tuple(i in chosen for i in range(start, stop)))
    return Marked(example, passage, (start, stop))
