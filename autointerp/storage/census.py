"""Counts of what the database holds, cheap enough to be asked for every few seconds."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from threading import Lock

import sqlalchemy as sa

from autointerp.storage import run_features
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import HarvestState, RunState, WorkState
from autointerp.storage.tables.harvests import HarvestTable
from autointerp.storage.tables.runs import RunTable


def harvests_by_state(session: ReadSession) -> dict[HarvestState, int]:
    """Count the harvests in each state, those in which there are none included."""
    counted = sa.select(HarvestTable.state, sa.func.count()).group_by(HarvestTable.state)
    found = {HarvestState(state): count for state, count in session.sql.execute(counted)}
    return {state: found.get(state, 0) for state in HarvestState}


def tokens_harvested(session: ReadSession) -> int:
    """Count the tokens that all harvests have read."""
    return int(session.sql.execute(sa.select(sa.func.coalesce(sa.func.sum(HarvestTable.tokens_done), 0))).scalar_one())


class RunCensus:
    """Counts runs and their features for one process; a run that has ended is counted once. Safe to share."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended: dict[str, tuple[datetime | None, Mapping[WorkState, int]]] = {}

    def read(self, session: ReadSession) -> tuple[dict[RunState, int], dict[WorkState, int]]:
        """Count the runs in each state, and the features of all runs in each."""
        rows = session.sql.execute(sa.select(RunTable.id, RunTable.state, RunTable.finished_at)).all()
        states = Counter(RunState(row.state) for row in rows)
        features: Counter[WorkState] = Counter()
        with self._lock:
            for row in rows:
                features.update(self._features(session, row.id, row.finished_at, RunState(row.state)))
        return {state: states[state] for state in RunState}, {state: features[state] for state in WorkState}

    def _features(
        self, session: ReadSession, run_id: str, finished_at: datetime | None, state: RunState
    ) -> Mapping[WorkState, int]:
        if not state.ended:
            return run_features.count_states(session, run_id)
        if self._ended.get(run_id, (None,))[0] != finished_at or finished_at is None:
            self._ended[run_id] = finished_at, run_features.count_states(session, run_id)
        return self._ended[run_id][1]
