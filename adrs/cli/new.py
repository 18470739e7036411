"""`adrs new`: begin something of your own from an example that works."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from adrs.cli._options import Json

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Its name, and the folder's: small letters, digits, '_', '-'."
    ),
]
Into = Annotated[
    Path, typer.Option("--into", metavar="FOLDER", help="Where to make the folder NAME.")
]

app = typer.Typer(
    help="Begin a task or a plug-in of your own, from an example that works.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def task(
    name: Name,
    into: Into = Path(),
    package: Annotated[
        bool,
        typer.Option(
            "--package", help="Put the task into a package that others can install, with a test."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """A problem to search: a folder with a judge, a seed program and checks."""
    from adrs.templates import filled

    files = filled("task", name)
    if package:
        inside = {f"{name}/{path}": content for path, content in files.items()}
        files = {**filled("task_package", name), **inside}
        place, first = name, _install(into / name)
    else:
        place, first = quote(str(into / name)), []
    after = [*first, f"adrs check {place}", f"adrs run {place} --trials 60"]
    _make("task", name, into, files, after, as_json)


@app.command()
def evaluator(name: Name, into: Into = Path(), as_json: Json = False) -> None:
    """A way to measure programs that tasks can use, as a package."""
    from adrs.templates import filled

    after = [*_install(into / name), "adrs run tests/task --trials 60"]
    _make("evaluator", name, into, filled("evaluator", name), after, as_json)


@app.command()
def proposer(name: Name, into: Into = Path(), as_json: Json = False) -> None:
    """A way to propose programs, as a package."""
    from adrs.templates import filled

    after = [*_install(into / name), f"adrs run TASK --proposer {name}"]
    _make("proposer", name, into, filled("proposer", name), after, as_json)


@app.command()
def sandbox(name: Name, into: Into = Path(), as_json: Json = False) -> None:
    """A way to run code that nobody trusts, as a package."""
    from adrs.templates import filled

    after = [*_install(into / name), "adrs doctor", f"adrs run TASK --sandbox {name}"]
    _make("sandbox", name, into, filled("sandbox", name), after, as_json)


def _install(folder: Path) -> list[str]:
    """Commands for a package, up to where it is installed and tested."""
    return [f"cd {quote(str(folder))}", "pip install -e '.[test]'", "adrs plugins", "pytest"]


def _make(
    kind: str, name: str, into: Path, files: dict[str, bytes], after: list[str], as_json: bool
) -> None:
    """Writes the files and says what comes next.

    Args:
        after: commands to go on with.
    """
    from os.path import lexists

    from adrs.cli._screen import Screen
    from adrs.errors import ConfigError
    from adrs.templates import check_name, write

    check_name(kind, name)
    folder = into / name
    if lexists(folder):
        raise ConfigError(
            f"{folder} is there already, and nothing is overwritten; "
            "choose another name, or another place with --into"
        )
    write(folder, files)
    screen = Screen(as_json)
    if as_json:
        made = {"kind": kind, "name": name, "folder": str(folder)}
        screen.json({**made, "files": sorted(files), "next": after})
        return
    screen.line(("made ", "green"), (str(folder), "bold"), ", which works as it is:")
    for path in sorted(files):
        screen.verbatim((f"  {path}", "dim"))
    screen.line("go on with:")
    for command in after:
        screen.verbatim((f"  {command}", "cyan"))
    screen.line("then make it yours: what comes first is marked CHANGE")
