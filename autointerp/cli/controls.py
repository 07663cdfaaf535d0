"""The scores of a run against their controls, as a table for a terminal."""

from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.controls import Against, RunControls


def controls_table(found: RunControls) -> Table:
    """One line a scorer and control: both means on the features that have both, and the interval of the difference."""
    explainers = {one.explainer_label for one in found.items}
    headings = ("scorer", "control", "features", "score", "control's", "difference")
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in found.items:
        name = f"{one.scorer_label} of {one.explainer_label}" if len(explainers) > 1 else one.scorer_label
        control = one.control.replace("_", " ")
        table.add_row(Text(name), control, _features(one), _mean(one.score), _mean(one.control_score), _difference(one))
    return table


def _features(one: Against) -> str:
    return f"{one.features} ({one.undefined} undefined)" if one.undefined else str(one.features)


def _mean(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _difference(one: Against) -> str:
    if one.score is None or one.control_score is None:
        return "–"
    mean = f"{one.score - one.control_score:+.2f}"
    return mean if one.difference is None else f"{mean} [{one.difference.low:+.2f}, {one.difference.high:+.2f}]"
