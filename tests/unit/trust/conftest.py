"""A winner that was recorded, and its certificate."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.trust.winner import Winner, make_task, record_winner

from adrs.trust import Certificate


@pytest.fixture
def winner(tmp_path: Path) -> Iterator[Winner]:
    made = record_winner(tmp_path / "store", make_task(tmp_path / "toy"))
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Winner]:
    """One for all who only look at it."""
    folder = tmp_path_factory.mktemp("kept")
    made = record_winner(folder / "store", make_task(folder / "toy"))
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def certificate(kept: Winner) -> Certificate:
    return kept.certificate()
