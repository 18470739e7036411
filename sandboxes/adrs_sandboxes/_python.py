"""The interpreter and the distributions that a room has."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from adrs import Room, SandboxUnavailable
from adrs_sandboxes._protocol import Ready
from adrs_sandboxes._readable import cached, is_readable, show

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
    """

    folder: Path | None
    modules: tuple[str, ...]
    versions: tuple[str, ...] = ()

    def root(self, ready: Ready) -> dict[str, str]:
        """What a room of this machine's own system is made of."""
        return {"python": ready.python, "packages": " ".join(self.versions)}


def packages(requirements: tuple[str, ...]) -> Packages:
    """Collects installed distributions.

    Raises:
        SandboxUnavailable: one is not installed, or in another version; the message has the cure.
    """
    if not requirements:
        return Packages(None, ())
    modules: list[str] = []
    closure: dict[str, metadata.Distribution] = {}
    for text in requirements:
        distribution = _add(text, closure)
        modules += _modules(distribution)

    def copy(folder: Path) -> None:
        for distribution in closure.values():
            for file in distribution.files or ():
                source = Path(str(file.locate()))
                if ".." not in file.parts and source.is_file():
                    show(source, folder / file)

    key = [platform.python_version()]
    for name, distribution in sorted(closure.items()):
        location = Path(str(distribution.locate_file("")))
        record = Path(str(distribution._path)) / "RECORD"  # type: ignore[attr-defined]
        changed = record.stat().st_mtime_ns if record.exists() else 0
        key.append(f"{name} {distribution.version} {location} {changed}")
    versions = sorted(f"{one.name}=={one.version}" for one in closure.values())
    return Packages(cached("\n".join(key), copy), tuple(dict.fromkeys(modules)), tuple(versions))


def _add(text: str, closure: dict[str, metadata.Distribution]) -> metadata.Distribution:
    """Adds the distribution of a requirement, and what it requires itself."""
    from packaging.requirements import Requirement

    wanted = Requirement(text)
    try:
        distribution = metadata.distribution(wanted.name)
    except metadata.PackageNotFoundError:
        raise SandboxUnavailable(
            f"{text!r} is not installed beside adrs; pip install {text!r}"
        ) from None
    if not wanted.specifier.contains(distribution.version, prereleases=True):
        raise SandboxUnavailable(
            f"{text!r} is wanted, {distribution.version} is installed; pip install {text!r}"
        )
    key = f"{wanted.name.lower()}{sorted(wanted.extras)}"
    if key not in closure:
        closure[key] = distribution
        for need in map(Requirement, distribution.requires or ()):
            extras = ("", *wanted.extras)
            if not need.marker or any(need.marker.evaluate({"extra": one}) for one in extras):
                need.marker = None
                _add(str(need), closure)
    return distribution


def _modules(distribution: metadata.Distribution) -> list[str]:
    """Names that `import` takes, from a distribution's files."""
    names = []
    for file in distribution.files or ():
        top = file.parts[0]
        is_package = len(file.parts) == 2 and file.name == "__init__.py"
        is_module = len(file.parts) == 1 and file.suffix in {".py", ".so"}
        if (is_package or is_module) and not top.startswith("_"):
            names.append(top.partition(".")[0])
    return names
