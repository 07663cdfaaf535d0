"""The corpus text of a harvest, one row a context, which the examples of all its features refer to."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from autointerp.domain.corpus_text import CorpusText
from autointerp.domain.packed import PackedExamples
from autointerp.errors import DamagedFile
from autointerp.storage.context_packing import pack_context, unpack_context
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_columns
from autointerp.storage.tables.harvests import ContextTable

AT_ONCE = 500  # contexts a query


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
    table, parts = ContextTable, [CorpusText.empty()]
    for low in range(0, len(contexts), AT_ONCE):
        statement = (
            sa.select(table.context, table.packed)
            .where(table.harvest_id == harvest_id, table.context.in_(contexts[low : low + AT_ONCE]))
            .order_by(table.context)
        )
        parts += [unpack_context(context, packed) for context, packed in session.sql.execute(statement)]
    return CorpusText.join(parts)


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
