"""Alembic runs this for each command; it works on the connection that app/migrations/change.py hands it.

Migrations are written by hand, without the program's tables: what a migration did must not change when those do.
"""

from alembic import context

connection = context.config.attributes["connection"]
# render_as_batch: SQLite cannot alter a column or drop a constraint in place
context.configure(connection=connection, target_metadata=None, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
