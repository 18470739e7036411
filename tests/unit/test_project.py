"""What the project promises about itself: pins, entry points, and what lands in a wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENTRY_POINTS = [
    (group, name, value)
    for group, entries in PROJECT["entry-points"].items()
    for name, value in entries.items()
]
# In pieces, so that this file does not find itself.
NOT_OURS = re.compile(
    "|".join(
        [
            r"py" + r"pi\.org",
            r"python" + r"hosted",
            r"registry\." + r"npmjs",
            r"(^|[\s\"'(=:`])/(" + r"work/|opt/|home/\w+/)",
            r"--(extra-)?" + r"index-url",
        ]
    ),
    re.MULTILINE,
)


def tracked_files() -> list[Path]:
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout, so nothing says which files belong to the project")
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if (ROOT / path).is_file()]


def pins(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def test_no_file_names_a_registry_or_a_place_on_one_machine():
    found = {}
    for path in tracked_files():
        text = (ROOT / path).read_bytes().decode("utf-8", "replace")
        if hit := NOT_OURS.search(text):
            found[str(path)] = hit[0]
    assert found == {}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_is_exact(name):
    for requirement in pins(name).values():
        assert re.fullmatch(r"==\d[\w.]*", str(requirement.specifier)), requirement
        assert requirement.url is None


def test_pins_satisfy_what_the_project_declares():
    run = pins("requirements.txt")
    both = {**run, **pins("requirements-dev.txt")}
    for declared, pinned in (
        (PROJECT["dependencies"], run),
        (PROJECT["optional-dependencies"]["dev"], both),
    ):
        for requirement in map(Requirement, declared):
            (pin,) = pinned[canonicalize_name(requirement.name)].specifier
            assert requirement.specifier.contains(pin.version), requirement


@pytest.mark.parametrize(("group", "name", "value"), ENTRY_POINTS)
def test_entry_points_resolve(group, name, value):
    module, _, attribute = value.partition(":")
    assert callable(getattr(import_module(module), attribute))


def test_the_command_resolves():
    module, _, attribute = PROJECT["scripts"]["adrs"].partition(":")
    assert callable(getattr(import_module(module), attribute))


def test_the_licence_is_there():
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / PROJECT["license-files"][0]).read_text()


@pytest.mark.slow
def test_installing_brings_our_packages_whole_and_nothing_else(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    files = tracked_files()
    for path in files:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes((ROOT / path).read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, timeout=300)
    (record,) = target.glob("adrs_lab-*.dist-info/RECORD")
    lines = record.read_text().splitlines()
    installed = {line.split(",")[0] for line in lines if "__pycache__" not in line}
    tops = {name.split("/")[0] for name in installed if not name.startswith("..")}
    packages = {"adrs", "adrs_agents", "adrs_evaluators", "adrs_sandboxes"}
    assert tops - {record.parent.name, "bin"} == packages
    homes = {"adrs": Path(), "adrs_agents": Path("agents")}
    homes |= {"adrs_evaluators": Path("evaluators"), "adrs_sandboxes": Path("sandboxes")}
    for package, home in homes.items():
        ours = {
            str(path.relative_to(home)) for path in files if path.is_relative_to(home / package)
        }
        assert ours == {name for name in installed if name.startswith(f"{package}/")}
