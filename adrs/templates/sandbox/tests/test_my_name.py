"""It is attacked by hostile programs, and holds what it claims."""

from dataclasses import replace

import pytest
from adrs_sandbox_my_name import MOST_MEMORY_MB, MyNameSandbox

from adrs import Guarantee, installed_plugins
from adrs.testing import SandboxContract
from adrs.testing.sandbox_contract import LIMITS, Stage


@pytest.fixture(scope="module")
def sandbox():
    return MyNameSandbox()


class TestContract(SandboxContract):
    """All of it: what the probe declares missing is skipped, what it claims is tried."""


def test_nothing_gets_more_memory_than_it_says(sandbox, tmp_path):
    stage = Stage(sandbox, tmp_path)
    assert f"{MOST_MEMORY_MB} MiB" in stage.probe.holds[Guarantee.MEMORY]
    plenty = replace(LIMITS, memory_mb=4 * MOST_MEMORY_MB)
    source = f"""
try:
    held = bytearray({MOST_MEMORY_MB + 64} << 20)
    say("more than that")
except MemoryError:
    say("no more")
"""
    assert stage.play(source, plenty).said != ["more than that"]


def test_it_is_installed_under_its_name():
    mine = [one for one in installed_plugins("adrs.sandboxes", check=True) if one.name == "my-name"]
    assert [one.error for one in mine] == [""]
