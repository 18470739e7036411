"""What the commands for agents share: who asks, and what may not be written down."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from adrs.errors import ConfigError

if TYPE_CHECKING:
    from adrs.model.program import Program

AgentName = Annotated[
    str | None,
    typer.Option(
        "--agent", metavar="NAME", help="Who proposes, for the record; your login name by default."
    ),
]
LeaseMinutes = Annotated[
    float, typer.Option(metavar="M", help="How long the proposal is kept for this agent.")
]
POLL_S = 0.2
_KEY = "OPENAI_API_KEY"
_SECRET_FROM = 8  # characters; what local servers are given, such as EMPTY, is no secret


def agent_name(given: str | None) -> str:
    """Whoever was named, else whoever is logged in."""
    from getpass import getuser

    if given is not None:
        return given
    try:
        return getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "agent"


def without_key(text: str) -> str:
    """The text, which goes into the record and from there into prompts and pages.

    Raises:
        ConfigError: the key of the models' API is in it.
    """
    _check("the text", text.encode("utf-8", "replace"))
    return text


def keyless(program: Program) -> Program:
    """The program, which goes there too.

    Raises:
        ConfigError: the key of the models' API is in one of its files.
    """
    for path, data in program.files.items():
        _check(path, data)
    return program


def _check(what: str, data: bytes) -> None:
    key = os.environ.get(_KEY, "").strip().encode("utf-8", "surrogateescape")
    if len(key) >= _SECRET_FROM and key in data:
        raise ConfigError(f"{what} holds the value of {_KEY}, which must not be recorded")
