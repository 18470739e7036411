"""Installs packages without a network, into a folder of their own, and runs things with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
_PIP += ["--no-deps", "--no-build-isolation", "--no-index"]
_ADD = "import site, sys; site.addsitedir(sys.argv.pop(1)); "


class Site:
    """A folder that packages are installed into, and that only its own processes look at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "lib" / version / "site-packages"

    def install(self, source: Path, *, editable: bool = False) -> None:
        """Installs a package from a copy of its source, or from the source itself if editable."""
        if not editable:
            copy = self._folder / "sources" / f"{len(list(self._folder.glob('sources/*')))}"
            source = Path(shutil.copytree(source, copy))
        what = ["--editable", source] if editable else [source]
        subprocess.run([*_PIP, "--prefix", self._folder, *what], check=True, timeout=120)

    def python(self, code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs code in a process that has these packages, and the usual ones."""
        # What it starts in its turn, such as a test that calls `python -m adrs`, find them here.
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.packages),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [sys.executable, "-P", "-c", _ADD + code, str(self.packages), *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def adrs(self, *arguments: str, cwd: Path) -> tuple[int, dict[str, Any]]:
        """Exit status and the JSON of a command."""
        code = "from adrs.cli import main; main()"
        done = self.python(code, *arguments, "--json", cwd=cwd)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def pytest(self, *arguments: str, cwd: Path) -> str:
        """The end of what a package's own tests print; they must pass."""
        code = "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
        options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error")
        done = self.python(code, *options, *arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        return done.stdout.splitlines()[-1]
