"""Explanations by their words: all words of a text, or the phrases that it has in quotation marks, in any form.

SQLite keeps the words in an FTS5 table, PostgreSQL in a tsvector with a GIN index; both reduce English words to stems
and leave none out. Of what holds the words, the newest `RANKED` are ranked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from autointerp.errors import InvalidInput
from autointerp.storage import explanations
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import ExplanationRecord
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.harvests import FeatureTable
from autointerp.storage.tables.models import SaeTable
from autointerp.storage.tables.scores import ScoreTable
from autointerp.storage.tables.search import CONFIGURATION, RANK, SEARCH, WORDS

RANKED = 5_000
OPEN, CLOSE = "\x02", "\x03"  # around what was found
WORD = re.compile(r"[^\W_]+")
PHRASE = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Which explanations to look among; None: any. `min_score` is that of any score proper, or of `scorer`."""

    model_id: int | None = None
    sae_id: int | None = None
    harvest_id: str | None = None
    explainer: str | None = None
    scorer: str | None = None
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of hits ended: what comes after it is ranked lower, or the same and newer."""

    rank: float
    id: int


@dataclass(frozen=True, slots=True)
class Hit:
    """An explanation that was found, and of which feature; the lower `rank`, the better it fits.

    `pieces` are the text in pieces, each with whether it is one of the words that were looked for.
    """

    explanation: ExplanationRecord
    sae_id: int
    index: int
    rank: float
    pieces: tuple[tuple[str, bool], ...]

    @property
    def place(self) -> Place:
        """Where a page that ends with this hit ends."""
        return Place(self.rank, self.explanation.id)


def by_words(
    session: ReadSession, text: str, filter: SearchFilter, *, after: Place | None, limit: int
) -> tuple[Hit, ...]:
    """Return the explanations that hold all words of `text`, the best first; InvalidInput when it has no words."""
    phrases = _phrases(text)
    found = _matching(session, phrases, filter).subquery()
    page = sa.select(found.c.id, found.c.rank).order_by(found.c.rank, found.c.id).limit(limit)
    if after is not None:
        later = sa.and_(found.c.rank == after.rank, found.c.id > after.id)
        page = page.where(sa.or_(found.c.rank > after.rank, later))
    ranks: dict[int, float] = dict(session.sql.execute(page).all())
    return hits(session, ranks, _marked(session, phrases, list(ranks)))


def hits(session: ReadSession, ranks: dict[int, float], marked: dict[int, str]) -> tuple[Hit, ...]:
    """Return the explanations with these ids, in this order."""
    table = FeatureTable
    records = explanations.get_many(session, list(ranks))
    wanted = {record.feature_id for record in records}
    rows = session.sql.execute(sa.select(table.id, table.sae_id, table.index).where(table.id.in_(wanted)))
    about = {feature_id: (sae_id, index) for feature_id, sae_id, index in rows}
    return tuple(
        Hit(
            explanation=record,
            sae_id=about[record.feature_id][0],
            index=about[record.feature_id][1],
            rank=ranks[record.id],
            pieces=_pieces(record.explanation.text, marked.get(record.id, "")),
        )
        for record in records
    )


def matching(session: ReadSession, text: str) -> Select[int]:
    """The ids of the explanations that hold all words of `text`; InvalidInput when it has no words."""
    if session.dialect == "sqlite":
        return sa.select(WORDS.c.rowid).where(_match(_phrases(text)))
    return sa.select(ExplanationTable.id).where(SEARCH.op("@@")(_query(_phrases(text))))


def among_matching(session: ReadSession, text: str) -> ColumnElement[bool]:
    """That an explanation holds all words of `text`, for a statement that begins at those words."""
    if session.dialect == "sqlite":
        return ExplanationTable.id.in_(matching(session, text))
    return SEARCH.op("@@", is_comparison=True)(_query(_phrases(text)))


def matches(session: ReadSession, text: str, *, at_once: bool = False) -> ColumnElement[bool]:
    """That an explanation holds all words of `text`, for a statement that comes to one explanation after another.

    `at_once`: SQLite lists all that hold them first, and asks its index of words no more; adding 0 keeps the planner
    from beginning at that list.
    """
    if session.dialect == "sqlite" and at_once:
        return (ExplanationTable.id + 0).in_(matching(session, text))
    if session.dialect == "sqlite":
        return matching(session, text).where(WORDS.c.rowid == ExplanationTable.id).correlate(ExplanationTable).exists()
    return among_matching(session, text)


def _phrases(text: str) -> tuple[str, ...]:
    if not (phrases := phrases_of(text)):
        raise InvalidInput("there is no word in the text to search for; give at least one")
    return phrases


def phrases_of(text: str) -> tuple[str, ...]:
    """The phrases of a search: single words, and what stands in quotation marks, without punctuation."""
    found = (" ".join(WORD.findall(quoted or bare)) for quoted, bare in PHRASE.findall(text))
    return tuple(dict.fromkeys(phrase for phrase in found if phrase))


def narrowed(statement: Select[Any, Any], filter: SearchFilter) -> Select[Any, Any]:
    """Narrow a statement over explanations to those that pass."""
    table = ExplanationTable
    if filter.harvest_id is not None:
        statement = statement.where(table.harvest_id == filter.harvest_id)
    if filter.explainer is not None:
        statement = statement.where(table.explainer == filter.explainer)
    if filter.sae_id is not None or filter.model_id is not None:
        statement = statement.join(FeatureTable, FeatureTable.id == table.feature_id)
    if filter.sae_id is not None:
        statement = statement.where(FeatureTable.sae_id == filter.sae_id)
    if filter.model_id is not None:
        statement = statement.join(SaeTable, SaeTable.id == FeatureTable.sae_id)
        statement = statement.where(SaeTable.model_id == filter.model_id)
    if filter.min_score is not None or filter.scorer is not None:
        statement = statement.where(_scored(filter))
    return statement


def _scored(filter: SearchFilter) -> ColumnElement[bool]:
    score = ScoreTable
    conditions = [score.explanation_id == ExplanationTable.id, score.control == ""]
    if filter.scorer is not None:
        conditions.append(score.scorer == filter.scorer)
    if filter.min_score is not None:
        conditions.append(score.value >= filter.min_score)
    return sa.exists().where(*conditions)


def _matching(session: ReadSession, phrases: Sequence[str], filter: SearchFilter) -> Select[Any, Any]:
    """The newest explanations that match and pass, each with its rank."""
    table = ExplanationTable
    if session.dialect == "sqlite":
        statement = sa.select(WORDS.c.rowid.label("id"), RANK.label("rank")).where(_match(phrases))
        statement = statement.order_by(WORDS.c.rowid.desc())
        if filter == SearchFilter():
            return statement.limit(RANKED)  # to look up each explanation would take as long as to rank it
        statement = statement.join(table, table.id == WORDS.c.rowid)
    else:
        query = _query(phrases)
        rank = -sa.cast(sa.func.ts_rank(SEARCH, query, 1), sa.Double)
        statement = sa.select(table.id, rank.label("rank")).where(SEARCH.op("@@")(query)).order_by(table.id.desc())
    return narrowed(statement, filter).limit(RANKED)


def _match(phrases: Sequence[str]) -> ColumnElement[bool]:
    quoted = " AND ".join(f'"{phrase}"' for phrase in phrases)
    return sa.literal_column("explanation_search").op("MATCH", is_comparison=True)(quoted)


def _query(phrases: Sequence[str]) -> ColumnElement[str]:
    parts: list[ColumnElement[str]] = [sa.func.phraseto_tsquery(CONFIGURATION, phrase) for phrase in phrases]
    return reduce(lambda first, second: first.op("&&")(second), parts)


def _marked(session: ReadSession, phrases: Sequence[str], ids: Sequence[int]) -> dict[int, str]:
    """The texts with marks around what was found, by id."""
    table = ExplanationTable
    if session.dialect == "sqlite":
        marks = sa.func.highlight(sa.literal_column("explanation_search"), 0, OPEN, CLOSE)
        statement = sa.select(WORDS.c.rowid, marks).where(_match(phrases), WORDS.c.rowid.in_(ids))
    else:
        options = f"StartSel={OPEN}, StopSel={CLOSE}, HighlightAll=true"
        marks = sa.func.ts_headline(CONFIGURATION, table.text, _query(phrases), options)
        statement = sa.select(table.id, marks).where(table.id.in_(ids))
    return dict(session.sql.execute(statement).all())


def _pieces(text: str, marked: str) -> tuple[tuple[str, bool], ...]:
    """Cut a marked text where what was found begins and ends; a text with such marks of its own stays whole."""
    if marked.replace(OPEN, "").replace(CLOSE, "") != text:
        return ((text, False),)
    pieces = re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", marked)
    return tuple((piece.strip(OPEN + CLOSE), piece.startswith(OPEN)) for piece in pieces if piece)
