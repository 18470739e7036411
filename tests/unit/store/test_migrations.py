"""New stores are made at once, old ones by migrations: both ways end in the same tables."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from adrs import Admission, Calibrated, Direction, Interval, Score, Told, open_store
from adrs.store import migrations, schema
from adrs.testing.store_contract import CALIBRATION, SETTINGS, a_task, a_verification, certified


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


OLD_ROWS = Path(__file__).with_name("rows_0001.sql")
"""What an ADRS wrote whose newest migration was 0001."""


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    """A store of revision 0001: a finished run with one trial in flight."""
    path = tmp_path / "store.sqlite"
    engine = sa.create_engine(f"sqlite:///{path}")
    first = ScriptDirectory(str(migrations.FOLDER)).get_revision("0001").module
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            first.upgrade()
        schema.REVISIONS.create(connection)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD_ROWS.read_text())
        connection.execute(f"PRAGMA application_id={0x41445253}")
    return path


def rows_of(path: Path) -> dict[str, list[dict[str, object]]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for (name,) in tables
        }


def test_a_store_of_the_first_revision_keeps_every_row(old_store: Path) -> None:
    before = rows_of(old_store)
    assert before.pop("alembic_version") == [{"version_num": "0001"}]
    with closing(open_store(old_store.parent, create=False)) as store:
        assert store.check() == []
    after = rows_of(old_store)
    assert after.pop("alembic_version") == [{"version_num": schema.REVISION}]
    for table, rows in before.items():
        assert [new | old for new, old in zip(after[table], rows, strict=True)] == after[table]


def test_a_store_of_the_first_revision_is_read_and_goes_on(old_store: Path) -> None:
    with closing(open_store(old_store.parent, create=False)) as store:
        (run,) = store.runs()
        assert (run.settings, run.asked, run.told, run.rejections) == (SETTINGS, 5, 4, 1)
        told = store.told(run.name)
        assert [trial.score for trial in told] == [Score(3.0), Score(1.0, 0.5), Score(2.0), None]
        assert store.best_number(run.name, Direction.MINIMIZE) == 2
        assert [trial.number for trial in store.in_flight(run.name)] == [4]
        assert store.task(run.name).stages == a_task().stages
        assert store.task(run.name).brief == a_task().brief
        assert store.looks("b" * 64) == 1
        finding = store.finding(run.name)
        assert finding is not None
        assert finding.best == Interval(2.0, 1.0, 3.0)
        assert (store.calibration(run.name), store.attack(run.name)) == (None, None)
        assert (store.certificate(run.name), store.verifications()) == (None, [])
        score, kept = Score(2.5, 0.0, 0.25, 3), Admission(False, "not better than the best")
        store.append(run.name, [Told(4, score, kept), certified(2), Calibrated(CALIBRATION)])
        store.keep_verification(a_verification(workloads="b" * 64))
        assert store.trial(run.name, 4).score == score
        assert store.certificate(run.name) == certified(2).content
        assert store.looks("b" * 64) == 2
        assert store.check() == []
