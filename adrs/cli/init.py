"""`adrs init`: a repository that has problems, keeps their winners, and verifies them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adrs.cli._options import Json

_IGNORED = ".adrs/"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="The project's folder; this one by default.")
    ] = Path(),
    task: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the first task, below tasks/.")
    ] = "example",
    as_json: Json = False,
) -> None:
    """Make a folder ready for tasks and winners; also one that has a repository already.

    Adds tasks/, a workflow that verifies winners, and .gitignore. Nothing is overwritten.
    """
    from os.path import lexists
    from shlex import quote

    from adrs.cli._screen import Screen
    from adrs.errors import ConfigError
    from adrs.templates import check_name, filled, write

    check_name("task", task)
    inside = {f"tasks/{task}/{path}": content for path, content in filled("task", task).items()}
    files = {**filled("project", task), **inside}
    after = [] if folder == Path() else [f"cd {quote(str(folder))}"]
    # Nearly every repository has one, and one line of it matters: that is the owner's to write.
    ignoring = folder / ".gitignore"
    if ignoring.is_file():
        del files[".gitignore"]
        text = ignoring.read_text(encoding="utf-8", errors="replace")
        if _IGNORED not in text.split():
            # What is added must begin a line of its own.
            after += ["echo >> .gitignore"] if text and not text.endswith("\n") else []
            after.append(f"echo {_IGNORED} >> .gitignore")
    if lexists(folder / "tasks" / task):
        raise ConfigError(
            f"{folder / 'tasks' / task} is there already, and nothing is mixed with it; "
            "choose another name with --task, or, if adrs init made it, begin the next task with "
            "adrs new task NAME --into tasks"
        )
    write(folder, files)
    after += [f"adrs check tasks/{task}", f"adrs run tasks/{task} --trials 60"]
    screen = Screen(as_json)
    if as_json:
        made = {"folder": str(folder), "task": task}
        screen.json({**made, "files": sorted(files), "next": after})
        return
    screen.line(("made ", "green"), f"in {folder.resolve()}:")
    for path in sorted(files):
        screen.verbatim((f"  {path}", "dim"))
    screen.line("go on with:")
    for command in after:
        screen.verbatim((f"  {command}", "cyan"))
    screen.line("tasks/README.md says what is there, and what the workflow needs from you")
