"""`adrs note`: hints for a run, and what was noted in it."""

from __future__ import annotations

from typing import Annotated

import typer

from adrs.cli._agents import without_key
from adrs.cli._options import Json, RunName, StoreUrl


def note(
    run: RunName = None,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="A hint; without one, the notes are listed."),
    ] = None,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Give a run a hint, which its proposers read before their next proposal; or list its notes."""
    from adrs.cli._looking import opened, run_named
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless
    from adrs.search.agent import checked_note

    screen = Screen(as_json)
    with opened(store) as record:
        name = run_named(record, run).name
        if text is not None:
            record.append(name, [checked_note("user", without_key(text))])
        notes = record.notes(name)
    if as_json:
        listed = [{"origin": one.origin, "text": one.text} for one in notes]
        screen.json({"run": name, "notes": listed})
    elif text is not None:
        screen.line(f"noted in {name}, which has {len(notes)} notes now")
    else:
        screen.table(
            ["from", "note"], [(harmless(one.origin, 100), harmless(one.text)) for one in notes]
        )
