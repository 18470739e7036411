"""Whether a container's owner still lives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from adrs_sandboxes.docker.owner import is_gone, owner

SAY = "from adrs_sandboxes.docker.owner import owner; print(owner())"


def test_who_lives_is_not_gone_and_who_ended_is() -> None:
    assert not is_gone(owner())
    ended = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True)
    assert is_gone(ended.stdout.strip())


@pytest.mark.parametrize("label", ["", "junk", "a b c d", "a b c d e"])
def test_nothing_is_known_of_what_another_wrote(label: str) -> None:
    assert not is_gone(label)


def test_nothing_is_known_of_processes_that_have_other_numbers() -> None:
    """As of adrs in a container, beside adrs on the machine, with one engine for both."""
    if shutil.which("unshare") is None:
        pytest.skip("NOT TESTED: there is no unshare")
    own = [] if os.geteuid() == 0 else ["--map-current-user"]
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *own, sys.executable, "-c", SAY],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"NOT TESTED: {done.stderr.strip()}")
    assert not is_gone(done.stdout.strip())
