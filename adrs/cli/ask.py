"""`adrs ask`: take a proposer's part for one proposal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adrs.cli._agents import POLL_S, AgentName, LeaseMinutes, agent_name
from adrs.cli._options import Json, RunName, StoreUrl

if TYPE_CHECKING:
    from adrs.cli._screen import Screen
    from adrs.model.round import Lease
    from adrs.search.agent import Agent
    from adrs.search.views import Assignment


def ask(
    run: RunName = None,
    agent: AgentName = None,
    lease_minutes: LeaseMinutes = 30.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write there the program to change (program/), TASK.md, FEEDBACK.md, lease.json.",
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="S", help="Seconds to wait for an open proposal.")
    ] = 60.0,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Take a program to improve, in place of a proposer; `adrs tell` hands the answer in.

    The engine is an `adrs run TASK --proposer external` that is at work on RUN.
    """
    from shlex import quote

    from adrs.cli._assignment import check_place, write_assignment
    from adrs.cli._defaults import EXTERNAL
    from adrs.cli._looking import opened, run_named, store_option
    from adrs.cli._screen import Screen
    from adrs.errors import ConfigError
    from adrs.search.agent import Agent
    from adrs.search.outside import assignment, briefing

    if out is not None:
        check_place(out)
    screen = Screen(as_json)
    with opened(store) as record:
        asking = Agent(record, run_named(record, run).name, agent_name(agent), EXTERNAL)
        lease = _waited_for(screen, asking, lease_minutes, wait)
        given = assignment(record, lease)
        place = "DIR" if out is None else quote(str(out))
        named = f" --lease {lease.id}" if out is None else ""
        answer = f"adrs tell {asking.run}{named} --candidate {place}{store_option(store)}"
        if out is not None:
            try:
                brief, program = briefing(record, asking.run), asking.parent(lease)
                write_assignment(out, brief, given, program, answer)
            except ConfigError:
                asking.give_back(lease.id)
                raise
    if as_json:
        screen.json({**given, "folder": None if out is None else str(out)})
        return
    _show(screen, given)
    screen.line("")
    screen.verbatim("answer with: ", (answer, "cyan"))


def _waited_for(screen: Screen, agent: Agent, minutes: float, wait_s: float) -> Lease:
    import time

    deadline = time.monotonic() + wait_s
    if (lease := agent.take(minutes)) is None and wait_s > 0 and not agent.over:
        screen.line((f"waiting for an open proposal of {agent.run}", "dim"))
    while lease is None:
        if agent.over or time.monotonic() >= deadline:
            raise agent.idle()
        time.sleep(POLL_S)
        lease = agent.take(minutes)
    return lease


def _show(screen: Screen, given: Assignment) -> None:
    from adrs.cli._text import harmless, listed
    from adrs.cli._told import show_told, standing

    program = given["parent"]["program"]
    assert program is not None
    files = [harmless(path) for path in (*program["files"], *program["left_out"])]
    screen.fields(
        [
            ("lease", [(given["lease"], "bold")]),
            ("agent", given["agent"]),
            ("until", given["expires_at"]),
            ("files", listed(files)),
        ]
    )
    screen.line("")
    screen.line("improve this program:")
    show_told(screen, given["run"], given["parent"])
    others = [standing(one) for one in given["inspirations"]]
    notes = [f"{note['origin']}: {note['text']}" for note in given["notebook"]]
    for title, lines in (("worth a look", others), ("notebook", notes)):
        if lines:
            screen.line("")
            screen.line((title, "bold"))
        for line in lines:
            screen.line(line)
