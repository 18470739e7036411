"""Where a store is found, when it is made, and what is not taken for one."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adrs import (
    ConfigError,
    NotInStore,
    StoreUnavailable,
    StoreVersionError,
    UnusableInput,
    open_store,
)
from adrs.store import migrations, schema
from adrs.testing.store_contract import SETTINGS, a_task, one_trial


def fill(place: str | Path | None) -> None:
    store = open_store(place)
    store.create_run(a_task(), SETTINGS)
    store.close()


@pytest.mark.parametrize("way", ["argument", "url", "environment", "working folder"])
def test_the_same_store_is_found_each_way(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "odd %41 #name?" / ".adrs"
    fill(folder)
    monkeypatch.delenv("ADRS_STORE", raising=False)
    monkeypatch.chdir(folder.parent)
    if way == "environment":
        monkeypatch.setenv("ADRS_STORE", str(folder))
        monkeypatch.chdir(tmp_path)
    place = {"argument": folder, "url": f"sqlite:///{folder}/store.sqlite"}.get(way)
    store = open_store(place, create=False)
    assert [run.name for run in store.runs()] == ["toy-1"]
    store.close()


def test_looking_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotInStore, match="adrs run"):
        open_store(tmp_path / "none", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_making_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").touch()
    with pytest.raises(NotInStore):
        open_store(tmp_path, create=False)
    fill(tmp_path)


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@host/a", "sqlite://", "sqlite:///:memory:"]
)
def test_other_kinds_of_store_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///FILE") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UnusableInput, match="is a file"):
        open_store(file)
    with pytest.raises(StoreUnavailable, match="Not a directory"):
        open_store(file / "below" / "store")


def test_a_file_that_is_not_a_store_is_left_alone(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text", tmp_path / "foreign"
    text.write_text("a diary, not a store\n")
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE diary (page TEXT)")
    connection.close()
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(UnusableInput, match="not a store"):
            open_store(f"sqlite:///{path}")
        assert path.read_bytes() == before


def test_many_may_make_it_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(open_store, [tmp_path] * 8))
    names = {store.create_run(a_task(), SETTINGS).name for store in stores}
    assert len(names) == 8
    for store in stores:
        store.close()


def test_an_up_to_date_store_opens_without_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from adrs import open_store; "
        f"[open_store({str(tmp_path)!r}).close() for _ in range(2)]; "
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreVersionError, match=r"9999.*upgrade ADRS"):
        open_store(tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        assert connection.execute("SELECT name FROM runs").fetchall() == [("toy-1",)]
    connection.close()


def test_an_older_store_is_upgraded_with_all_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    newer = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, newer)
    (newer / "versions" / "9000_later.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9000'\ndown_revision = '{schema.REVISION}'\n"
        "def upgrade():\n"
        "    op.add_column('notes', sa.Column('colour', sa.String(), server_default='blue'))\n"
    )
    monkeypatch.setattr(migrations, "FOLDER", newer)
    monkeypatch.setattr(schema, "REVISION", "9000")
    store = open_store(tmp_path, create=False)
    store.append("toy-1", one_trial(0))
    assert store.check() == []
    store.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("9000",)
        ]
        assert "colour" in {row[1] for row in connection.execute("PRAGMA table_info(notes)")}
    connection.close()


def test_a_failed_upgrade_leaves_the_older_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    newer = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, newer)
    (newer / "versions" / "9000_later.py").write_text(
        f"from alembic import op\nrevision = '9000'\ndown_revision = '{schema.REVISION}'\n"
        "def upgrade():\n    op.drop_table('notes')\n    raise RuntimeError('half way')\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "FOLDER", newer)
        patched.setattr(schema, "REVISION", "9000")
        with pytest.raises(RuntimeError, match="half way"):
            open_store(tmp_path)
    store = open_store(tmp_path)
    assert store.notes("toy-1") == []
    store.close()
