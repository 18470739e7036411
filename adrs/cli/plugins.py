"""`adrs plugins`: what is plugged in."""

from __future__ import annotations

from adrs.cli._options import Json


def plugins(as_json: Json = False) -> None:
    """List what is plugged in, and what of it is broken."""
    from dataclasses import asdict

    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless
    from adrs.plugins import installed_plugins

    screen = Screen(as_json)
    found = installed_plugins(check=True)
    if as_json:
        screen.json({"plugins": [asdict(plugin) for plugin in found]})
        return
    rows = [
        (
            plugin.group.removeprefix("adrs."),
            plugin.name,
            f"{plugin.distribution} {plugin.version}",
            plugin.value,
            ("broken" if plugin.error else "ok", "red" if plugin.error else "green"),
        )
        for plugin in found
    ]
    screen.table(["kind", "name", "from", "where", "state"], rows)
    for plugin in found:
        if plugin.error:
            screen.line((f"{plugin.name}: {harmless(plugin.error, 1000)}", "red"))
