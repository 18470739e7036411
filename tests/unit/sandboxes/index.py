"""Packages for pip, made by hand."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

TAGS = "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import os, pathlib, sys, time, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {script}
    name = "{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path, text in {files!r}.items():
            wheel.writestr(path, text)
    return name
"""


class Index:
    """A folder of packages for pip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_wheel(self, name: str, version: str = "1.0", requires: Sequence[str] = ()) -> None:
        """A package with one module of its name."""
        with zipfile.ZipFile(self.folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            for path, text in _files(name, version, requires).items():
                wheel.writestr(path, text)

    def add_source(self, name: str, script: str) -> Path:
        """A package without a wheel; `script` runs when it is built."""
        files = {
            "pyproject.toml": PROJECT,
            "backend.py": BACKEND.format(script=script, name=name, files=_files(name, "1.0")),
        }
        place = self.folder / f"{name}-1.0.tar.gz"
        with tarfile.open(place, "w:gz") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(f"{name}-1.0/{path}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        return place


def _files(name: str, version: str, requires: Sequence[str] = ()) -> dict[str, str]:
    facts = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {x}" for x in requires)]
    metadata = "\n".join(["Metadata-Version: 2.1", *facts, ""])
    home = f"{name}-{version}.dist-info"
    return {
        f"{name}.py": "",
        f"{home}/METADATA": metadata,
        f"{home}/WHEEL": TAGS,
        f"{home}/RECORD": f"{name}.py,,\n",
    }
