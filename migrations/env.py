"""Runs the migrations on the connection that autointerp.storage.migrate gives, or on `alembic -x url=URL`."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from autointerp.errors import InvalidInput
from autointerp.storage.engine import Database
from autointerp.storage.tables import Base
from autointerp.storage.tables.base import Moment, Prose
from autointerp.storage.tables.search import declared


def render(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write our column types as what they are in the database, so that a migration never imports today's code."""
    match kind, item:
        case "type", Prose():
            return "sa.Text()"
        case "type", Moment():
            return "sa.DateTime(timezone=True)"
        case _:
            return False


def run(connection: Connection) -> None:
    """Run what was asked for in the transaction of `connection`."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        include_object=declared,
        render_as_batch=True,
        render_item=render,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Take the given connection, or open the database that the command line names."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    url = context.get_x_argument(as_dictionary=True).get("url")
    if url is None:
        raise InvalidInput("name the database: alembic -x url=sqlite:///FILE …")
    database = Database(url)
    with database.migrating() as connection:
        run(connection)
    database.close()


main()
