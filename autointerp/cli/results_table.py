"""What a run found, as a table for a terminal."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.scores import Score
from autointerp.cli.results import Explained, Result
from autointerp.cli.tables import density, name_of, value_of
from autointerp.domain.labels import Named, labels
from autointerp.hashing import canonical_json

WIDEST = 48  # of a column of scores below each other: a reason why there is none may be cut short
NARROWEST = 12  # of a column of its own: an interval
GAP = 2  # between columns
ROOM = 56  # for where the feature is and the explanation


def results_table(results: Sequence[Result], *, width: int) -> Table:
    """One row an explanation: the feature, what was claimed and by whom, and its scores.

    Scorers have a column each, with the interval below the score, where `width` characters have room for them; more
    have a line each.
    """
    explained = [one for result in results for one in result.explanations]
    explainers = _labels({_key(named): named for named in map(_explainer, explained)})
    scorers = labels_of([score for one in explained for score in one.scores])
    headings = [label.replace(":", "\n", 1) for label in scorers.values()]
    turned = ROOM + sum(map(_width, headings)) > width
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for heading in ("id", "feature", "density"):
        table.add_column(heading, no_wrap=True)
    if len(explainers) > 1:
        table.add_column("explainer")
    table.add_column("explanation", ratio=1)
    for name in ("scorer", "score") if turned else ():
        table.add_column(name, no_wrap=True, max_width=WIDEST)
    for heading in () if turned else headings:
        table.add_column(Text(heading), min_width=NARROWEST, max_width=WIDEST // 2)
    for result in results:
        for one in result.explanations:
            by = [Text(explainers[_key(_explainer(one))])] if len(explainers) > 1 else []
            where = (str(result.id), str(result.index), density(result.density))
            scores = _below(one, scorers) if turned else _abreast(one, scorers)
            table.add_row(*where, *by, Text(one.text), *scores)
    return table


def _width(heading: str) -> int:
    return GAP + max(NARROWEST, *map(len, heading.split("\n")))


def labels_of(scores: Sequence[Score]) -> dict[str, str]:
    """A label for each scorer with its options, by what tells them apart (`key_of`)."""
    return _labels({key_of(score): name_of(score) for score in scores})


def key_of(score: Score) -> str:
    """The scorer, its judge and the options of both."""
    return _key(name_of(score))


def _labels(named: Mapping[str, Named]) -> dict[str, str]:
    return dict(zip(named, labels(list(named.values())), strict=True))


def _explainer(explained: Explained) -> Named:
    return explained.explainer, explained.options


def _key(named: Named) -> str:
    return canonical_json([named[0], dict(named[1])])


def _abreast(explained: Explained, scorers: Mapping[str, str]) -> list[Text]:
    found = {key_of(score): value_of(score).replace(" ", "\n", 1) for score in explained.scores}
    return [Text(found.get(key, "")) for key in scorers]


def _below(explained: Explained, scorers: Mapping[str, str]) -> list[Text]:
    """The names of the scorers and the scores, line by line."""
    found = {key_of(score): value_of(score) for score in explained.scores}
    shown = {label: found[key] for key, label in scorers.items() if key in found}
    return [Text("\n".join(lines), no_wrap=True, overflow="ellipsis") for lines in (shown, shown.values())]
