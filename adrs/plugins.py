"""What is plugged in. The only reader of entry points.

First-party plug-ins are listed in pyproject.toml and enter here like anybody else's.
"""

from __future__ import annotations

import difflib
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, distributions, entry_points
from importlib.util import find_spec
from pathlib import Path

from adrs.errors import PluginError

_METHODS = {
    "adrs.proposers": ("propose", "observe"),
    "adrs.models": ("answer", "scrub", "close"),
    "adrs.evaluators": ("open",),
    "adrs.sandboxes": ("probe", "open"),
    "adrs.archives": ("add", "admits", "select", "elites"),
    "adrs.stores": (),
    "adrs.executors": ("open",),
    "adrs.tasks": (),
}
GROUPS = tuple(_METHODS)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point, as an installed distribution declares it.

    Attributes:
        value: where it is, "module:name"; for a task the dotted name of its folder.
        error: why it cannot be used, in one line; "" if nothing is known against it.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str
    error: str = ""


def installed_plugins(group: str | None = None, *, check: bool = False) -> tuple[Plugin, ...]:
    """Everything plugged in, by group and name, without importing it.

    Args:
        group: one of GROUPS; None for all.
        check: load each one, so that `error` also says what is broken and why.

    Raises:
        PluginError: the entry points of something that is installed are no text.
    """
    found = []
    for each in GROUPS if group is None else (group,):
        declared = _declared(each)
        claims = Counter(plugin.name for plugin in declared)
        for plugin in declared:
            error = ""
            if claims[plugin.name] > 1:
                error = _claimed_twice(each, plugin.name, declared)
            elif check:
                error = _fault(plugin)
            found.append(replace(plugin, error=error))
    return tuple(found)


def load(group: str, name: str) -> Callable[..., object]:
    """The class or function that an entry point names; calling it makes the plug-in.

    Raises:
        PluginError: nothing of that name is installed.
        PluginError: more than one distribution claims the name.
        PluginError: it cannot be imported.
        PluginError: it is not callable, or a class without the methods of its port.
    """
    plugin = _only(group, name)
    where = f"{group} {name!r} ({plugin.value}, from {plugin.distribution} {plugin.version})"
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no part of what a command answers
            loaded: object = EntryPoint(name, plugin.value, group).load()
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything at all
        raise PluginError(
            f"{where} does not load: {type(error).__name__}: {_one_line(error)}; "
            f"reinstall or remove {plugin.distribution}"
        ) from error
    if not callable(loaded):
        raise PluginError(
            f"{where} must be a class or a function, not {type(loaded).__name__}; "
            f"correct the entry point in {plugin.distribution}"
        )
    absent = [method for method in _METHODS[group] if not callable(getattr(loaded, method, None))]
    if isinstance(loaded, type) and absent:
        raise PluginError(
            f"{where} must have the methods {', '.join(_METHODS[group])}; "
            f"{loaded.__name__} lacks {', '.join(absent)}"
        )
    return loaded


def task_folder(name: str) -> Path:
    """The folder of an installed task, found without importing anything of it.

    Raises:
        PluginError: nothing of that name is installed.
        PluginError: more than one distribution claims the name.
        PluginError: there is no such folder.
    """
    plugin = _only("adrs.tasks", name)
    top, *inner = plugin.value.split(".")
    spec = find_spec(top)
    for root in (spec and spec.submodule_search_locations) or ():
        folder = Path(root, *inner)
        if folder.is_dir():
            return folder
    raise PluginError(
        f"adrs.tasks {name!r} must name a folder inside an installed package, "
        f"and {plugin.value!r} is none; reinstall {plugin.distribution}"
    )


def place_of(plugin: Plugin) -> Path | None:
    """The file or the task's folder that an entry point leads to, without importing anything of it.

    None if there is no such file: where a file is says nothing about whether it loads.
    """
    try:
        if plugin.group == "adrs.tasks":
            return task_folder(plugin.name)
        top, *inner = EntryPoint(plugin.name, plugin.value, plugin.group).module.split(".")
        spec, name = find_spec(top), top
        for part in inner:
            name = f"{name}.{part}"
            spec = spec and PathFinder.find_spec(name, spec.submodule_search_locations or ())
    except Exception:  # noqa: BLE001 - a stranger's value may be anything, and finders raise
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _declared(group: str) -> list[Plugin]:
    try:
        points = entry_points(group=group)
    except UnicodeDecodeError:
        raise PluginError(_undecodable()) from None
    found = []
    for point in points:
        # What is half uninstalled can be without a name.
        owner, version = (point.dist.name, point.dist.version) if point.dist else (None, None)
        found.append(Plugin(group, point.name, point.value, owner or "unknown", version or ""))
    return sorted(found, key=lambda one: (one.name, one.distribution))


def _undecodable() -> str:
    for one in distributions():
        try:
            one.read_text("entry_points.txt")
        except UnicodeDecodeError as error:
            return (
                f"entry_points.txt of {one.name} {one.version} is no text ({error.reason}), and "
                f"keeps all others from being found; reinstall or remove {one.name}"
            )
    return "what is installed has changed meanwhile; try again"


def _only(group: str, name: str) -> Plugin:
    if group not in _METHODS:
        raise PluginError(f"{group!r} is not a group of plug-ins; there are {', '.join(GROUPS)}")
    declared = _declared(group)
    claims = [plugin for plugin in declared if plugin.name == name]
    if not claims:
        names = sorted({plugin.name for plugin in declared})
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        listed = ", ".join(names) if names else "none; is ADRS itself installed (pip install .)?"
        raise PluginError(f"{group} has no {name!r}; {hint}installed: {listed}")
    if len(claims) > 1:
        raise PluginError(_claimed_twice(group, name, claims))
    return claims[0]


def _claimed_twice(group: str, name: str, declared: list[Plugin]) -> str:
    claims = [f"{one.distribution} {one.version}" for one in declared if one.name == name]
    return f"{group} {name!r} is claimed by {' and by '.join(claims)}; uninstall all but one"


def _fault(plugin: Plugin) -> str:
    try:
        if plugin.group == "adrs.tasks":
            task_folder(plugin.name)
        else:
            load(plugin.group, plugin.name)
    except PluginError as error:
        return str(error)
    return ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
