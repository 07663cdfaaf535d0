"""The best score of each feature in a harvest, kept beside what the harvest measured so that lists can be sorted by it.

Workers may score a feature at the same time: each locks the features that it has scored, always in the same order, and
looks for their best scores after that, so that it sees those of whoever had them locked before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from autointerp.storage.engine import WriteSession
from autointerp.storage.tables.harvests import HarvestedFeatureTable
from autointerp.storage.tables.scores import ScoreTable

MEASURED = HarvestedFeatureTable


def refresh(session: WriteSession, scored: Sequence[Mapping[str, Any]]) -> None:
    """Set the best score of every feature that these rows of scores are of."""
    for harvest_id in sorted({row["harvest_id"] for row in scored}):
        feature_ids = sorted({row["feature_id"] for row in scored if row["harvest_id"] == harvest_id})
        _refresh(session, harvest_id, feature_ids)


def _refresh(session: WriteSession, harvest_id: str, feature_ids: Sequence[int]) -> None:
    wanted = MEASURED.harvest_id == harvest_id, MEASURED.feature_id.in_(feature_ids)
    connection = session.sql.connection()
    if session.dialect == "postgresql":
        locked = sa.select(MEASURED.feature_id).where(*wanted).order_by(MEASURED.feature_id)
        connection.execute(locked.with_for_update(key_share=True))
    same = ScoreTable.harvest_id == MEASURED.harvest_id, ScoreTable.feature_id == MEASURED.feature_id
    proper = sa.select(sa.func.max(ScoreTable.value)).where(*same, ScoreTable.control == "")
    best = proper.correlate(MEASURED).scalar_subquery()
    changed = MEASURED.best.is_distinct_from(best)
    connection.execute(sa.update(MEASURED).where(*wanted, changed).values(best=best))
