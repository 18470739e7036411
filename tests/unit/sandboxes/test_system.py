"""What an environment asks of the system, where rooms show this machine's own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from adrs_sandboxes.bubblewrap import Bubblewrap
from adrs_sandboxes.process import ProcessSandbox

from adrs import Environment, Room, SandboxUnavailable

MAJOR, MINOR = sys.version_info[:2]
BOTH = pytest.mark.parametrize(
    "sandbox", [Bubblewrap(), ProcessSandbox()], ids=lambda one: one.name
)


def refusal(sandbox: Bubblewrap | ProcessSandbox, environment: Environment) -> str:
    """The same whoever asks."""
    with pytest.raises(SandboxUnavailable) as looked:
        asyncio.run(sandbox.lacking(environment))
    with pytest.raises(SandboxUnavailable) as prepared:
        asyncio.run(sandbox.prepare(environment, print))
    with pytest.raises(SandboxUnavailable) as opened:
        asyncio.run(sandbox.open(Room(Path(__file__), environment=environment)))
    assert str(looked.value) == str(prepared.value) == str(opened.value)
    return str(looked.value)


@pytest.mark.parametrize(
    "tag",
    [
        *("", ":latest", ":slim", ":slim-bookworm", f":{MAJOR}", f":{MAJOR}-slim"),
        *(f":{MAJOR}.{MINOR}", f":{MAJOR}.{MINOR}.1", f":{MAJOR}.{MINOR}-slim-bookworm"),
    ],
)
def test_this_python_stands_for_its_image(tag: str) -> None:
    assert asyncio.run(Bubblewrap().lacking(Environment(base=f"python{tag}"))) == ""


@BOTH
@pytest.mark.parametrize(
    ("base", "cure"),
    [
        (f"python:{MAJOR}.{MINOR + 1}-slim", f"run adrs on Python {MAJOR}.{MINOR + 1}"),
        ("python:2", "use --sandbox docker"),
        ("debian:12", "use --sandbox docker"),
        (f"python:{MAJOR}.{MINOR}-alpine", "use --sandbox docker"),
        (f"python:{MAJOR}.{MINOR}@sha256:{'0' * 64}", "use --sandbox docker"),
        (f"registry.example.org/python:{MAJOR}.{MINOR}", "use --sandbox docker"),
    ],
)
def test_another_image_needs_containers(
    sandbox: Bubblewrap | ProcessSandbox, base: str, cure: str
) -> None:
    said = refusal(sandbox, Environment(base=base))
    assert said.startswith(f"the task wants the image '{base}', and rooms of {sandbox.name} show")
    assert "use --sandbox docker" in said
    assert said.endswith(cure)


@pytest.fixture
def dpkg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with gcc; cmake was removed from it."""
    program = tmp_path / "dpkg-query"
    lines = r"gcc\tinstalled\t4:12.2.0-3\ncmake\tconfig-files\t3.25\n"
    program.write_text(f"#!/bin/sh\nprintf '{lines}'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


@pytest.mark.usefixtures("dpkg")
def test_debian_packages_of_this_machine_are_recorded(tmp_path: Path) -> None:
    async def root(environment: Environment) -> object:
        boot = tmp_path / "boot.py"
        boot.touch()
        session = await ProcessSandbox().open(Room(boot, environment=environment))
        await session.close()
        return session.isolation.root.get("debian")

    assert asyncio.run(root(Environment(debian=("gcc",)))) == "gcc=4:12.2.0-3"
    assert asyncio.run(ProcessSandbox().lacking(Environment(debian=("gcc=4:12.2.0-3",)))) == ""


@BOTH
@pytest.mark.usefixtures("dpkg")
def test_debian_packages_that_are_missing(sandbox: Bubblewrap | ProcessSandbox) -> None:
    said = refusal(sandbox, Environment(debian=("gcc=4:13", "cmake", "ninja-build")))
    assert "lacks: gcc=4:13 (4:12.2.0-3 is installed), cmake, ninja-build; " in said
    cure = "apt-get install gcc=4:13 cmake ninja-build, or use --sandbox docker"
    assert said.endswith(cure)


@BOTH
def test_a_machine_without_dpkg(
    sandbox: Bubblewrap | ProcessSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bwrap").symlink_to("/usr/bin/bwrap")
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refusal(sandbox, Environment(debian=("gcc",)))
    assert "gcc" in said
    assert said.endswith("it has no dpkg; use --sandbox docker")


@pytest.mark.parametrize("name", ["--admindir=/tmp", "gcc; rm", "GCC", "gcc=1 2", "g"])
def test_a_debian_package_has_a_plain_name(name: str) -> None:
    said = refusal(ProcessSandbox(), Environment(debian=(name,)))
    assert said.startswith("a Debian package is wanted by name, such as 'gcc', not as")
