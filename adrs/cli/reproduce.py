"""`adrs reproduce`: compute a run again from its record."""

from __future__ import annotations

from typing import Annotated

import typer

from adrs.cli._options import Json, NoBuild, StoreUrl


def reproduce(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")],
    trials: Annotated[
        int | None,
        typer.Option(min=0, help="Measure only the seed and so many trials again; all by default."),
    ] = None,
    sandbox: Annotated[
        str,
        typer.Option(metavar="NAME", help="That of the run by default; auto if it had no walls."),
    ] = "",
    no_build: NoBuild = False,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Compute a run again from its record: proposals, measurements, verdict.

    Reads the record and changes nothing in it; no key is read and no model is asked. Exit 1 at the
    first difference, which is named.
    """
    import asyncio

    from adrs.cli._interrupts import ended_in_order
    from adrs.cli._looking import opened
    from adrs.cli._places import task_of_run
    from adrs.cli._reproducing import Shown, as_plain, show_reproduction
    from adrs.cli._screen import Screen
    from adrs.reproduction import Means
    from adrs.reproduction import reproduce as computed

    screen = Screen(as_json)
    means = Means(trials, sandbox, may_build=not no_build)
    with opened(store) as record, ended_in_order(), Shown() as shown:
        task = task_of_run(record.run(run))
        found = asyncio.run(computed(record, run, task, means, shown))
    show_reproduction(screen, found)
    if as_json:
        screen.json(as_plain(found))
    if not found.same:
        raise typer.Exit(1)
