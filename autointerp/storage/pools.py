"""A harvest's pool: the segments that silent examples come from."""

from autointerp.domain.packed import Pool
from autointerp.errors import NotFound
from autointerp.storage import disjointness
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.packing import pack_pool, unpack_pool
from autointerp.storage.tables.harvests import PoolTable


def store(session: WriteSession, harvest_id: str, pool: Pool) -> None:
    """Store the pool of a harvest, once; InvalidInput when a document of it is in two splits."""
    disjointness.refuse_shared(disjointness.of_pool(pool))
    row = {"harvest_id": harvest_id, "segments": len(pool.windows), "packed": pack_pool(pool)}
    insert_if_absent(session, PoolTable, [row])


def load(session: ReadSession, harvest_id: str) -> Pool:
    """Return the pool of a harvest; NotFound when none was stored."""

    def read() -> Pool:
        row = session.sql.get(PoolTable, harvest_id)
        if row is None:
            raise NotFound(f"the harvest {harvest_id} has no pool; it has not stored its features yet")
        return unpack_pool(row.packed)

    return session.recall(("pool", harvest_id), read)
