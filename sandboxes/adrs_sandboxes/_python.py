"""The interpreter and the distributions that a room has."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from adrs import Environment, Room, SandboxUnavailable
from adrs_sandboxes import _pip
from adrs_sandboxes._inventory import importable
from adrs_sandboxes._protocol import Ready
from adrs_sandboxes._readable import cached, is_readable, show

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_LEFT_OUT = {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo"}

# Seen by the zygote and, through it, by every program. A fixed hash seed makes sets and dicts
# repeatable; one arena keeps threads from reserving address space that they never use.
_ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108  private in every process
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "USER": "room",
}
_START = "from adrs_sandboxes._zygote import main; main()"
ZYGOTE_FILES = ("__init__", "_linux", "_meter", "_protocol", "_seccomp", "_walls", "_zygote")


@dataclass(frozen=True)
class Interpreter:
    """The Python that adrs itself runs on, without its virtual environment.

    Attributes:
        prefix: where its library is, outside and inside.
        shown: the folder to show as `prefix`; a copy if `prefix` is private.
    """

    prefix: Path
    shown: Path

    def undeclared(self) -> list[str]:
        """Folders inside with packages that no room declared."""
        places = {Path("/usr"): Path("/usr"), Path("/usr/local"): Path("/usr/local")}
        places[self.shown] = self.prefix
        return [
            str(inside / folder.relative_to(outside))
            for outside, inside in places.items()
            for folder in outside.glob("lib*/python3*/*-packages")
        ]


def environment(room: Room) -> dict[str, str]:
    """The variables of a room."""
    return {**_ENVIRONMENT, "PYTHONHASHSEED": str(room.hash_seed)}


def zygote_command(control: int) -> list[str]:
    """The command line of a zygote; the interpreter has the same path outside and inside."""
    return [str(_executable()), "-S", "-s", "-P", "-B", "-c", _START, str(control)]


def _executable() -> Path:
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def interpreter() -> Interpreter:
    """Finds it, and copies it where the sandbox's user cannot read it."""
    executable = _executable()
    prefix = Path(sys.base_prefix).resolve()
    library = Path(os.__file__).resolve().parent
    if all(is_readable(path) for path in (executable, library / "os.py")):
        return Interpreter(prefix, prefix)

    def copy(folder: Path) -> None:
        show(executable, folder / executable.relative_to(prefix))
        for shared in prefix.glob("lib/*.so*"):
            show(shared, folder / shared.relative_to(prefix))
        for inside, folders, files in os.walk(library):
            folders[:] = [
                name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")
            ]
            for name in files:
                path = Path(inside, name)
                show(path, folder / path.relative_to(prefix))

    changed = executable.stat().st_mtime_ns, (library / "os.py").stat().st_mtime_ns
    key = f"python {platform.python_version()} {executable} {changed}"
    return Interpreter(prefix, cached(key, copy))


@dataclass(frozen=True)
class Packages:
    """The distributions that a room declared, with all that they need, and nothing else.

    Attributes:
        folder: what goes on the path; None if nothing was declared.
        modules: what is imported beforehand.
        versions: name==version of each, in order.
        debian: name=version of each Debian package that was asked for.
    """

    folder: Path | None
    modules: tuple[str, ...]
    versions: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()

    def root(self, ready: Ready) -> dict[str, str]:
        """What a room of this machine's own system is made of."""
        root = {"python": ready.python, "packages": " ".join(self.versions)}
        return {**root, "debian": " ".join(self.debian)} if self.debian else root


class NotInstalled(SandboxUnavailable):
    """A requirement is met neither beside adrs nor by a private environment."""


def packages(environment: Environment) -> Packages:
    """Collects what an environment asks of Python, from this machine.

    What is installed beside adrs is taken if it meets every requirement; else the private
    environment that `install` made.

    Raises:
        NotInstalled: neither is there; the message has the cure.
        SandboxUnavailable: something that is not a plain requirement.
    """
    wanted = _wanted(environment)
    if not wanted:
        return Packages(None, ())
    try:
        closure = _closure(wanted)
    except NotInstalled:
        private = _pip.found(_texts(wanted), environment.from_source)
        if private is None:
            raise
        return _collected(private, wanted, metadata.distributions(path=[str(private)]))
    return _collected(_copied(closure), wanted, closure)


