"""`autointerp embed` gives explanations their vectors, once."""

from tests.api.seed import Seeded
from tests.cli.conftest import Run


def test_what_has_no_vector_gets_one_and_nothing_twice(run: Run, seeded: Seeded) -> None:
    first, again = run("embed"), run("embed")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert f"{len(seeded.explanations)} explanations embedded in all" in first.stderr
    assert "0 explanations embedded in all" in again.stderr
