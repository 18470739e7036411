"""`adrs plugins`: what is plugged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from adrs.cli._options import Json

if TYPE_CHECKING:
    from adrs.cli._screen import Screen
    from adrs.plugins import Plugin


def plugins(as_json: Json = False) -> None:
    """List what is plugged in, from where, and what of it is broken.

    Loads each plug-in and reads each task. Exit 1 if one is broken.
    """
    from dataclasses import asdict

    from adrs.cli._screen import Screen
    from adrs.plugins import installed_plugins, place_of

    screen = Screen(as_json)
    found = [_looked_at(plugin) for plugin in installed_plugins(check=True)]
    broken = [plugin for plugin in found if plugin.error]
    if as_json:
        listed = [{**asdict(plugin), "place": place_of(plugin)} for plugin in found]
        screen.json({"ok": not broken, "plugins": listed})
    else:
        _show(screen, found)
    if broken:
        raise typer.Exit(1)


def _looked_at(plugin: Plugin) -> Plugin:
    """A task is read as well: nothing of it can be loaded."""
    from dataclasses import replace

    from adrs.config import load_task
    from adrs.errors import UnusableInput
    from adrs.plugins import task_folder

    if plugin.group != "adrs.tasks" or plugin.error:
        return plugin
    try:
        load_task(task_folder(plugin.name))
    except UnusableInput as error:
        return replace(plugin, error=f"{error}; mend it, or remove {plugin.distribution}")
    return plugin


def _show(screen: Screen, found: list[Plugin]) -> None:
    from adrs.cli._text import harmless

    rows = [
        (
            plugin.group.removeprefix("adrs."),
            harmless(plugin.name, 40),
            ("broken" if plugin.error else "ok", "red" if plugin.error else "green"),
            _origin(plugin),
            harmless(plugin.value, 200),
        )
        for plugin in found
    ]
    screen.table(["kind", "name", "state", "from", "what"], rows)
    screen.line("")
    screen.fields(
        [(origin, _place(found, origin)) for origin in dict.fromkeys(map(_origin, found))]
    )
    for plugin in found:
        if plugin.error:
            screen.line("")
            kind = plugin.group.removeprefix("adrs.")
            screen.line((f"{kind} {harmless(plugin.name, 40)} is broken", "red"))
            screen.line(f"  {harmless(plugin.error, 2000)}")


def _origin(plugin: Plugin) -> str:
    from adrs.cli._text import harmless

    return harmless(f"{plugin.distribution} {plugin.version}", 60)


def _place(found: list[Plugin], origin: str) -> str:
    """The folder that holds all of a distribution's plug-ins; of an editable one, its source."""
    from os.path import commonpath

    from adrs.cli._text import harmless
    from adrs.plugins import place_of

    places = [place_of(plugin) for plugin in found if _origin(plugin) == origin]
    folders = [place if place.is_dir() else place.parent for place in places if place]
    return harmless(commonpath(folders)) if folders else "no file of it was found"
