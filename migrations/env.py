"""How alembic reaches the database: from inside iracdb, or from the ``alembic`` command."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from iracdb.catalogue import views
from iracdb.catalogue.cutting import names_of_parts
from iracdb.catalogue.database import connect
from iracdb.catalogue.revisions import VERSION_TABLE, current
from iracdb.catalogue.tables import metadata
from iracdb.catalogue.urls import database_url


def migrate(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    parts = names_of_parts(connection)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        # A part is changed with its table, and no model tells of it.
        include_name=lambda name, kind, _: kind != "table" or name not in parts,
        transaction_per_migration=False,
    )
    context.run_migrations()


def migrate_from_command_line() -> None:
    """Open the database that ``alembic.ini`` or the environment names."""
    location = context.get_x_argument(as_dictionary=True).get("db")
    database = connect(
        database_url(location or context.config.get_main_option("sqlalchemy.url")), create=True
    )
    try:
        with database.migrate() as connection:
            # A view of a table that is about to change stands in its way, on both databases.
            views.drop_all(connection)
            migrate(connection)
            revision = current(connection)
            if revision is not None and revision == context.get_head_revision():
                views.rebuild_all(connection)
    finally:
        database.close()


if context.is_offline_mode():
    raise SystemExit("iracdb's migrations need a database: leave out --sql")

_given = context.config.attributes.get("connection")
if _given is None:
    migrate_from_command_line()
else:
    migrate(_given)
