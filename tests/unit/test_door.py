"""The public door: complete, sorted, late, and without effect."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import adrs

DOOR = Path(adrs.__file__)
HEAVY = "alembic docker git langgraph libcst numpy openai optuna pydantic rich sqlmodel typer"


def imported_for_type_checkers() -> dict[str, str]:
    """Name to home, as the TYPE_CHECKING block of the door says."""
    (block,) = (
        node
        for node in ast.parse(DOOR.read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    homes = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name, f"{alias.name} must be re-exported as itself"
            homes[alias.name] = str(node.module)
    return homes


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(DOOR.parent.parent)!r})\n{code}",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_all_is_sorted_and_agrees_with_what_type_checkers_see() -> None:
    assert list(adrs.__all__) == sorted(set(adrs.__all__))
    assert dir(adrs) == adrs.__all__
    assert imported_for_type_checkers() == adrs._HOME_OF


@pytest.mark.parametrize("name", adrs.__all__)
def test_every_name_is_there_and_is_the_one_of_its_home(name: str) -> None:
    assert getattr(adrs, name) is getattr(importlib.import_module(adrs._HOME_OF[name]), name)


def test_no_name_is_also_a_module_of_the_library() -> None:
    """Importing `adrs.search` sets the attribute `search`, which would hide a name of the door."""
    modules = {path.stem for path in DOOR.parent.iterdir()}
    assert modules.isdisjoint(adrs.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'adrs' has no attribute 'Serach'"):
        adrs.Serach  # noqa: B018


def test_importing_has_no_effect(tmp_path: Path) -> None:
    done = run_python(
        f"""
import os, signal, threading, logging, warnings
def state():
    return (
        dict(os.environ), os.getcwd(), os.listdir("."), os.listdir("/proc/self/fd"),
        threading.active_count(), logging.root.handlers[:], logging.root.level,
        warnings.filters[:], [signal.getsignal(n) for n in (2, 13, 15, 17)], sys.path[:],
    )
before = state()
import adrs
assert state() == before
heavy = sorted(set({HEAVY!r}.split()) & set(sys.modules))
assert not heavy, heavy
inner = sorted(name for name in sys.modules if name.startswith("adrs."))
assert not inner, inner
""",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


@pytest.mark.parametrize("name", ["Task", "Proposer", "ConfigError", "load_task", "judge_held_out"])
def test_light_names_stay_light(name: str, tmp_path: Path) -> None:
    done = run_python(
        f"""
from adrs import {name}
heavy = sorted(set({HEAVY!r}.split()) & set(sys.modules))
assert not heavy, heavy
""",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
