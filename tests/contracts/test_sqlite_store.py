"""The SQLite store keeps every promise of the port."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from adrs import open_store
from adrs.testing import StoreContract
from adrs.testing.store_contract import Opener


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return partial(open_store, tmp_path / "store")
