"""What each database has of its own for searching, made by the migrations alone: no table of the code declares it."""

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Float, column, func, literal_column, table
from sqlalchemy.dialects.postgresql import TSVECTOR

# SQLite: an FTS5 table, whose rows are those of explanations. PostgreSQL: a column of explanations with an index, and
# where pgvector is there `near`, a column of explanation_vectors with an index.
WORDS = table("explanation_search", column("rowid"))
SEARCH = literal_column("explanations.search", TSVECTOR)
CONFIGURATION = literal_column("'explanation_words'::regconfig")
NEAR_DIMENSIONS = 384  # of the vectors that pgvector has an index for
NEAR = literal_column("explanation_vectors.near", HALFVEC(NEAR_DIMENSIONS))
RANK = func.bm25(literal_column("explanation_search"), type_=Float)


def declared(item: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
    """Whether a part of a database is one of those that the code declares, for Alembic to compare."""
    parent = getattr(getattr(item, "table", None), "name", None)
    match kind:
        case "table":
            return not str(name).startswith("explanation_search")
        case "column":
            return (parent, name) not in (("explanations", "search"), ("explanation_vectors", "near"))
        case _:
            return name not in ("ix_explanations_search", "ix_explanation_vectors_near")
