"""Whether there is a container engine to test with."""

from __future__ import annotations

import os

import pytest
from adrs_sandboxes.docker.engine import Engine

from adrs import SandboxUnavailable


def engine_or_skip() -> str:
    """The address of an engine that answers; skips the test, and says why, where there is none."""
    address = os.environ.get("DOCKER_HOST", "")
    if not address:
        pytest.skip("NOT TESTED: DOCKER_HOST does not name a container engine")
    if fault := _fault(address):
        pytest.skip(f"NOT TESTED: {fault}")
    return address


def _fault(address: str) -> str:
    try:
        Engine(address).close()
    except SandboxUnavailable as error:
        return str(error)
    return ""
