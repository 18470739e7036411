"""The SQLite store keeps every promise of the port."""

from __future__ import annotations

import os
import random
import socket
from functools import partial
from pathlib import Path

import pytest

from adrs import RunIsLive, Store, open_store
from adrs.testing import StoreContract
from adrs.testing.store_contract import Opener, check_kill_loses_nothing


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return partial(open_store, tmp_path / "store")

    def test_a_refused_claim_says_who_holds_the_run(self, store: Store, run: str) -> None:
        holder = rf"process {os.getpid()} on {socket.gethostname()} \(since 20.*adrs stop {run}"
        with store.claim(run), pytest.raises(RunIsLive, match=holder), store.claim(run):
            pass

    @pytest.mark.slow
    def test_kills_at_random_moments_lose_nothing(
        self, opener: Opener, store: Store, run: str
    ) -> None:
        for _ in range(12):
            check_kill_loses_nothing(opener, store, run, after_trials=random.randint(1, 300))
