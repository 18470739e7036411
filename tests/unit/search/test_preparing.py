"""What a sandbox lacks for an environment is built by leave, and not in secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adrs import Environment, Sandbox, SandboxUnavailable
from adrs.search import prepare_environment

NUMPY = Environment(python=("numpy",))


class Plain:
    """Has nothing to prepare, as most sandboxes."""

    name = "plain"

    async def probe(self) -> object:
        raise AssertionError

    async def open(self, room: object) -> object:
        raise AssertionError


class Builder(Plain):
    """Says what it does in the order in which it does it."""

    name = "builder"

    def __init__(self, lacks: str, said: list[str]) -> None:
        self._lacks = lacks
        self._said = said

    async def lacking(self, environment: Environment) -> str:
        assert environment is NUMPY
        return self._lacks

    async def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        self._said.append("begun")
        for line in ("", "half done\x1b[2J", *["more"] * 100):
            tell(line)


def prepare(sandbox: object, said: list[str], may_build: bool = True) -> None:
    assert isinstance(sandbox, Sandbox)
    asyncio.run(prepare_environment(sandbox, NUMPY, may_build, said.append))


@pytest.mark.parametrize("may_build", [True, False])
def test_nothing_is_said_where_nothing_is_lacking(may_build: bool) -> None:
    said: list[str] = []
    for sandbox in (Plain(), Builder("", said)):
        prepare(sandbox, said, may_build)
    assert said == []


def test_it_is_announced_before_it_begins_and_a_flood_is_thinned_out() -> None:
    said: list[str] = []
    prepare(Builder("an image\x1b[2J" + "x" * 9999, said), said)
    announced, *then = said
    assert announced.startswith("building an image\\x1b[2Jxxx")
    assert len(announced) < 600
    assert then == ["begun", "building: half done\\x1b[2J"]


def test_nothing_is_begun_without_leave() -> None:
    said: list[str] = []
    with pytest.raises(SandboxUnavailable) as caught:
        prepare(Builder("an image\nwith numpy", said), said, may_build=False)
    assert said == []
    assert str(caught.value) == (
        "what the task's environment needs in the sandbox builder would have to be built first: "
        "an image with numpy; leave --no-build out, or build it beforehand with: adrs check TASK "
        "--sandbox builder"
    )
