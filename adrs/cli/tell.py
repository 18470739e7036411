"""`adrs tell`: hand in what became of a program that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adrs.cli._agents import POLL_S, keyless, without_key
from adrs.cli._options import Json, RunName, StoreUrl
from adrs.errors import ConfigError

if TYPE_CHECKING:
    from adrs.cli._screen import Screen
    from adrs.model.program import Program
    from adrs.model.round import Lease
    from adrs.ports.store import Record
    from adrs.search.agent import Agent
    from adrs.search.views import Outcome

_PATCH_BYTES = 32 * 1024 * 1024


def tell(
    run: RunName = None,
    lease: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Of the proposal; that of DIR/lease.json by default."),
    ] = None,
    candidate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The whole program; of a folder that `adrs ask --out` made, its program/.",
        ),
    ] = None,
    patch: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A unified diff of the program instead; - is standard input."
        ),
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Give the proposal back without an answer.")
    ] = False,
    plan: Annotated[str, typer.Option(metavar="TEXT", help="What was meant, in a sentence.")] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the result.")] = False,
    wait: Annotated[
        float, typer.Option(metavar="S", help="Seconds to wait for the result.")
    ] = 600.0,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Hand in a program for a lease, and see what it is worth.

    What cannot be taken is refused with exit status 2; the lease stays, so that it can be mended.
    """
    from adrs.cli._assignment import is_assignment, lease_in
    from adrs.cli._defaults import EXTERNAL
    from adrs.cli._looking import opened, run_named
    from adrs.cli._screen import Screen
    from adrs.search.agent import Agent, lease_named

    if sum([candidate is not None, patch is not None, release]) != 1:
        raise ConfigError("give one of --candidate DIR, --patch FILE and --release")
    if lease is None:
        if candidate is None or not is_assignment(candidate):
            raise ConfigError(
                "name the lease with --lease ID, or a folder that `adrs ask --out` made with "
                "--candidate"
            )
        of_run, lease = lease_in(candidate)
        run = run or of_run
    screen = Screen(as_json)
    with opened(store) as record:
        name = run_named(record, run).name
        held = lease_named(record, name, lease)
        agent = Agent(record, name, held.agent, EXTERNAL)
        if release:
            agent.give_back(lease)
            _say_released(screen, held)
            return
        program = _handed_in(agent, held, candidate, patch)
        agent.hand_in(held, keyless(program), without_key(plan))
        outcome, live = _waited_for(record, held, 0.0 if no_wait else wait)
    if as_json:
        screen.json({"run": name, "lease": lease, "program": program.id, **outcome})
    else:
        _show(screen, name, outcome, live)


def _handed_in(agent: Agent, lease: Lease, candidate: Path | None, patch: str | None) -> Program:
    from adrs.cli._assignment import PROGRAM, is_assignment
    from adrs.config import read_program
    from adrs.search.patching import apply_patch

    if candidate is not None:
        return read_program(candidate / PROGRAM if is_assignment(candidate) else candidate)
    assert patch is not None
    return apply_patch(agent.parent(lease), _read_patch(patch))


def _read_patch(name: str) -> bytes:
    import sys

    try:
        if name == "-":
            data = sys.stdin.buffer.read(_PATCH_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_PATCH_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the patch {name} cannot be read: {error.strerror}") from error
    if len(data) > _PATCH_BYTES:
        raise ConfigError(f"the patch has more than {_PATCH_BYTES} bytes; hand in the folder")
    return data


def _waited_for(record: Record, lease: Lease, wait_s: float) -> tuple[Outcome, bool]:
    """What became of an answer, and whether an engine is at work that could still say."""
    import time

    from adrs.search.outside import outcome_of

    deadline = time.monotonic() + wait_s
    while True:
        live = record.run(lease.run).live  # before the outcome, which an engine tells and ends
        outcome = outcome_of(record, lease.run, lease.round.ordinal)
        if outcome["state"] != "waiting" or not live or time.monotonic() >= deadline:
            return outcome, live
        time.sleep(POLL_S)


def _say_released(screen: Screen, lease: Lease) -> None:
    if screen.as_json:
        screen.json({"run": lease.run, "lease": lease.id, "released": True})
    else:
        screen.line(f"lease {lease.id} was given back; others may take its proposal")


def _show(screen: Screen, run: str, outcome: Outcome, live: bool) -> None:
    from adrs.cli._told import show_told

    if outcome["state"] == "rejected":
        screen.line(("rejected", "yellow"), f" ({outcome['rejection']}): {outcome['reason']}")
    elif outcome["state"] == "told" and outcome["trial"] is not None:
        show_told(screen, run, outcome["trial"])
    else:
        screen.line("handed in and recorded; there is no result yet")
        more = f"adrs trials {run}" if live else f"adrs run --resume {run}"
        why = "see later with: " if live else "no engine is at work; go on with: "
        screen.line(why, (more, "cyan"))
