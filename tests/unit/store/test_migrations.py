"""New stores are made at once, old ones by migrations: both ways end in the same tables."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from adrs.store import migrations, schema


def tables_of(connection: sa.Connection) -> set[tuple[str, str, tuple[str, ...]]]:
    """Kind, name and sorted pieces of every definition: the order of columns is no matter."""
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master")
    return {(kind, name, tuple(sorted(pieces_of(sql or "")))) for kind, name, sql in rows}


def pieces_of(definition: str) -> list[str]:
    """The head, every column or constraint, and the tail of the definition of a table."""
    if not definition.startswith("CREATE TABLE"):
        return [definition]
    head, _, rest = definition.partition("(")
    body, _, tail = rest.rpartition(")")
    return [piece.strip() for piece in (head, *re.split(r",(?![^(]*\))", body), tail)]


def test_both_ways_to_make_a_store_make_the_same_tables() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        schema.Table.metadata.create_all(connection)
        at_once = tables_of(connection)
    engine.dispose()
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrations.upgrade(connection, None)
        by_migrations = tables_of(connection)
        revision = connection.scalar(sa.select(schema.REVISIONS.c.version_num))
    engine.dispose()
    assert at_once == by_migrations
    assert revision == schema.REVISION


def test_the_newest_migration_is_the_one_that_new_stores_claim() -> None:
    assert ScriptDirectory(str(migrations.FOLDER)).get_current_head() == schema.REVISION
