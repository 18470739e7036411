from __future__ import annotations

import pytest
from adrs_sandboxes.bubblewrap import Bubblewrap

from adrs.testing.sandbox_contract import SandboxContract


@pytest.fixture(scope="module")
def sandbox() -> Bubblewrap:
    return Bubblewrap()


class TestBubblewrap(SandboxContract):
    pass
