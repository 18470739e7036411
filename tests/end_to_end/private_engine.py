"""A container engine of a test's own, which it may kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

_OPTIONS = (
    *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
    *("--ip-masq=false", "--userland-proxy=false"),
)


class PrivateEngine:
    """dockerd in a folder of its own, without a network.

    Args:
        folder: has a short path, since a socket lies in it.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0 or shutil.which("dockerd") is None:
            pytest.skip("NOT TESTED: an engine of one's own needs root and dockerd")
        self._folder = folder
        self.address = f"unix://{folder}/socket"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, also again; skips the test where the first start fails."""
        at, again = self._folder, self._process is not None
        with open(at / "log", "wb") as log:
            self._process = subprocess.Popen(
                [
                    *("dockerd", "--data-root", at / "data", "--exec-root", at / "exec"),
                    *("--pidfile", at / "pid", "-H", self.address, *_OPTIONS),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while b"API listen on" not in (at / "log").read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (at / "log").read_text()[-2000:]
                self.close()
                assert not again, tail
                pytest.skip(f"NOT TESTED: no engine could be started here: {tail}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends the engine at once, and nothing else: its containers go on."""
        assert self._process
        self._process.kill()
        self._process.wait(30)
        (self._folder / "pid").unlink(missing_ok=True)
        # containerd goes with it; the next engine would wait for one that nobody has reaped.
        (self._folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def kill_with_all(self) -> None:
        """Ends the engine and all that runs in it, as a machine that fails would."""
        self.kill()
        for process in self._below():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def containers(self) -> list[str]:
        """Ids of the containers that there are, running or not."""
        from docker import APIClient

        client = APIClient(self.address, version="auto")
        found = [one["Id"] for one in client.containers(all=True)]
        client.close()
        return found

    def close(self) -> None:
        """Stops it, and removes what it has mounted."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
        for process in self._below():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        mounted = Path("/proc/self/mounts").read_text().splitlines()
        for place in reversed([line.split()[1] for line in mounted]):
            if place.startswith(f"{self._folder}/"):
                subprocess.run(["umount", "-l", place], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _below(self) -> list[int]:
        """What the engine has started: containerd, and the shims with their containers."""
        mark = str(self._folder).encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
        shims = set(found)
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) in shims:
                    found.append(int(process.name))
        return [one for one in found if one != os.getpid()]
