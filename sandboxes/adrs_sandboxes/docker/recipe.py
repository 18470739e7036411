"""How the image of an environment is built, as a pure function of what was declared."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adrs import Environment, SandboxUnavailable

REPOSITORY = "adrs-environment"
FOLDER = "/usr/local/lib/adrs"
PACKAGES = f"{FOLDER}/packages"
INVENTORY = f"{FOLDER}/inventory.json"

_SCRIPT = Path(__file__).parents[1] / "_inventory.py"
_BASE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9./:@_-]{0,254}")
_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?:=[a-zA-Z0-9][a-zA-Z0-9.+:~-]*)?")
_SUCH_AS = {"base": "python:3.12", "debian": "gcc", "python": "numpy>=2"}

# In exec form nothing is given to a shell, and where there is one, only names that were checked.
_OLD = "this image has Python %d.%d, and rooms need 3.11 or a later one"
_CHECK = f"import sys; v = sys.version_info; v < (3, 11) and sys.exit('{_OLD}' % v[:2])"
_PIP = "--no-cache-dir --no-input --progress-bar=off --disable-pip-version-check"
_WHEELS_ONLY = "--only-binary=:all:"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a build is given.

    Attributes:
        base: the image that it starts from.
        digest: SHA-256 over all that decides what is built, but for the base's content.
    """

    base: str
    dockerfile: str
    requirements: str
    digest: str

    @property
    def tag(self) -> str:
        """The name of what is built."""
        return f"{REPOSITORY}:{self.digest[:16]}"

    def context(self) -> io.BytesIO:
        """The files of a build, as a tar file; the same bytes each time."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, text in self._files().items():
                entry = tarfile.TarInfo(name)
                content = text.encode()
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        packed.seek(0)
        return packed

    def _files(self) -> Mapping[str, str]:
        return {
            "Dockerfile": self.dockerfile,
            "requirements.txt": self.requirements,
            _SCRIPT.name: _SCRIPT.read_text(),
        }


def recipe(environment: Environment, machine: str) -> Recipe:
    """Says how an environment becomes an image.

    Args:
        machine: the architecture, as the engine names it.

    Raises:
        SandboxUnavailable: something declared is not a plain name.
    """
    base = environment.base or "python:{}.{}-slim".format(*sys.version_info[:2])
    if not _BASE.fullmatch(base):
        raise _not_a_name(base, "base", "an image")
    debian = sorted(set(environment.debian))
    for package in debian:
        if not _DEBIAN_PACKAGE.fullmatch(package):
            raise _not_a_name(package, "debian", "a Debian package")
    requirements = "".join(f"{line}\n" for line in _requirements(environment.python))
    dockerfile = _dockerfile(base, debian, requirements, environment.from_source)
    decisive = [dockerfile, requirements, _SCRIPT.read_text(), machine]
    digest = hashlib.sha256("\0".join(decisive).encode()).hexdigest()
    return Recipe(base, dockerfile, requirements, digest)


def _dockerfile(base: str, debian: list[str], requirements: str, from_source: bool) -> str:
    has_python, python = "command -v python3", ["python3"]
    if requirements:
        has_python, python = "python3 -m pip --version", ["python3", "python3-pip"]
    lines = [
        f"FROM {base}",
        "LABEL adrs.image=environment",
        "USER 0",
        "HEALTHCHECK NONE",
        'SHELL ["/bin/sh", "-c"]',
        f"WORKDIR {FOLDER}",
    ]
    if debian:
        lines.append(f"RUN {_apt_get(debian)}")
    lines += [
        f"RUN {has_python} || {{ {_apt_get(python)}; }}",
        _run("python3", "-c", _CHECK),
        f"COPY requirements.txt {_SCRIPT.name} ./",
    ]
    if requirements:
        wheels = [] if from_source else [_WHEELS_ONLY]
        install = ["install", "--target", PACKAGES, *_PIP.split(), *wheels]
        lines.append(_run("python3", "-m", "pip", *install, "-r", "requirements.txt"))
    names = [package.partition("=")[0] for package in debian]
    finish = [_SCRIPT.name, PACKAGES, "requirements.txt", INVENTORY, *names]
    lines.append(_run("python3", *finish))
    return "".join(f"{line}\n" for line in lines)


def _run(*words: str) -> str:
    return f"RUN {json.dumps(words)}"


def _apt_get(names: Iterable[str]) -> str:
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    return f"apt-get update && {install} {' '.join(names)} && rm -rf /var/lib/apt/lists/*"


def _requirements(texts: Iterable[str]) -> list[str]:
    """A line for each, which pip can take for nothing else."""
    from packaging.requirements import InvalidRequirement, Requirement

    lines = set()
    for text in texts:
        try:
            one = Requirement(text)
        except InvalidRequirement:
            raise _not_a_name(text, "python", "a Python package") from None
        if one.url or not str(one).isprintable():
            raise _not_a_name(text, "python", "a Python package")
        lines.add(str(one))
    return sorted(lines)


def _not_a_name(text: str, key: str, what: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"{what} is wanted by name, such as {_SUCH_AS[key]!r}, not as {text!r}; "
        f"correct [environment] {key}"
    )
