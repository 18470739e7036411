"""The SQLite store keeps every promise of the port."""

from __future__ import annotations

import os
import random
import socket
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from adrs import RunIsLive, Store, open_store
from adrs.testing import StoreContract
from adrs.testing.store_contract import (
    SETTINGS,
    Opener,
    a_task,
    certified,
    check_kill_loses_nothing,
    one_trial,
)


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return partial(open_store, tmp_path / "store")

    def test_a_refused_claim_says_who_holds_the_run(self, store: Store, run: str) -> None:
        holder = rf"process {os.getpid()} on {socket.gethostname()} \(since 20.*adrs stop {run}"
        with store.claim(run), pytest.raises(RunIsLive, match=holder), store.claim(run):
            pass

    def test_a_deleted_certificate_leaves_no_bytes(
        self, store: Store, run: str, tmp_path: Path
    ) -> None:
        store.create_run(a_task(), SETTINGS)
        with closing(sqlite3.connect(tmp_path / "store" / "store.sqlite")) as connection:
            before = connection.execute("SELECT digest FROM blobs ORDER BY digest").fetchall()
            store.append(run, [*one_trial(1), certified(1)])
            store.delete_run(run)
            after = connection.execute("SELECT digest FROM blobs ORDER BY digest").fetchall()
        assert after == before

    @pytest.mark.slow
    def test_kills_at_random_moments_lose_nothing(
        self, opener: Opener, store: Store, run: str
    ) -> None:
        for _ in range(12):
            check_kill_loses_nothing(opener, store, run, after_trials=random.randint(1, 300))
