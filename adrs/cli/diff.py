"""`adrs diff`: what a trial changed."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from adrs.cli._options import Json, StoreUrl, TrialName
from adrs.errors import ConfigError

if TYPE_CHECKING:
    from adrs.cli._screen import Screen
    from adrs.model.program import Program

_STYLES = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}


def diff(
    trial: TrialName,
    other: Annotated[
        str | None,
        typer.Argument(metavar="[TRIAL]", help="With two trials: from the first to the second."),
    ] = None,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Show what a trial changed, or how two differ.

    Written to a file or a pipe it is a patch, byte for byte.
    """
    from adrs.cli._looking import opened, trial_named
    from adrs.cli._screen import Screen

    screen = Screen(as_json)
    with opened(store) as record:
        info, new = trial_named(record, trial)
        old_info, old = info, new
        if other is not None:
            info, new = trial_named(record, other)
        elif new.lineage.parents:
            old = record.trial(info.name, new.lineage.parents[0])
        else:
            raise ConfigError(
                f"{info.name}/{new.number} has no parent to compare with; "
                f"name a second trial: adrs diff {trial} TRIAL"
            )
    before, after = f"{old_info.name}/{old.number}", f"{info.name}/{new.number}"
    lines = list(_changes(old.program, new.program, before, after))
    if as_json:
        screen.json({"from": before, "to": after, "diff": "".join(lines)})
    else:
        _show(screen, lines)


def _changes(old: Program, new: Program, before: str, after: str) -> Iterator[str]:
    for path in sorted(old.files.keys() | new.files.keys()):
        if old.files.get(path) == new.files.get(path):
            continue
        one, two = (_lines(program, path) for program in (old, new))
        source = f"a/{path}" if path in old.files else "/dev/null"
        target = f"b/{path}" if path in new.files else "/dev/null"
        for line in difflib.unified_diff(one, two, source, target, before, after):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(program: Program, path: str) -> list[str]:
    """Lines as patches count them; bytes that are not UTF-8 survive as lone surrogates."""
    text = program.files.get(path, b"").decode("utf-8", "surrogateescape")
    return io.StringIO(text, newline="\n").readlines()


def _show(screen: Screen, lines: list[str]) -> None:
    from adrs.cli._text import harmless_lines

    if not screen.is_terminal:
        typer.echo("".join(lines).encode("utf-8", "surrogateescape"), nl=False)
        return
    for line in lines:
        style = next((style for mark, style in _STYLES.items() if line.startswith(mark)), "")
        for part in harmless_lines(line.removesuffix("\n")):
            screen.verbatim((part, style))
