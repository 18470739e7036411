"""The Docker sandbox against a real engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from adrs_sandboxes.docker import Docker
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.owner import LABEL, owner
from contracts.engines import engine_or_skip

from adrs import Guarantee, IsolationLevel
from adrs.testing import SandboxContract
from adrs.testing.sandbox_contract import Stage


class InContainers(SandboxContract):
    """What holds a session is a container, and below the engine."""

    def break_session(self, processes: Sequence[int]) -> None:
        engine = Engine()
        for container in engine.client.containers(filters={"label": f"{LABEL}={owner()}"}):
            engine.client.kill(container["Id"])
        engine.close()


@pytest.fixture(scope="module")
def sandbox() -> Docker:
    engine_or_skip()
    return Docker()


class TestDocker(InContainers):
    pass


@pytest.fixture
def stage(sandbox: Docker, tmp_path: Path) -> Stage:
    return Stage(sandbox, tmp_path)


def test_everything_that_a_winner_needs_is_held(stage: Stage) -> None:
    assert stage.probe.level is IsolationLevel.SEPARATE
    assert set(stage.probe.holds) == set(Guarantee)
