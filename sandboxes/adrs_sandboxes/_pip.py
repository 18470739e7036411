"""Private environments: Python packages that pip installs for rooms, beside nobody's."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import signal
import sys
import sysconfig
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from adrs import SandboxUnavailable, harmless
from adrs_sandboxes import _readable

_LINES_TOLD = 20
_LONGEST_LINE = 65536

# All that pip, and what it may build, learns of this process: no key is among it.
_PASSED_ON = {
    "HOME",
    "LANG",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
}

# pip's own --only-binary does not hold for what a wheel requires by URL. Building is always done
# by another process, so pip gets none.
_WHEELS_ONLY = """
import runpy, sys

def refuse(event, _):
    if event == "subprocess.Popen":
        raise PermissionError("only wheels are installed: building a package runs its code")

sys.addaudithook(refuse)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def found(requirements: Sequence[str], from_source: bool) -> Path | None:
    """The private environment of these requirements; None if `install` has not made it.

    Raises:
        SandboxUnavailable: someone else has taken its place.
    """
    return _readable.found(_key(requirements, from_source))


async def install(
    requirements: Sequence[str], from_source: bool, tell: Callable[[str], None]
) -> None:
    """Makes the private environment of these requirements.

    Args:
        from_source: what has no wheel is built, which runs its code with this user's rights.
        tell: given each line that pip prints.

    Raises:
        SandboxUnavailable: pip is missing, or failed; the message has the end of what it printed.
    """
    if importlib.util.find_spec("pip") is None:
        raise SandboxUnavailable(
            f"there is no pip beside adrs to install {', '.join(requirements)}; "
            f"{sys.executable} -m ensurepip"
        )
    with _readable.making(_key(requirements, from_source)) as folder:
        last: deque[str] = deque(maxlen=_LINES_TOLD)

        def hear(line: str) -> None:
            last.append(harmless(line, 300))
            tell(line)

        if await _run(_command(folder, requirements, from_source), folder, hear):
            raise SandboxUnavailable(
                f"pip could not install {', '.join(requirements)}; {_cure(from_source)}; "
                "it said:\n" + "\n".join(last)
            )


def _key(requirements: Sequence[str], from_source: bool) -> str:
    interpreter = f"{platform.python_version()} {sysconfig.get_config_var('SOABI')}"
    return "\n".join(["pip", interpreter, f"from_source {from_source}", *sorted(requirements)])


def _command(folder: Path, requirements: Sequence[str], from_source: bool) -> list[str]:
    """Not --isolated: the index and the certificates that the user chose are used."""
    start = ["-m", "pip"] if from_source else ["-c", _WHEELS_ONLY]
    wheels = [] if from_source else ["--only-binary=:all:"]
    quiet = ["--no-input", "--progress-bar=off", "--disable-pip-version-check"]
    install = ["install", "--target", str(folder), *quiet, *wheels, "--", *requirements]
    return [sys.executable, "-P", *start, *install]


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith("PIP_") or name.lower().endswith("_proxy")
    }


async def _run(command: Sequence[str], folder: Path, hear: Callable[[str], None]) -> int:
    """Runs pip to its end, or ends it with all that it started; returns its exit status."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,  # empty: no file of the same name is taken for a requirement
        env=_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        umask=0o022,  # the sandbox's user is to read what is installed
    )
    assert process.stdout is not None
    try:
        async for line in _lines(process.stdout):
            hear(line)
        return await process.wait()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines of a stream; of one without end, only its last piece is kept."""
    rest = b""
    while piece := await stream.read(_LONGEST_LINE):
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[-_LONGEST_LINE:]
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")


def _cure(from_source: bool) -> str:
    if from_source:
        return "correct [environment] python, or use --sandbox docker"
    return (
        "correct [environment] python, or, where there is no wheel, write from_source = true "
        "there, which lets pip build it and so runs its code as this user"
    )
