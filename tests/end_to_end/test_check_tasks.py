"""Every task that is shipped passes `adrs check`; `make check` shows the same to people."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from unit.cli.door import adrs

from adrs import SandboxUnavailable, choose_sandbox

TASKS = Path(__file__).parents[2] / "tasks"
NAMES = sorted(file.parent.name for file in TASKS.glob("*/task.toml"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_task_has_no_fault(name: str) -> None:
    try:
        asyncio.run(choose_sandbox("auto"))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    ended = adrs(TASKS, "check", name, "--json")
    answer = json.loads(ended.out.splitlines()[-1])
    assert answer.get("ok") is True, ended.err
    assert ended.code == 0
    states = {result["check"]: result["state"] for result in answer["results"]}
    # What the known programs of checks/ are for is tested, and not only advised.
    assert {states["direction"], states["cheats"]} == {"ok"}, ended.err
