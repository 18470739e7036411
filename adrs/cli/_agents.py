"""What the commands for agents share: who asks, and what may not be written down."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from adrs.errors import ConfigError

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
    key = os.environ.get(_KEY, "").strip()
    if len(key) >= _SECRET_FROM and key in text:
        raise ConfigError(f"the text holds the value of {_KEY}, which must not be recorded")
    return text
