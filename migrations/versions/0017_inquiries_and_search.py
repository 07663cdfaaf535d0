"""Questions to subject models, with their answers for a while, and explanations by their words and as vectors.

On SQLite the words are kept by triggers of the table of explanations: a later migration that makes that table anew
must make the triggers again.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TRIGGERS = {
    "explanation_search_insert": """AFTER INSERT ON explanations BEGIN
        INSERT INTO explanation_search (rowid, text) VALUES (new.id, new.text);
    END""",
    "explanation_search_delete": """AFTER DELETE ON explanations BEGIN
        INSERT INTO explanation_search (explanation_search, rowid, text) VALUES ('delete', old.id, old.text);
    END""",
    "explanation_search_update": """AFTER UPDATE OF text ON explanations BEGIN
        INSERT INTO explanation_search (explanation_search, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO explanation_search (rowid, text) VALUES (new.id, new.text);
    END""",
}
WORDS = "regexp_replace(text, '[^[:alnum:]]+', ' ', 'g')"  # PostgreSQL would take a.b for the name of a host


def upgrade() -> None:
    """Go forward."""
    _make_inquiries()
    _make_vectors()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE explanation_search USING fts5 "
            "(text, content='explanations', content_rowid='id', tokenize='porter unicode61 remove_diacritics 0')"
        )
        op.execute("INSERT INTO explanation_search (explanation_search) VALUES ('rebuild')")
        for name, body in TRIGGERS.items():
            op.execute(f"CREATE TRIGGER {name} {body}")
        return
    # English without stop words: who looks for "the" finds it, as on SQLite.
    op.execute("CREATE TEXT SEARCH DICTIONARY explanation_stem (TEMPLATE = snowball, LANGUAGE = english)")
    op.execute("CREATE TEXT SEARCH CONFIGURATION explanation_words (COPY = english)")
    op.execute(
        "ALTER TEXT SEARCH CONFIGURATION explanation_words ALTER MAPPING REPLACE english_stem WITH explanation_stem"
    )
    op.execute(
        "ALTER TABLE explanations ADD COLUMN search tsvector "
        f"GENERATED ALWAYS AS (to_tsvector('explanation_words', {WORDS})) STORED"
    )
    op.execute("CREATE INDEX ix_explanations_search ON explanations USING gin (search)")


def _make_vectors() -> None:
    op.create_table(
        "explanation_vectors",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("explanation_id", ID, nullable=False),
        sa.Column("embedder", sa.String(length=300), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["explanation_id"], ["explanations.id"], name=op.f("fk_explanation_vectors_explanation_id_explanations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation_vectors")),
        sa.UniqueConstraint("explanation_id", name=op.f("uq_explanation_vectors_explanation_id")),
    )
    op.create_index(op.f("ix_explanation_vectors_embedder_id"), "explanation_vectors", ["embedder", "id"])
    if op.get_bind().dialect.name == "postgresql" and _has_pgvector():
        op.execute("ALTER TABLE explanation_vectors ADD COLUMN near halfvec(384)")
        op.execute(
            "CREATE INDEX ix_explanation_vectors_near ON explanation_vectors USING hnsw (near halfvec_cosine_ops)"
        )


def _has_pgvector() -> bool:
    """Whether pgvector is there, or can be: it must be installed, and making it may need a superuser."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS vector"))
            return connection.execute(sa.text("SELECT to_regtype('halfvec') IS NOT NULL")).scalar_one()
    except sa.exc.DBAPIError:
        return False


def _make_inquiries() -> None:
    op.create_table(
        "inquiries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("spec_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'done', 'refused', 'failed')", name=op.f("ck_inquiries_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
    )
    op.create_index(op.f("ix_inquiries_spec_digest"), "inquiries", ["spec_digest"])
    op.create_index(op.f("ix_inquiries_expires_at"), "inquiries", ["expires_at"])
    op.create_index(op.f("ix_inquiries_kind_state"), "inquiries", ["kind", "state"])


def downgrade() -> None:
    """Go back."""
    if op.get_bind().dialect.name == "sqlite":
        for name in TRIGGERS:
            op.execute(f"DROP TRIGGER {name}")
        op.execute("DROP TABLE explanation_search")
    else:
        op.execute("ALTER TABLE explanations DROP COLUMN search")
        op.execute("DROP TEXT SEARCH CONFIGURATION explanation_words")
        op.execute("DROP TEXT SEARCH DICTIONARY explanation_stem")
    op.drop_table("explanation_vectors")
    op.drop_table("inquiries")
