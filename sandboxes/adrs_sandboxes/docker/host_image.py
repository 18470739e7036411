"""An image of the Python that adrs itself runs on, made without a registry and without a build."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO

from adrs import SandboxUnavailable
from adrs_sandboxes.docker.image_store import ImageStore

REPOSITORY = "adrs-host"

_SHELL, _ENV = Path("/bin/sh"), Path("/usr/bin/env")
_LOADER_CACHE = Path("/etc/ld.so.cache")
_PYTHON = Path("/usr/local/bin/python3")  # where a program's first line looks for it
_EMPTY = ("/dev", "/etc", "/mnt", "/proc", "/sys", "/tmp")  # noqa: S108  inside
_LEFT_OUT = {
    *("dist-packages", "ensurepip", "idlelib", "site-packages"),
    *("test", "tests", "tkinter", "turtledemo"),
}
_COMPILED = f".{sys.implementation.cache_tag}.pyc"
# What wheels may expect of any system.
_FOR_PACKAGES = (
    *("libatomic.so.1", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0"),
    *("libresolv.so.2", "librt.so.1", "libstdc++.so.6", "libutil.so.1", "libz.so.1"),
)
_LDD_LINE = re.compile(r"^\t(?:(?P<name>.+) => )?(?P<path>/.*) \(0x[0-9a-f]+\)$", re.MULTILINE)


class HostImage:
    """Makes the image when it is first asked for, and again once this machine's Python changed."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._making = Lock()

    @property
    def python(self) -> str:
        """Where the interpreter is inside: where it is outside."""
        return str(_executable())

    def id(self) -> str:
        """The engine's name for the image.

        Raises:
            SandboxUnavailable: it cannot be made.
        """
        with self._making:
            found = self._store.find(f"{REPOSITORY}:{self._tag}")
            if found is None:
                with tempfile.TemporaryFile() as root:
                    write_root(root)
                    root.seek(0)
                    self._store.add(root, REPOSITORY, self._tag, label="host")
                found = self._store.find(f"{REPOSITORY}:{self._tag}")
        if found is None:
            raise SandboxUnavailable(
                "the image of this machine's Python was removed while it was made; try again"
            )
        return str(found["Id"])

    @cached_property
    def _tag(self) -> str:
        """What the image is made of, found out without reading it."""
        facts = hashlib.sha256(Path(__file__).read_bytes())
        for path in _own_files():
            found = path.stat()
            facts.update(f"\0{path} {found.st_size} {found.st_mtime_ns}".encode())
        return facts.hexdigest()[:16]


def write_root(root: IO[bytes]) -> None:
    """Writes the root file system, as a tar file; the same bytes each time.

    Raises:
        SandboxUnavailable: something of this machine's Python cannot be read.
    """
    own = _own_files()
    try:
        files = {*own, *_libraries(own)}
        with tarfile.open(fileobj=root, mode="w") as archive:
            _pack(files, archive)
    except OSError as error:
        raise SandboxUnavailable(
            f"this machine's Python cannot be copied into an image: {error}; name an image in the "
            "task, [environment] base, or run adrs on another Python"
        ) from error


def _executable() -> Path:
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def _own_files() -> list[Path]:
    """All but the libraries; the loader's cache changes with them."""
    library = Path(os.__file__).resolve().parent
    found = [_executable(), _SHELL, _ENV, _LOADER_CACHE]
    for place, folders, names in os.walk(library):
        folders[:] = [
            name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")
        ]
        is_cache = Path(place).name == "__pycache__"
        wanted = [name for name in names if name.endswith(_COMPILED) or not is_cache]
        found += [Path(place, name) for name in wanted if not name.endswith(".a")]
    return sorted(path for path in found if path.is_file())


def _libraries(files: Iterable[Path]) -> set[Path]:
    """The shared libraries that these files load, and those that packages may load."""
    found = _loaded(path for path in files if path.suffix in {"", ".so"} or path == _executable())
    folders = sorted({path.parent for path in found})
    for name in _FOR_PACKAGES:
        found |= set([folder / name for folder in folders if (folder / name).exists()][:1])
    return found | _loaded(found)


def _loaded(files: Iterable[Path]) -> set[Path]:
    said = subprocess.run(
        ["ldd", *sorted(map(str, files))],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"},
    ).stdout
    paths = [path for line in _LDD_LINE.finditer(said) for path in line.group("name", "path")]
    return {Path(os.path.normpath(path)) for path in paths if path and path.startswith("/")}


def _pack(files: Iterable[Path], archive: tarfile.TarFile) -> None:
    """Puts files into an archive, with their folders, each where it is on this machine."""
    places = {_inside(path): path for path in files}
    links = dict(_links(files))
    if _PYTHON not in places:
        links[_PYTHON] = str(_executable())
    folders = {Path(path) for path in _EMPTY}
    for path in (*places, *links):
        folders.update(path.parents)
    for place in sorted({*places, *links, *folders} - {Path("/")}):
        entry = tarfile.TarInfo(str(place.relative_to("/")))
        entry.mode = 0o1777 if str(place) == "/tmp" else 0o755  # noqa: S108
        if place in links:
            entry.type, entry.linkname = tarfile.SYMTYPE, links[place]
            archive.addfile(entry)
        elif place in folders:
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
        else:
            _add(places[place], entry, archive)


def _add(source: Path, entry: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
    with source.open("rb") as file:
        found = os.fstat(file.fileno())
        entry.size = found.st_size
        entry.mtime = int(found.st_mtime)  # compiled files hold for a source of that very time
        entry.mode = 0o755 if found.st_mode & 0o100 else 0o644
        archive.addfile(entry, file)


def _inside(path: Path) -> Path:
    """Where a file is, if its first folder is a link, as /lib is to /usr/lib."""
    return _first(path).resolve().joinpath(*path.parts[2:])


def _links(files: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """First folders that are links, and to where."""
    for first in map(_first, files):
        if first.is_symlink():
            yield first, str(first.readlink())


def _first(path: Path) -> Path:
    return Path(*path.parts[:2])
