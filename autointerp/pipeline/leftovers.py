"""Shard files that nobody needs any more."""

import logging
from datetime import datetime, timedelta

from autointerp.errors import NotFound, Unavailable
from autointerp.pipeline.shards import ShardStore
from autointerp.storage import harvests
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, HarvestState

KEPT = timedelta(days=7)  # how long a harvest that failed or was cancelled can be resumed from its shards

_log = logging.getLogger(__name__)


def sweep(database: Database, shards: ShardStore, moment: datetime) -> None:
    """Delete the shards of the harvests that are finished, and of those that ended otherwise long ago.

    Folders of harvests that this database does not know are left alone: another installation may keep its shards here.
    """
    try:
        for name in shards.harvests():
            record = _find(database, name)
            if record is not None and _is_leftover(record, moment):
                shards.folder(name).remove()
    except Unavailable as error:
        _log.warning("shards are left behind, until the next harvest is finished: %s", error)


def _find(database: Database, harvest_id: str) -> HarvestRecord | None:
    with database.read() as session:
        try:
            return harvests.get(session, harvest_id)
        except NotFound:
            return None


def _is_leftover(record: HarvestRecord, moment: datetime) -> bool:
    if record.state is HarvestState.FINISHED:
        return True
    return record.finished_at is not None and moment - record.finished_at > KEPT
