"""Harvests: their specs, where they stand and what they read."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, case, delete, select, update

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import NotFound
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.identifiers import new_identifier
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.records import BrokenRecord, HarvestRecord, HarvestState
from autointerp.storage.tables.base import now
from autointerp.storage.tables.harvests import HarvestSaeTable, HarvestTable
from autointerp.storage.tables.models import SaeTable

ENDS = tuple(state for state in HarvestState if state.ended)

NEXT: Mapping[HarvestState, tuple[HarvestState, ...]] = {
    HarvestState.WAITING: (HarvestState.RUNNING, *ENDS),
    HarvestState.RUNNING: (HarvestState.WAITING, *ENDS),
    HarvestState.FINISHED: (),
    HarvestState.FAILED: (HarvestState.WAITING, HarvestState.RUNNING),
    HarvestState.CANCELLED: (HarvestState.WAITING, HarvestState.RUNNING),
}


def create(session: WriteSession, spec: HarvestSpec) -> HarvestRecord:
    """Store a new harvest, waiting."""
    row = HarvestTable(
        id=new_identifier(),
        spec=spec.model_dump(mode="json"),
        spec_digest=spec.digest,
        state=HarvestState.WAITING,
        tokens_done=0,
        created_at=now(),
    )
    session.sql.add(row)
    session.sql.flush()
    return get(session, row.id)


def get(session: ReadSession, harvest_id: str) -> HarvestRecord:
    """Return one harvest; NotFound when there is none."""
    row = session.sql.get(HarvestTable, harvest_id, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no harvest {harvest_id}")
    return _records(session, [row])[0]


def list_harvests(session: ReadSession, *, after: str | None, limit: int) -> tuple[HarvestRecord, ...]:
    """Return the harvests older than the id `after`, newest first."""
    statement = select(HarvestTable).order_by(HarvestTable.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(HarvestTable.id < after)
    return _records(session, session.sql.scalars(statement).all())


def list_under_way(session: ReadSession) -> tuple[HarvestRecord, ...]:
    """Return the harvests that have not ended, oldest first."""
    statement = select(HarvestTable).where(HarvestTable.state.not_in(ENDS)).order_by(HarvestTable.id)
    return _records(session, session.sql.scalars(statement).all())


def find_by_digest(session: ReadSession, digest: str, states: Collection[HarvestState]) -> HarvestRecord | None:
    """Return the newest harvest of this spec in one of `states`."""
    wanted = HarvestTable.spec_digest == digest, HarvestTable.state.in_(states)
    row = session.sql.scalars(select(HarvestTable).where(*wanted).order_by(HarvestTable.id.desc()).limit(1)).first()
    return None if row is None else _records(session, [row])[0]


def newest(session: ReadSession, sae_id: int) -> HarvestRecord | None:
    """Return the newest finished harvest of an SAE."""
    statement = (
        select(HarvestTable)
        .join(HarvestSaeTable, HarvestSaeTable.harvest_id == HarvestTable.id)
        .where(HarvestSaeTable.sae_id == sae_id, HarvestTable.state == HarvestState.FINISHED)
        .order_by(HarvestTable.id.desc())
        .limit(1)
    )
    row = session.sql.scalars(statement).first()
    return None if row is None else _records(session, [row])[0]


def attach(
    session: WriteSession,
    harvest_id: str,
    *,
    model_id: int,
    sae_ids: Sequence[int],
    corpus_fingerprint: str,
    tokens_total: int,
) -> None:
    """Say what a harvest reads, now that its parts are loaded."""
    values = {"model_id": model_id, "corpus_fingerprint": corpus_fingerprint, "tokens_total": tokens_total}
    _update(session, harvest_id, values)
    rows = [{"harvest_id": harvest_id, "position": i, "sae_id": sae_id} for i, sae_id in enumerate(sae_ids)]
    if sae_ids_of(session, harvest_id) != tuple(sae_ids):
        session.sql.execute(delete(HarvestSaeTable).where(HarvestSaeTable.harvest_id == harvest_id))
        insert_if_absent(session, HarvestSaeTable, rows)


def sae_ids_of(session: ReadSession, harvest_id: str) -> tuple[int, ...]:
    """Return the SAEs of a harvest in the order of its spec."""
    statement = select(HarvestSaeTable.sae_id).where(HarvestSaeTable.harvest_id == harvest_id)
    return tuple(session.sql.scalars(statement.order_by(HarvestSaeTable.position)))


def add_tokens(session: WriteSession, harvest_id: str, tokens: int) -> None:
    """Count `tokens` more as read, or fewer; never fewer than none."""
    sum_ = HarvestTable.tokens_done + tokens
    _update(session, harvest_id, {"tokens_done": case((sum_ < 0, 0), else_=sum_)})


def set_tokens(session: WriteSession, harvest_id: str, tokens: int) -> None:
    """Set how many tokens are read, as when a harvest resumes from its finished shards."""
    _update(session, harvest_id, {"tokens_done": tokens})


def set_total(session: WriteSession, harvest_id: str, tokens: int) -> None:
    """Set how many tokens there are to read, now that the end of the corpus is known."""
    _update(session, harvest_id, {"tokens_total": tokens})


def forget_corpus(session: WriteSession, harvest_id: str) -> None:
    """Forget which corpus and how much of it was read, as before a harvest is taken up again."""
    _update(session, harvest_id, {"tokens_done": 0, "tokens_total": None, "corpus_fingerprint": None})


def set_broken(session: WriteSession, harvest_id: str, sae_id: int, *, count: int, contexts: Sequence[int]) -> None:
    """Set how many activations of an SAE were NaN or infinite, and the first contexts that hold some."""
    statement = update(HarvestSaeTable).where(
        HarvestSaeTable.harvest_id == harvest_id, HarvestSaeTable.sae_id == sae_id
    )
    session.sql.execute(statement.values(broken=count, broken_contexts=list(contexts)))


def set_state(
    session: WriteSession, harvest_id: str, state: HarvestState, *, origins: Collection[HarvestState] | None = None
) -> bool:
    """Move a harvest to `state`; False when the state it is in does not allow that: `NEXT`, or `origins` if given."""
    return _move(session, harvest_id, state, {"error": None}, origins)


def finish(session: WriteSession, harvest_id: str, *, seconds: float) -> bool:
    """Close a harvest that stored everything; False when it has ended already."""
    return _move(session, harvest_id, HarvestState.FINISHED, {"seconds": seconds, "error": None})


def fail(session: WriteSession, harvest_id: str, error: str) -> bool:
    """Close a harvest that cannot go on; False when it has ended already."""
    return _move(session, harvest_id, HarvestState.FAILED, {"error": error})


def _move(
    session: WriteSession,
    harvest_id: str,
    state: HarvestState,
    values: dict[str, Any],
    origins: Collection[HarvestState] | None = None,
) -> bool:
    allowed = origins or [origin for origin, targets in NEXT.items() if state in targets]
    values = {"state": state, "finished_at": now() if state in ENDS else None, **values}
    statement = update(HarvestTable).where(HarvestTable.id == harvest_id, HarvestTable.state.in_(allowed))
    moved = cast("CursorResult[Any]", session.sql.execute(statement.values(**values))).rowcount == 1
    return moved or (get(session, harvest_id).state == state and origins is None)


def _update(session: WriteSession, harvest_id: str, values: dict[str, Any]) -> None:
    statement = update(HarvestTable).where(HarvestTable.id == harvest_id).values(**values)
    if cast("CursorResult[Any]", session.sql.execute(statement)).rowcount == 0:
        raise NotFound(f"there is no harvest {harvest_id}")


def _records(session: ReadSession, rows: Sequence[HarvestTable]) -> tuple[HarvestRecord, ...]:
    statement = (
        select(HarvestSaeTable, SaeTable.name, SaeTable.hook)
        .join(SaeTable, SaeTable.id == HarvestSaeTable.sae_id)
        .where(HarvestSaeTable.harvest_id.in_([row.id for row in rows]))
        .order_by(HarvestSaeTable.position)
        .execution_options(populate_existing=True)
    )
    saes: dict[str, list[tuple[int, BrokenRecord | None]]] = {row.id: [] for row in rows}
    for sae, name, hook in session.sql.execute(statement):
        saes[sae.harvest_id].append((sae.sae_id, _broken(sae, name, hook)))
    return tuple(_record(row, saes[row.id]) for row in rows)


def _broken(row: HarvestSaeTable, name: str, hook: str) -> BrokenRecord | None:
    if row.broken is None:
        return None
    return BrokenRecord(row.sae_id, name, hook, count=row.broken, contexts=tuple(row.broken_contexts or ()))


def _record(row: HarvestTable, saes: Sequence[tuple[int, BrokenRecord | None]]) -> HarvestRecord:
    counted = [broken for _, broken in saes if broken is not None]
    return HarvestRecord(
        id=row.id,
        spec=HarvestSpec.model_validate(row.spec),
        spec_digest=row.spec_digest,
        state=HarvestState(row.state),
        error=row.error,
        tokens_done=row.tokens_done,
        tokens_total=row.tokens_total,
        seconds=row.seconds,
        corpus_fingerprint=row.corpus_fingerprint,
        model_id=row.model_id,
        sae_ids=tuple(sae_id for sae_id, _ in saes),
        broken=tuple(broken for broken in counted if broken.count) if counted else None,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
