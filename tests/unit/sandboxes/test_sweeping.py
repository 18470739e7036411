"""What killed engines left is removed, and never what a live one uses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from adrs_sandboxes import _readable
from adrs_sandboxes.bubblewrap import Bubblewrap
from adrs_sandboxes.process import ProcessSandbox

from adrs import Sweeping

USES = """
import sys
from pathlib import Path
from adrs_sandboxes import _readable
_readable._cache = lambda: Path(sys.argv[1])
print(_readable.cached("in use", lambda folder: (folder / "file").write_text("x")), flush=True)
sys.stdin.read()
"""
MAKES = """
import os, sys
from pathlib import Path
from adrs_sandboxes import _readable
_readable._cache = lambda: Path(sys.argv[1])
_readable.cached("never finished", lambda folder: os.kill(os.getpid(), 9))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_readable, "_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def _last_pid() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def test_both_can_be_asked() -> None:
    assert isinstance(Bubblewrap(), Sweeping)
    assert isinstance(ProcessSandbox(), Sweeping)


def test_folders_of_a_killed_engine(cache: Path) -> None:
    gone = _last_pid()
    left = Path(tempfile.mkdtemp(prefix=f"adrs-process-{gone}-"))
    live = ProcessSandbox()
    removed = asyncio.run(live.sweep())
    assert [one for one in removed if str(left) in one]
    assert not left.exists()

    copies = Path(tempfile.mkdtemp(prefix=f"adrs-session-{gone}-0-", dir="/var/tmp"))
    _readable.give(copies)
    assert [one for one in asyncio.run(Bubblewrap().sweep()) if str(copies) in one]
    assert not copies.exists()


def test_what_is_in_use_stays(cache: Path) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", USES, str(cache)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with user:
        assert user.stdout
        used = Path(user.stdout.readline().strip())
        unused = cache / "unused"
        unused.mkdir()
        assert not [one for one in asyncio.run(Bubblewrap().sweep()) if str(cache) in one]
        assert unused.exists()
        removed = [one for one in asyncio.run(Bubblewrap().sweep(unused=True)) if "cache" in one]
        assert len(removed) == 1
        assert str(unused) in removed[0]
        assert (used / "file").exists()
    assert [one for one in asyncio.run(Bubblewrap().sweep(unused=True)) if str(used) in one]
    assert not used.exists()


def test_what_was_never_finished(cache: Path) -> None:
    subprocess.run([sys.executable, "-c", MAKES, str(cache)], check=False)
    [half] = cache.iterdir()
    assert half.name.startswith("making-")
    asyncio.run(Bubblewrap().sweep())
    assert not half.exists()
