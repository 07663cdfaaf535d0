"""What every benchmark prints: a table of measured values against targets, which JSON=FILE also writes down."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One measured value; `holds`: it reaches its target, None where it has none."""

    case: str
    value: float
    target: float | None
    unit: str
    holds: bool | None


def at_most(case: str, value: float, target: float, unit: str) -> Line:
    """Hold a value against a target that it must not exceed."""
    return Line(case=case, value=round(value, 3), target=target, unit=unit, holds=value <= target)


def at_least(case: str, value: float, target: float, unit: str) -> Line:
    """Hold a value against a target that it must not fall short of."""
    return Line(case=case, value=round(value, 3), target=target, unit=unit, holds=value >= target)


def noted(case: str, value: float, unit: str) -> Line:
    """Note a value that has no target."""
    return Line(case=case, value=round(value, 3), target=None, unit=unit, holds=None)


def show(table: Sequence[Line], file: Path | None) -> None:
    """Print the table, and write it to `file`, or to the file that JSON names in the environment."""
    width = max(len(row.case) for row in table)
    print(f"{'case':{width}}  {'value':>10} {'unit':14} {'target':>8}")
    for row in table:
        target = "" if row.target is None else f"{row.target:g}"
        missed = "   MISSED" if row.holds is False else ""
        print(f"{row.case:{width}}  {row.value:10,.3f} {row.unit:14} {target:>8}{missed}")
    if file := file or (Path(os.environ["JSON"]) if os.environ.get("JSON") else None):
        file.write_text(json.dumps([asdict(row) for row in table], indent=1) + "\n")


def markdown(table: Sequence[Sequence[float | str | None]]) -> str:
    """Lay out a table whose first row is its head; numbers get two decimals, None a dash."""
    cells = [[_cell(value) for value in row] for row in table]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cell(value: float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.2f}"
