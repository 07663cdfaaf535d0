"""Labels that tell plug-ins of one name apart, by as few of their options as will do."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from autointerp.hashing import canonical_json

Named = tuple[str, Mapping[str, Any]]


def labels(named: Sequence[Named]) -> tuple[str, ...]:
    """A label for each plug-in, given by its name and options: `detection:llm(random=10)`; equal ones are numbered."""
    found = by_options(named)
    return tuple(_numbered(found, place) for place in range(len(found)))


def by_options(named: Sequence[Named]) -> tuple[str, ...]:
    """The same with one label for equal ones; an option that is not given stands at its default and is not shown."""
    found: list[str] = []
    for name, options in named:
        fewest = _fewest([others for other, others in named if other == name])
        found.append(with_options(name, {key: options[key] for key in fewest if key in options}))
    return tuple(found)


def of_scorer(scorer: str, options: Mapping[str, Any], judge: str | None, judge_options: Mapping[str, Any]) -> Named:
    """The name of a scorer with its judge, as on the command line, and the options of both."""
    name = f"{scorer}:{judge}" if judge else scorer
    return name, {**options, **{f"judge.{key}": value for key, value in judge_options.items()}}


def with_options(name: str, options: Mapping[str, Any]) -> str:
    """A name followed by options."""
    given = ", ".join(f"{key}={_plain(value)}" for key, value in sorted(options.items()))
    return f"{name}({given})" if given else name


def _fewest(options: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The smallest set of options that tells apart what all of them together tell apart."""
    different = len({canonical_json(dict(one)) for one in options})
    keys = sorted({key for one in options for key in one if any(one[key] != other.get(key) for other in options)})
    for size in range(len(keys)):
        for chosen in combinations(keys, size):
            if len({canonical_json({key: one[key] for key in chosen if key in one}) for one in options}) == different:
                return chosen
    return tuple(keys)


def _numbered(found: Sequence[str], place: int) -> str:
    label = found[place]
    return label if found.count(label) == 1 else f"{label} #{found[: place + 1].count(label)}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else canonical_json(value)
