"""`adrs store`: care for the record."""

from __future__ import annotations

import typer

from adrs.cli._options import Json, StoreUrl

app = typer.Typer(help="Care for the record.", rich_markup_mode=None)


@app.callback()
def _store() -> None:
    """Care for the record."""


@app.command()
def check(store: StoreUrl = None, as_json: Json = False) -> None:
    """Say whether the record is whole.

    Recomputes every hash, reference, order and count. Exit 1 if one is wrong.
    """
    from adrs.cli._looking import opened
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless

    screen = Screen(as_json)
    with opened(store) as record:
        faults = list(record.check())
    if as_json:
        screen.json({"whole": not faults, "faults": faults})
    else:
        for fault in faults:
            screen.line(harmless(fault))
        screen.line(f"{len(faults)} faults" if faults else "the store is whole")
    if faults:
        raise typer.Exit(1)
