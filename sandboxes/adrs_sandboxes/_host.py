"""Sandboxes whose rooms show this machine's own system: what they can give of an environment."""

from __future__ import annotations

import asyncio
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from adrs import Environment, SandboxUnavailable
from adrs_sandboxes import _python, _readable

_ELSE = "use --sandbox docker"
_OLDEST_PYTHON = (3, 11)  # that adrs runs on

# The version, and after it whatever is a flavour of Debian: "python:3.11.4-slim-bookworm".
_PYTHON_IMAGE = re.compile(
    r"(?!.*(?:alpine|windows))python"
    r"(?::(?:(?P<version>\d+(?:\.\d+){0,2})(?:-[a-z0-9.-]+)?|[a-z][a-z0-9.-]*))?"
)
_DEBIAN_PACKAGE = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]+)(?:=(?P<version>[\w.+:~-]+))?", re.A)
_DEBIAN_FACTS = "--showformat=${Package}\t${db:Status-Status}\t${Version}\n"


class HostSandbox:
    """Checks that the system is what an environment asks for, and installs Python packages."""

    name: str

    def left_over(self) -> list[Path]:
        """Removes what its rooms left whose engine was killed; says what."""
        raise NotImplementedError

    async def sweep(self, unused: bool = False) -> Sequence[str]:
        def work() -> list[str]:
            killed = [f"{folder}, of a run that was killed" for folder in self.left_over()]
            cached = [f"{folder}, which nobody uses" for folder in _readable.sweep_cache(unused)]
            return killed + cached

        return await asyncio.to_thread(work)

    async def lacking(self, environment: Environment) -> str:
        def look() -> str:
            _system(environment, self.name)
            return _python.lacking(environment)

        return await asyncio.to_thread(look)

    async def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        if await self.lacking(environment):
            await _python.install(environment, tell)


def packages(environment: Environment, sandbox: str) -> _python.Packages:
    """What a room of this environment shows beside the system.

    Args:
        sandbox: the name of the one that asks, for messages.

    Raises:
        SandboxUnavailable: this machine is not what the environment asks for, or lacks something;
            the message has the cure.
    """
    debian = _system(environment, sandbox)
    return replace(_python.packages(environment), debian=debian)


def _system(environment: Environment, sandbox: str) -> tuple[str, ...]:
    """Name and version of each Debian package asked for; raises SandboxUnavailable."""
    _check_base(environment.base, sandbox)
    return _debian(environment.debian, sandbox) if environment.debian else ()


def _check_base(base: str, sandbox: str) -> None:
    if not base:
        return
    image = _PYTHON_IMAGE.fullmatch(base)
    if image is None:
        raise SandboxUnavailable(
            f"the task wants the image {base!r}, and rooms of {sandbox} show this machine's own "
            f"system, which can only stand for a Debian image of Python; {_ELSE}"
        )
    wanted = tuple(map(int, (image["version"] or "3").split(".")[:2]))
    if wanted != sys.version_info[: len(wanted)]:
        named = ".".join(map(str, wanted))
        cure = f"{_ELSE}, or run adrs on Python {named}" if wanted >= _OLDEST_PYTHON else _ELSE
        raise SandboxUnavailable(
            f"the task wants the image {base!r}, and rooms of {sandbox} show the Python that adrs "
            f"runs on, {platform.python_version()}; {cure}"
        )


def _debian(wanted: Sequence[str], sandbox: str) -> tuple[str, ...]:
    asked = []
    for text in wanted:
        package = _DEBIAN_PACKAGE.fullmatch(text)
        if package is None:
            raise SandboxUnavailable(
                f"a Debian package is wanted by name, such as 'gcc', not as {text!r}; "
                "correct [environment] debian"
            )
        asked.append((text, package["name"], package["version"]))
    if shutil.which("dpkg-query") is None:
        raise SandboxUnavailable(
            f"the task wants the Debian packages {', '.join(wanted)}, which rooms of {sandbox} "
            f"show as this machine has them, and it has no dpkg; {_ELSE}"
        )
    installed = _installed(name for _, name, _ in asked)
    missing = {}
    for text, name, version in asked:
        has = installed.get(name)
        if has is None or version not in {None, has}:
            missing[text] = f"{text} ({has} is installed)" if has else text
    if missing:
        raise SandboxUnavailable(
            f"the task wants Debian packages that this machine lacks: "
            f"{', '.join(missing.values())}; apt-get install {' '.join(missing)}, or {_ELSE}"
        )
    return tuple(sorted({f"{name}={installed[name]}" for _, name, _ in asked}))


def _installed(names: Iterable[str]) -> dict[str, str]:
    """Package to version, as dpkg knows them; what it does not know is left out."""
    command = ["dpkg-query", "--show", _DEBIAN_FACTS, *names]
    answer = subprocess.run(command, capture_output=True, text=True, errors="replace").stdout
    facts = (line.split("\t") for line in answer.splitlines())
    return {name: version for name, state, version in facts if state == "installed"}
