"""What Alembic runs: the migrations, within the transaction that `upgrade` was given."""

from alembic import context

from adrs.store.schema import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata
)
context.run_migrations()
