"""Finishes an image while it is built, and writes down what is in it.

Standard library only: it runs inside, with nothing of ours beside it. Arguments: the folder of the
packages, the file of requirements, where to write, and names of Debian packages.
"""

from __future__ import annotations

import compileall
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NEVER_IMPORTED = re.compile(r"/(tests?|idlelib|lib2to3|site-packages|dist-packages)/")


def main() -> None:
    """Writes the inventory as JSON."""
    packages, requirements, place, *debian = sys.argv[1:]
    # Images usually come without compiled files, and each process would compile anew.
    compileall.compile_dir(sysconfig.get_path("stdlib"), quiet=2, rx=_NEVER_IMPORTED)
    installed = list(metadata.distributions(path=[packages]))
    inventory = {
        "python": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
        "version": platform.python_version(),
        "packages": {one.name: one.version for one in installed},
        "debian": _versions(debian),
        "modules": _modules(installed, Path(requirements).read_text()),
    }
    Path(place).write_text(json.dumps(inventory))


def _modules(installed: list[metadata.Distribution], requirements: str) -> list[str]:
    """What `import` takes of the distributions that were asked for by name."""
    names = {_normal(found[0]) for found in map(_NAME.match, requirements.splitlines()) if found}
    declared = [one for one in installed if _normal(one.name) in names]
    return sorted({name for one in declared for name in importable(one)})


def _versions(debian: list[str]) -> list[str]:
    """name=version of each Debian package that was asked for."""
    if not debian:
        return []
    command = ["dpkg-query", "--show", "--showformat=${Package}=${Version}\n", *debian]
    return sorted(subprocess.run(command, capture_output=True, text=True).stdout.split())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def importable(distribution: metadata.Distribution) -> list[str]:
    """Names that `import` takes, from a distribution's files."""
    names = []
    for file in distribution.files or ():
        top = file.parts[0]
        is_package = len(file.parts) == 2 and file.name == "__init__.py"
        is_module = len(file.parts) == 1 and file.suffix in {".py", ".so"}
        if (is_package or is_module) and not top.startswith("_"):
            names.append(top.partition(".")[0])
    return names


if __name__ == "__main__":
    main()
