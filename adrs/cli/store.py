"""`adrs store`: care for the record."""

from __future__ import annotations

from typing import Annotated

import typer

from adrs.cli._options import Json, StoreUrl

app = typer.Typer(help="Care for the record.", rich_markup_mode=None)


@app.callback()
def _store() -> None:
    """Care for the record."""


@app.command()
def check(store: StoreUrl = None, as_json: Json = False) -> None:
    """Say whether the record is whole, and its programs as git commits.

    Recomputes every hash, reference, order, count and commit. Exit 1 if one is wrong.
    """
    from adrs.cli._errors import show_note
    from adrs.cli._looking import opened
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless

    screen = Screen(as_json)
    with opened(store) as record:
        faults = list(record.check())
    # Commits are compared with the record, which must be sound for that.
    more, unchecked = ([], None) if faults else _lineage_faults(store)
    faults += more
    if unchecked is not None and not as_json:
        show_note(f"the commits were not checked: {unchecked}")
    if as_json:
        screen.json({"whole": not faults, "faults": faults, "unchecked": unchecked})
    else:
        for fault in faults:
            screen.line(harmless(fault))
        screen.line(f"{len(faults)} faults" if faults else "the store is whole")
    if faults:
        raise typer.Exit(1)


def _lineage_faults(url: str | None) -> tuple[list[str], str | None]:
    """What is wrong with the commits, and why that cannot be said."""
    from contextlib import closing

    from adrs.errors import Unavailable
    from adrs.store.lineage import open_lineage

    with closing(open_lineage(url)) as lineage:
        try:
            return list(lineage.faults()), None
        except Unavailable as error:
            return [], str(error)


@app.command()
def gc(
    environments: Annotated[
        bool,
        typer.Option(
            "--environments",
            help="Also remove prepared environments (images, private Python environments); they "
            "are made again when needed.",
        ),
    ] = False,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Remove what runs that were killed left in the sandboxes, and pack the git commits.

    Asks every sandbox that is installed; what belongs to a live run stays. The record needs no
    such care: no programs, calls or certificates outlast the runs that had them.
    """
    import asyncio

    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless

    screen = Screen(as_json)
    removed, unavailable = asyncio.run(_swept(environments))
    packed, trouble = _packed(store)
    removed += packed
    unavailable |= trouble
    for one in removed:
        screen.line(harmless(one, 500))
    for name, why in unavailable.items():
        screen.line((f"{name} was not looked at: {harmless(why, 500)}", "yellow"))
    if not removed:
        screen.line("nothing was left over")
    if as_json:
        screen.json({"removed": removed, "unavailable": unavailable})


async def _swept(unused: bool) -> tuple[list[str], dict[str, str]]:
    """What was removed, and why which sandbox could not be looked at."""
    from adrs import plugins
    from adrs.errors import PluginError, SandboxUnavailable
    from adrs.ports.sandbox import Sweeping

    removed: list[str] = []
    unavailable: dict[str, str] = {}
    for plugin in plugins.installed_plugins("adrs.sandboxes"):
        try:
            sandbox = plugins.load("adrs.sandboxes", plugin.name)()
            if isinstance(sandbox, Sweeping):
                removed += await sandbox.sweep(unused)
        except (PluginError, SandboxUnavailable) as error:
            unavailable[plugin.name] = str(error)
    return removed, unavailable


def _packed(url: str | None) -> tuple[list[str], dict[str, str]]:
    """What packing the commits has freed, and why it could not be done."""
    from contextlib import closing

    from adrs.cli._looking import opened
    from adrs.errors import AdrsError
    from adrs.store.lineage import open_lineage

    with closing(open_lineage(url)) as lineage:
        name = lineage.folder.name
        if not lineage.exists():
            return [], {}
        try:
            with opened(url):  # without a record every run would look as if it were gone
                freed = lineage.tidy()
        except AdrsError as error:
            return [], {name: str(error)}
    return [f"{freed / 1024:,.0f} KiB of {name}"] if freed >= 1024 else [], {}
