"""Where to steer from, and how strongly to add a feature so that the next token changes by a given amount."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from autointerp.domain.examples import Example

STEPS = 40


@dataclass(frozen=True, slots=True)
class Strength:
    """A strength in units of the feature's activation, and the mean KL divergence (nats) that it causes."""

    strength: float
    kl: float


async def find(
    kl: Callable[[float], Awaitable[float]], *, target: float, tolerance: float, start: float, largest: float
) -> Strength | str:
    """Bisect for a strength whose `kl` is within `tolerance` (a share) of `target`; else the reason why there is none.

    `kl` gives the mean divergence in nats at a strength; it must be 0 at 0 and continuous. From `start` the strength is
    doubled until it is too strong, at most up to `largest`. A divergence that is no number counts as too strong.
    """
    weak, strong = 0.0, start
    reached = await kl(strong)
    while reached < target * (1 - tolerance):
        if strong >= largest:
            return f"a mean KL of {target:g} nats is out of reach: at strength {strong:.3g} it is {reached:.3g}"
        weak, strong = strong, min(2 * strong, largest)
        reached = await kl(strong)
    tried = strong
    for _ in range(STEPS):
        if abs(reached - target) <= target * tolerance:
            return Strength(tried, reached)
        tried = (weak + strong) / 2
        reached = await kl(tried)
        if math.isfinite(reached) and reached < target:
            weak = tried
        else:
            strong = tried
    return f"a mean KL of {target:g} nats is never met: near strength {tried:.3g} it jumps past it"


def prompt(example: Example, longest: int) -> tuple[int, ...]:
    """The example's tokens up to and with the first on which the feature fires, at most the last `longest` of them."""
    first = next(i for i, activation in enumerate(example.activations) if activation > 0)
    return example.tokens[max(0, first + 1 - longest) : first + 1]
