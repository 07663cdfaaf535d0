"""What each database has of its own for searching, made by the migrations alone: no table of the code declares it."""

from sqlalchemy import Float, column, func, literal_column, table
from sqlalchemy.dialects.postgresql import TSVECTOR

# SQLite: an FTS5 table, whose rows are those of explanations. PostgreSQL: a column of explanations with an index.
WORDS = table("explanation_search", column("rowid"))
SEARCH = literal_column("explanations.search", TSVECTOR)
CONFIGURATION = literal_column("'explanation_words'::regconfig")
RANK = func.bm25(literal_column("explanation_search"), type_=Float)


def declared(item: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
    """Whether a part of a database is one of those that the code declares, for Alembic to compare."""
    parent = getattr(getattr(item, "table", None), "name", None)
    match kind:
        case "table":
            return not (name or "").startswith("explanation_search")
        case "column":
            return (parent, name) != ("explanations", "search")
        case _:
            return name != "ix_explanations_search"
