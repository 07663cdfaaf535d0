"""The corpus text of a harvest, one row a context, which the examples of all its features refer to."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from autointerp.domain.corpus_text import CorpusText
from autointerp.domain.packed import PackedExamples
from autointerp.errors import DamagedFile
from autointerp.storage.context_packing import pack_context, unpack_contexts
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_columns
from autointerp.storage.tables.harvests import ContextTable

AT_ONCE = 500  # contexts a query
CHOSEN = (
    sa.select(ContextTable.context, ContextTable.packed)
    .where(
        ContextTable.harvest_id == sa.bindparam("harvest"),
        ContextTable.context.in_(sa.bindparam("contexts", expanding=True)),
    )
    .order_by(ContextTable.context)
)


def store(session: WriteSession, harvest_id: str, text: CorpusText) -> None:
    """Store the text of some contexts; what is stored already stays as it is."""
    packed = {context: pack_context(own) for context, own in text.by_context()}
    columns = {"harvest_id": [harvest_id] * len(packed), "context": list(packed), "packed": list(packed.values())}
    insert_columns(session, ContextTable, columns)


def complete(session: ReadSession, harvest_id: str, examples: Sequence[PackedExamples]) -> list[PackedExamples]:
    """Return examples with the text that was stored apart from them; DamagedFile when it is not there."""
    apart = [one.windows for one in examples if one.windows.without_text]
    if not apart:
        return list(examples)
    text = _load(session, harvest_id, np.unique(np.concatenate([windows.context for windows in apart])).tolist())
    return [_with_text(one, text, harvest_id) if one.windows.without_text else one for one in examples]


def _load(session: ReadSession, harvest_id: str, contexts: Sequence[int]) -> CorpusText:
    connection = session.sql.connection()
    rows: list[tuple[int, bytes]] = []
    for low in range(0, len(contexts), AT_ONCE):
        chosen = {"harvest": harvest_id, "contexts": contexts[low : low + AT_ONCE]}
        rows += connection.execute(CHOSEN, chosen).all()
    return unpack_contexts(rows)


def _with_text(one: PackedExamples, text: CorpusText, harvest_id: str) -> PackedExamples:
    windows = one.windows
    try:
        tokens, documents = text.read(windows.context, windows.start, np.diff(windows.offsets))
    except LookupError as error:
        raise DamagedFile(
            f"text that examples of the harvest {harvest_id} were cut from is not in the database ({error}); "
            "restore the database from a copy, or harvest again"
        ) from error
    return replace(one, windows=replace(windows, tokens=tokens, document=documents))
