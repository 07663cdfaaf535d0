"""Vocabularies of subject models, so that any process can show tokens as text."""

import sqlalchemy as sa

from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import NotFound
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.packing import pack_vocabulary, unpack_vocabulary
from autointerp.storage.tables.harvests import HarvestTable
from autointerp.storage.tables.models import ModelTable, VocabularyTable


def store(session: WriteSession, vocabulary: Vocabulary) -> str:
    """Store a vocabulary once and return its fingerprint."""
    fingerprint = vocabulary.fingerprint
    if session.sql.get(VocabularyTable, fingerprint) is None:
        row = {"fingerprint": fingerprint, "tokens": pack_vocabulary(vocabulary)}
        insert_if_absent(session, VocabularyTable, [row])
    return fingerprint


def get(session: ReadSession, fingerprint: str) -> Vocabulary:
    """Return the vocabulary with this fingerprint; NotFound when there is none."""

    def load() -> Vocabulary:
        row = session.sql.get(VocabularyTable, fingerprint)
        if row is None:
            raise NotFound(f"there is no vocabulary {fingerprint}")
        return unpack_vocabulary(row.tokens)

    return session.recall(("vocabulary", fingerprint), load)


def of_harvest(session: ReadSession, harvest_id: str) -> Vocabulary:
    """Return the vocabulary of a harvest's model; NotFound when the harvest has none yet."""
    statement = (
        sa.select(ModelTable.vocabulary_fingerprint)
        .join(HarvestTable, HarvestTable.model_id == ModelTable.id)
        .where(HarvestTable.id == harvest_id)
    )
    fingerprint = session.sql.execute(statement).scalar_one_or_none()
    if fingerprint is None:
        raise NotFound(f"the harvest {harvest_id} has no model; it has not loaded its parts yet")
    return get(session, fingerprint)
