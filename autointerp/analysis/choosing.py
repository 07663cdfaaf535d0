"""Choosing examples: evenly over their groups, by a named generator, whatever order they come in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest

import numpy as np

from autointerp.domain.examples import Example, Kind, Split


def of_split(examples: Sequence[Example], split: Split) -> tuple[Example, ...]:
    """The examples in canonical order; ValueError when one belongs to another split, because then splits leak."""
    return by_split(examples, split)[split]


def by_split(examples: Sequence[Example], *splits: Split) -> dict[Split, tuple[Example, ...]]:
    """The examples of each split in canonical order; ValueError when one belongs to none of `splits`."""
    if wrong := {example.split for example in examples} - set(splits):
        allowed = " and the ".join(f"{split} split" for split in splits)
        raise ValueError(f"examples of {sorted(wrong)} were handed to what may only see the {allowed}")
    ordered = sorted(examples, key=lambda e: (e.group, e.context, e.start, e.peak))
    return {split: tuple(e for e in ordered if e.split is split) for split in splits}


def spread(
    examples: Sequence[Example], kinds: Collection[Kind], *, count: int, rng: np.random.Generator
) -> tuple[Example, ...]:
    """Draw at most `count` examples of these kinds, in turn from each group (strongest first), no window twice."""
    groups: dict[tuple[str, int], list[Example]] = {}
    for example in examples:
        if example.group.kind in kinds:
            index = -1 if example.group.index is None else example.group.index
            groups.setdefault((example.group.kind, index), []).append(example)
    shuffled = [_shuffle(groups[key], rng) for key in sorted(groups, reverse=True)]
    turns = (example for turn in zip_longest(*shuffled) for example in turn if example is not None)
    distinct: dict[tuple[int, int], Example] = {}
    for example in turns:
        distinct.setdefault(example.window, example)
    return tuple(distinct.values())[:count]


def kind_by_kind(
    examples: Sequence[Example], counts: Mapping[Kind, int], rng: Callable[[Kind], np.random.Generator]
) -> tuple[Example, ...]:
    """Draw so many examples of each kind in turn, no window twice: one drawn for two groups counts for the first."""
    distinct: dict[tuple[int, int], Example] = {}
    for kind, count in counts.items():
        free = [example for example in examples if example.window not in distinct]
        distinct |= {e.window: e for e in spread(free, [kind], count=count, rng=rng(kind))}
    return tuple(distinct.values())


def _shuffle(examples: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    ordered = sorted(examples, key=lambda e: (e.context, e.start, e.peak, e.group))
    return [ordered[i] for i in rng.permutation(len(ordered))]


def firing(example: Example, threshold: float) -> tuple[bool, ...]:
    """Which tokens fire clearly: above `threshold` times the example's maximum (Paulo et al. 2024)."""
    least = threshold * example.max
    return tuple(activation > least for activation in example.activations)


def sample(
    examples: Sequence[Example], kinds: Collection[Kind], *, count: int, rng: np.random.Generator
) -> tuple[Example, ...]:
    """Draw at most `count` examples of these kinds, each group as likely as it is large, no window twice."""
    distinct: dict[tuple[int, int], Example] = {}
    for example in _shuffle([example for example in examples if example.group.kind in kinds], rng):
        distinct.setdefault(example.window, example)
    return tuple(distinct.values())[:count]


def strongest(examples: Sequence[Example], *, count: int) -> tuple[Example, ...]:
    """The `count` windows with the strongest firings, none twice; of the groups of one window, `top` is named."""
    firing = [example for example in examples if not example.silent]
    firing.sort(key=lambda e: (-e.max, e.group.kind is not Kind.TOP, e.context, e.start, e.group))
    distinct: dict[tuple[int, int], Example] = {}
    for example in firing:
        distinct.setdefault(example.window, example)
    return tuple(distinct.values())[:count]
