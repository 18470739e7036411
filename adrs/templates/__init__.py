"""What `adrs new` and `adrs init` write: folders of files beside this one.

Each works as it stands, under the name my-name, and is linted like everything else. A folder or a
file whose name begins with "dot-" gets a dot in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from os.path import lexists
from pathlib import Path

from adrs.errors import ConfigError
from adrs.plugins import installed_plugins

GROUPS = {
    "task": "adrs.tasks",
    "evaluator": "adrs.evaluators",
    "proposer": "adrs.proposers",
    "sandbox": "adrs.sandboxes",
}
"""What can be made, and the group of entry points that it has its name in."""

_HERE = Path(__file__).parent
_NAME = re.compile(r"[a-z](?:[a-z0-9_-]{0,38}[a-z0-9])?")
_MEANT_OTHERWISE = {("sandbox", "auto"): "--sandbox auto chooses among them"}


def check_name(kind: str, name: str) -> None:
    """Sees that something of a kind may have a name.

    Raises:
        ConfigError: it does not look like a name.
        ConfigError: something of the kind that is installed has it already.
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name[:60]!a} is no {kind}'s name: a small letter, then small letters, digits, "
            "'_' or '-', a letter or a digit at the end, at most 40 in all; "
            f"for instance {_instead(kind, name)}"
        )
    if (kind, name) in _MEANT_OTHERWISE:
        raise ConfigError(
            f"a {kind} cannot have the name {name}: {_MEANT_OTHERWISE[kind, name]}; choose another"
        )
    for plugin in installed_plugins(GROUPS[kind]):
        if plugin.name == name:
            raise ConfigError(
                f"{plugin.distribution} {plugin.version} has a plug-in {name} in {plugin.group}; "
                f"choose another name, or uninstall {plugin.distribution}"
            )


def filled(template: str, name: str) -> dict[str, bytes]:
    """The files of a template under a name, by their relative paths."""
    root = _HERE / template
    words = {
        "my_name": name.replace("-", "_"),
        "MyName": "".join(part.capitalize() for part in re.split("[-_]", name)),
        "my-name": name,
        "0.0.0": version("adrs-lab"),
    }
    pattern = re.compile("|".join(map(re.escape, words)))

    def fill(text: str) -> str:
        return pattern.sub(lambda found: words[found[0]], text)

    return {
        fill(re.sub(r"(^|/)dot-", r"\1.", path.relative_to(root).as_posix())): fill(
            path.read_text(encoding="utf-8")
        ).encode()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "__pycache__"
    }


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a folder, which is made; one that exists is never overwritten.

    Raises:
        ConfigError: some exist already.
        ConfigError: they cannot be written.
    """
    there = [str(folder / name) for name in files if lexists(folder / name)]
    if there:
        shown = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
        raise ConfigError(
            "nothing was written, since nothing is overwritten and this is there already: "
            f"{shown}; move it away, or begin one more task with adrs new task NAME --into tasks"
        )
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("xb") as file:
                file.write(content)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder} cannot be written: {error.strerror}"
        ) from error


def _instead(kind: str, name: str) -> str:
    """A name like the one that cannot be taken."""
    like = re.sub(r"[^a-z0-9_]+", "-", name.lower())[:40].strip("-_0123456789")
    return like if _NAME.fullmatch(like) else f"my-{kind}"
