from __future__ import annotations

import pytest
from adrs_sandboxes.process import ProcessSandbox

from adrs.testing.sandbox_contract import SandboxContract


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox()


class TestProcessSandbox(SandboxContract):
    pass
