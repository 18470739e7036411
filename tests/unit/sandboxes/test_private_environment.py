"""Python packages that are not installed beside adrs."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from adrs_sandboxes.bubblewrap import Bubblewrap
from adrs_sandboxes.process import ProcessSandbox
from unit.sandboxes.index import Index

from adrs import Environment, Preparing, Room, SandboxUnavailable, Session
from adrs.testing.sandbox_contract import Stage


def prepare(environment: Environment) -> list[str]:
    """Prepares it; returns what was told meanwhile."""
    told: list[str] = []
    asyncio.run(ProcessSandbox().prepare(environment, told.append))
    return told


def lacking(environment: Environment) -> str:
    return asyncio.run(ProcessSandbox().lacking(environment))


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict_umask")
def test_rooms_show_it_and_import_what_was_declared(
    index: Index, cache: Path, tmp_path: Path
) -> None:
    index.add_wheel("part", "1.5")
    index.add_wheel("tool", "2.1", requires=["part>=1"])
    index.add_wheel("tool", "3.0")
    environment = Environment(python=("tool<3",))
    assert lacking(environment) == "Python packages: tool<3 (pip, into a private environment)"
    assert any("tool-2.1" in line for line in prepare(environment))
    assert lacking(environment) == ""
    assert prepare(environment) == []

    source = """
ready = [name in sys.modules for name in ("tool", "part")]
from importlib.metadata import version
import tool, part
say([ready, version("tool"), version("part"), attempt(__import__, "numpy")])
"""
    for sandbox in (Bubblewrap(), ProcessSandbox()):
        assert isinstance(sandbox, Preparing)
        folder = tmp_path / sandbox.name
        folder.mkdir()
        stage = Stage(sandbox, folder)

        async def visit(session: Session, stage: Stage = stage) -> object:
            assert session.isolation.root["packages"] == "part==1.5 tool==2.1"
            return (await stage.run(session, source)).said

        said = stage.inside(visit, replace(stage.room, environment=environment))
        assert said == [[[True, False], "2.1", "1.5", "ModuleNotFoundError"]]


@pytest.mark.parametrize("sandbox", [Bubblewrap(), ProcessSandbox()], ids=lambda one: one.name)
def test_a_room_is_not_opened_without_it(sandbox: Bubblewrap | ProcessSandbox) -> None:
    room = Room(Path(__file__), environment=Environment(python=("packaging", "no-such-tool>=2")))
    cure = r"'no-such-tool>=2' is not installed beside adrs; pip install .*, or leave out --no-bui"
    with pytest.raises(SandboxUnavailable, match=cure):
        asyncio.run(sandbox.open(room))


def test_what_is_beside_adrs_is_taken() -> None:
    for_others = "no-such-tool; python_version < '3'"
    assert lacking(Environment(python=("packaging", "packaging[more]", for_others))) == ""


@pytest.mark.usefixtures("cache")
def test_pip_and_what_it_builds_see_no_keys(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "a secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    seen = tmp_path / "seen"
    dump = f"pathlib.Path({str(seen)!r}).write_text(__import__('json').dumps(dict(os.environ)))"
    index.add_source("tool", dump)
    prepare(Environment(python=("tool",), from_source=True))
    variables = json.loads(seen.read_text())
    assert "a secret" not in variables.values()
    assert variables.get("PYTHONPATH") != str(tmp_path)
    assert variables["https_proxy"] == "http://127.0.0.1:9"


@pytest.mark.parametrize("way", ["declared", "required by a wheel"])
def test_nothing_is_built_unless_the_task_says_so(
    index: Index, cache: Path, tmp_path: Path, way: str
) -> None:
    built = tmp_path / "built"
    place = index.add_source("tool", f"pathlib.Path({str(built)!r}).touch()")
    index.add_wheel("front", requires=[f"tool @ {place.as_uri()}"])
    environment = Environment(python=("tool" if way == "declared" else "front",))
    with pytest.raises(SandboxUnavailable, match=r"from_source = true(.|\n)*\nERROR") as caught:
        prepare(environment)
    assert not built.exists()
    assert len(str(caught.value).splitlines()) <= 21
    assert list(cache.iterdir()) == []
    assert lacking(environment)


@pytest.mark.usefixtures("cache")
def test_what_a_build_prints_is_harmless_in_a_message(index: Index) -> None:
    script = r"print('\x1b[31m' + 'x' * 200_000, flush=True); sys.exit('\x1b]0;title\x07 the end')"
    index.add_source("tool", script)
    with pytest.raises(SandboxUnavailable, match="the end") as caught:
        prepare(Environment(python=("tool",), from_source=True))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 8000


def test_two_that_prepare_it_at_once(index: Index, cache: Path) -> None:
    index.add_wheel("tool")
    environment = Environment(python=("tool",))

    async def both() -> None:
        one, other = ProcessSandbox(), Bubblewrap()
        await asyncio.gather(*(x.prepare(environment, lambda _: None) for x in (one, other)))

    asyncio.run(both())
    assert lacking(environment) == ""
    assert len(list(cache.iterdir())) == 1


def test_one_that_gives_up_leaves_nothing(index: Index, cache: Path, tmp_path: Path) -> None:
    place = tmp_path / "builder"
    script = f"pathlib.Path({str(place)!r}).write_text(str(os.getpid())); time.sleep(60)"
    index.add_source("tool", script)
    environment = Environment(python=("tool",), from_source=True)

    async def give_up() -> None:
        preparing = asyncio.create_task(ProcessSandbox().prepare(environment, lambda _: None))
        while not place.exists() or not place.read_text():
            await asyncio.sleep(0.02)
        preparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await preparing

    asyncio.run(asyncio.wait_for(give_up(), 30))
    deadline = time.monotonic() + 5
    while is_alive(place.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(place.read_text())
    assert list(cache.iterdir()) == []


def is_alive(process: str) -> bool:
    try:
        status = Path("/proc", process, "stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.usefixtures("cache")
def test_a_python_without_pip_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SandboxUnavailable, match=r"no pip beside adrs.*-m ensurepip"):
        prepare(Environment(python=("no-such-tool",)))


@pytest.mark.parametrize(
    "text", ["tool @ https://example.org/tool.zip", "-r list.txt", "./tool", "a; os_name ~= 'b'"]
)
def test_a_requirement_is_a_name(text: str) -> None:
    with pytest.raises(SandboxUnavailable, match="wanted by name, such as 'numpy>=2', not as"):
        prepare(Environment(python=(text,)))
