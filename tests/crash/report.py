"""The table that the crash tests print at the end."""

from dataclasses import dataclass, field
from statistics import median

from benchmarks.tables import markdown

HEAD = (
    "case",
    "database",
    "moments",
    "lost",
    "doubled",
    "paid again",
    "unanswered",
    "most in flight",
    "seconds to the end (longest)",
)


@dataclass
class Line:
    """What was seen of one case: sums over its moments, and the seconds from the last kill in a run to its end.

    `unanswered` are the requests that the server had not answered in the moments of the kills; what was paid again
    beside them had been answered and not been stored yet. `most_in_flight` is what workers may have in flight at all.
    """

    case: str
    database: str
    moments: int = 0
    lost: int = 0
    doubled: int = 0
    paid_again: int = 0
    unanswered: int = 0
    most_in_flight: int = 0
    seconds: list[float] = field(default_factory=list[float])

    def cells(self) -> list[str]:
        """The line as text."""
        counts = (self.moments, self.lost, self.doubled, self.paid_again, self.unanswered, self.most_in_flight)
        took = f"{median(self.seconds):.0f} ({max(self.seconds):.0f})" if self.seconds else "–"
        return [self.case, self.database, *map(str, counts), took]


@dataclass
class Report:
    """The lines of all cases so far."""

    seed: int
    lines: list[Line] = field(default_factory=list[Line])

    def line(self, case: str, database: str) -> Line:
        """Add a line for a case."""
        self.lines.append(Line(case, database))
        return self.lines[-1]

    def text(self) -> str:
        """The table."""
        return markdown([HEAD, *(line.cells() for line in self.lines)])
