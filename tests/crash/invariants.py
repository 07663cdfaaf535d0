"""What must hold of a run that has ended, whatever was killed meanwhile."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from autointerp.domain.ledger import AttemptStatus
from autointerp.storage import budgets, calls, explanations, run_features, runs, scores
from autointerp.storage.engine import Database, ReadSession
from autointerp.storage.records import RunState, WorkState
from autointerp.storage.tables.runs import HoldTable
from tests.crash.installation import LEASE, SCORERS
from tests.crash.toll import Toll

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Results:
    """The ids of what a run has stored."""

    explanations: frozenset[int]
    scores: frozenset[int]

    def without(self, later: "Results") -> int:
        """How many of these are not there later."""
        return len(self.explanations - later.explanations) + len(self.scores - later.scores)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a run. `lost`: results that should be there, or were there once, and are not; `unaccounted`:
    requests that are not in the ledger."""

    lost: int
    doubled: int
    set_aside: int
    unaccounted: int


def results(database: Database, run_id: str) -> Results:
    """What a run has stored by now."""
    with database.read() as session:
        return _results(session, run_id)


def account(
    database: Database, toll: Toll, run_id: str, model: str, *, features: int, seen: Sequence[Results]
) -> Account:
    """Settle a run of `features` that has ended; `seen` are results that it had stored before something was killed.

    What dead workers had set aside may still be waiting for them to be taken for dead.
    """
    end = time.monotonic() + 5 * LEASE
    while (found := _account(database, toll, run_id, model, features, seen)).set_aside and time.monotonic() < end:
        time.sleep(0.2)
    return found


def _account(
    database: Database, toll: Toll, run_id: str, model: str, features: int, seen: Sequence[Results]
) -> Account:
    with database.read() as session:
        run = runs.get(session, run_id)
        assert run.state is RunState.COMPLETE, (run, run_features.list_failures(session, run_id, after=None, limit=9))
        states = run_features.count_states(session, run_id)
        stored = _results(session, run_id)
        claims = Counter(
            (one.feature_id, one.position) for one in explanations.list_explanations(session, run_id=run_id, limit=MOST)
        )
        scored = Counter(
            (one.feature_id, one.position, one.control)
            for one in scores.list_scores(session, run_id=run_id, limit=MOST)
        )
        budget = budgets.get(session, run_id)
        lines = [line for _, line in calls.list_calls(session, run_id=run_id, after=None, limit=MOST)]
        held = session.sql.scalars(sa.select(HoldTable.id).where(HoldTable.run_id == run_id)).all()
    asked = [line for line in lines if line.status is not AttemptStatus.CACHED]
    wanted = features * (1 + 1 + len(SCORERS))
    there = states.get(WorkState.DONE, 0) + len(claims) + len(scored)
    assert budget.spent_cost == sum(line.cost or 0 for line in lines)
    assert budget.spent_tokens == sum(line.usage.total for line in lines)
    return Account(
        lost=wanted - there + sum(one.without(stored) for one in seen),
        doubled=claims.total() - len(claims) + scored.total() - len(scored),
        set_aside=len(held) + budget.reserved_cost + budget.reserved_tokens,
        unaccounted=toll.count(model) - len(asked),
    )


def _results(session: ReadSession, run_id: str) -> Results:
    return Results(
        frozenset(one.id for one in explanations.list_explanations(session, run_id=run_id, limit=MOST)),
        frozenset(one.id for one in scores.list_scores(session, run_id=run_id, limit=MOST)),
    )
