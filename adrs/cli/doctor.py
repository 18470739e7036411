"""`adrs doctor`: what works on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from adrs.cli._options import Json, StoreUrl

if TYPE_CHECKING:
    from adrs.cli._screen import Piece, Screen
    from adrs.model.isolation import Probe

# File systems whose locks do not reach other machines, or not reliably.
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs")


def doctor(store: StoreUrl = None, as_json: Json = False) -> None:
    """Say what works here, and how to mend the rest.

    Tries every sandbox that is installed. Exit 1 if none holds what a WINNER needs.
    """
    import asyncio

    from adrs.cli._defaults import store_place
    from adrs.cli._screen import Screen

    screen = Screen(as_json)
    probes = asyncio.run(_probes())
    good = [probe.sandbox for probe in probes if good_enough(probe)]
    facts = {
        "python": _python(),
        "cores": _cores(),
        "cgroups": _cgroups(),
        "git": _git(),
        "store": _store(*store_place(store)),
        "variables": _variables(),
    }
    if as_json:
        screen.json({"ok": bool(good), **facts, "sandboxes": [_plain(probe) for probe in probes]})
    else:
        screen.fields(list(facts.items()))
        for probe in probes:
            _show_probe(screen, probe)
        screen.line("")
        if good:
            screen.line((f"a WINNER is possible here, in {', '.join(good)}", "bold green"))
        else:
            screen.line(("no sandbox here holds what a WINNER needs; see the cures above", "red"))
    if not good:
        raise typer.Exit(1)


def good_enough(probe: Probe) -> bool:
    """Whether what a sandbox holds is enough to declare a WINNER."""
    from adrs.model.isolation import NEEDED_FOR_WINNER, IsolationLevel

    apart = probe.level is IsolationLevel.SEPARATE
    return not probe.unavailable and apart and all(one in probe.holds for one in NEEDED_FOR_WINNER)


async def _probes() -> list[Probe]:
    from typing import cast

    from adrs import plugins
    from adrs.errors import PluginError
    from adrs.model.isolation import IsolationLevel, Probe
    from adrs.ports.sandbox import Sandbox

    probes = []
    for plugin in plugins.installed_plugins("adrs.sandboxes"):
        try:
            sandbox = cast("Sandbox", plugins.load("adrs.sandboxes", plugin.name)())
            probes.append(await sandbox.probe())
        except PluginError as error:
            probes.append(Probe(plugin.name, IsolationLevel.PROCESS, {}, {}, str(error)))
    return probes


def _show_probe(screen: Screen, probe: Probe) -> None:
    from adrs.cli._text import harmless

    screen.line("")
    if probe.unavailable:
        screen.line((probe.sandbox, "bold"), (f"  {harmless(probe.unavailable, 500)}", "red"))
    else:
        verdict = "good enough for a WINNER" if good_enough(probe) else "not enough for a WINNER"
        screen.line((probe.sandbox, "bold"), f"  {probe.level}, {verdict}")
    fields: list[tuple[str, list[Piece]]] = []
    for one, how in probe.holds.items():
        fields.append((f"  {one}", [("holds", "green"), f"    {harmless(how, 200)}"]))
    for one, why in probe.missing.items():
        fields.append((f"  {one}", [("missing", "yellow"), f"  {harmless(why, 500)}"]))
    for name, what in probe.facts.items():
        fields.append((f"  {harmless(name, 40)}", [(harmless(what, 500), "dim")]))
    screen.fields(fields)


def _plain(probe: Probe) -> dict[str, object]:
    return {
        "sandbox": probe.sandbox,
        "level": probe.level,
        "good_enough": good_enough(probe),
        "unavailable": probe.unavailable,
        "holds": dict(probe.holds),
        "missing": dict(probe.missing),
        "facts": dict(probe.facts),
    }


def _python() -> str:
    import platform
    import sys

    return f"{platform.python_version()}, {sys.executable}"


def _cores() -> str:
    import os

    usable, there = len(os.sched_getaffinity(0)), os.cpu_count()
    return f"{usable} usable" if usable == there else f"{usable} usable of {there}"


def _cgroups() -> str:
    import os
    from pathlib import Path

    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").is_file():
        version, folder = "v2", root
    elif (root / "memory").is_dir():
        version, folder = "v1", root / "memory"
    else:
        return "none; limits are enforced by rlimits"
    writable = os.access(folder, os.W_OK)
    return f"{version}, {'writable' if writable else 'not writable; limits are by rlimits'}"


def _git() -> str:
    import shutil
    import subprocess

    path = shutil.which("git")
    if path is None:
        return "not found; install git to look at programs as commits"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return f"{done.stdout.removeprefix('git version').strip()}, {path}"


def _store(place: str, origin: str) -> str:
    """Where the store is or would be, whether it can be written, and on what file system."""
    import os
    from pathlib import Path

    folder = Path(place.removeprefix("sqlite:///")).absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    kind = _file_system(nearest)
    words = [
        f"{place} ({origin})",
        "there" if folder.exists() else "not made yet",
        "writable" if os.access(nearest, os.W_OK) else "not writable: name another with --store",
        kind,
    ]
    if kind in _REMOTE:
        words.append("locks are not reliable there: keep the store on a local disk")
    return ", ".join(words)


def _file_system(path: object) -> str:
    from pathlib import Path

    best, kind = "", "unknown file system"
    mounts = Path("/proc/self/mounts")
    for line in mounts.read_text().splitlines() if mounts.is_file() else ():
        _, point, this, *_ = line.split(" ")
        inside = f"{path}/".startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, this
    return kind


def _variables() -> str:
    import os

    return ", ".join(sorted(name for name in os.environ if name.startswith("ADRS_"))) or "none set"