def lacking(environment: Environment) -> str:
    """What `install` would install, in words; "" for nothing.

    Raises:
        SandboxUnavailable: something that is not a plain requirement.
    """
    try:
        packages(environment)
    except NotInstalled:
        names = ", ".join(_texts(_wanted(environment)))
        return f"Python packages: {names} (pip, into a private environment)"
    return ""


async def install(environment: Environment, tell: Callable[[str], None]) -> None:
    """Makes the private environment.

    Args:
        tell: given each line that pip prints.

    Raises:
        SandboxUnavailable: pip could not; the message has the end of what it printed.
        SandboxUnavailable: something that is not a plain requirement.
    """
    await _pip.install(_texts(_wanted(environment)), environment.from_source, tell)


def _wanted(environment: Environment) -> list[Requirement]:
    """The requirements that apply to this interpreter."""
    from packaging.requirements import Requirement

    wanted = []
    for text in environment.python:
        try:
            one = Requirement(text)
            applies = one.marker is None or one.marker.evaluate()
        except ValueError:
            one, applies = None, False
        if one is None or one.url:
            raise SandboxUnavailable(
                f"a Python package is wanted by name, such as 'numpy>=2', not as {text!r}; "
                "correct [environment] python"
            )
        if applies:
            wanted.append(one)
    return wanted


def _texts(wanted: Iterable[Requirement]) -> list[str]:
    return sorted({str(one) for one in wanted})


def _closure(wanted: Iterable[Requirement]) -> list[metadata.Distribution]:
    """The distributions beside adrs that are wanted, with all that they need."""
    met: dict[str, metadata.Distribution] = {}
    for one in wanted:
        _add(one, met)
    return list({one.name: one for one in met.values()}.values())


def _add(wanted: Requirement, met: dict[str, metadata.Distribution]) -> None:
    """Adds the distribution of a requirement, and what it requires itself."""
    from packaging.requirements import Requirement

    try:
        distribution = metadata.distribution(wanted.name)
    except metadata.PackageNotFoundError:
        raise _not_installed(f"{str(wanted)!r} is not installed beside adrs", wanted) from None
    if not wanted.specifier.contains(distribution.version, prereleases=True):
        version = distribution.version
        raise _not_installed(f"{str(wanted)!r} is wanted, {version} is installed", wanted)
    key = f"{wanted.name.lower()}{sorted(wanted.extras)}"
    if key not in met:
        met[key] = distribution
        for need in map(Requirement, distribution.requires or ()):
            extras = ("", *wanted.extras)
            if not need.marker or any(need.marker.evaluate({"extra": one}) for one in extras):
                need.marker = None
                _add(need, met)


def _not_installed(fault: str, wanted: Requirement) -> NotInstalled:
    return NotInstalled(
        f"{fault}; pip install {str(wanted)!r}, or leave out --no-build: it is then installed "
        "into a private environment"
    )


def _copied(closure: Sequence[metadata.Distribution]) -> Path:
    """A folder of these distributions alone."""

    def copy(folder: Path) -> None:
        for distribution in closure:
            for file in distribution.files or ():
                source = Path(str(file.locate()))
                if ".." not in file.parts and source.is_file():
                    show(source, folder / file)

    key = []
    for distribution in closure:
        location = Path(str(distribution.locate_file("")))
        record = Path(str(distribution._path)) / "RECORD"  # type: ignore[attr-defined]
        changed = record.stat().st_mtime_ns if record.exists() else 0
        key.append(f"{distribution.name} {distribution.version} {location} {changed}")
    return cached("\n".join([platform.python_version(), *sorted(key)]), copy)


def _collected(
    folder: Path, wanted: Iterable[Requirement], installed: Iterable[metadata.Distribution]
) -> Packages:
    from packaging.utils import canonicalize_name

    by_name = {canonicalize_name(one.name): one for one in installed}
    declared = [by_name[canonicalize_name(one.name)] for one in wanted]
    modules = dict.fromkeys(name for one in declared for name in importable(one))
    versions = sorted(f"{one.name}=={one.version}" for one in by_name.values())
    return Packages(folder, tuple(modules), tuple(versions))
