"""`adrs verify`: measure winners again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from adrs.cli._options import Json, NoBuild, StoreUrl
from adrs.errors import ConfigError

_SUITE = "adrs verify"


def verify(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PLACE]...",
            help="A winner's folder, a folder to search for winners, or a run; here by default.",
        ),
    ] = None,
    task: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Measure with the task in this folder, and no other."),
    ] = None,
    workloads: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The real workloads of winners that were judged on any."),
    ] = None,
    trusted_keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask of every winner a signature by a key listed here."),
    ] = None,
    trust_bundled_judge: Annotated[
        bool,
        typer.Option(
            "--trust-bundled-judge",
            help="Where a task is not found here, measure with the copy beside the certificate.",
        ),
    ] = False,
    allow_inconclusive: Annotated[
        bool,
        typer.Option("--allow-inconclusive", help="Exit 0 if nothing is worse than INCONCLUSIVE."),
    ] = False,
    sandbox: Annotated[
        str, typer.Option(metavar="NAME", help="auto, bubblewrap, docker or process.")
    ] = "auto",
    no_build: NoBuild = False,
    accept_isolation: Annotated[
        Literal["shared", "process"] | None,
        typer.Option(help="Let a winner hold although the sandbox holds no more than this."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Programs measured at the same time; 2 where cores allow it."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report for a build server.")
    ] = None,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Measure winners again, with the judge that is installed here.

    Exit 0 if all hold, 1 if one does not hold, was changed or is inconclusive, 2 if one cannot be
    checked or none is found, 3 if nothing can be measured here.
    """
    import asyncio

    from adrs.cli._checked import as_cases, as_plain, exit_status, show_checked
    from adrs.cli._interrupts import ended_in_order
    from adrs.cli._junit import unless_done, write_junit
    from adrs.cli._places import check_store_place, store_for, winners_at
    from adrs.cli._screen import Screen
    from adrs.cli._verifying import Options, verify_all
    from adrs.config import load_task
    from adrs.trust import read_trusted_keys

    screen = Screen(as_json)
    with unless_done(junit, _SUITE):
        with _named_paths():
            check_store_place(store)
            if workloads is not None and not workloads.exists():
                raise ConfigError(f"--workloads {workloads}: there is no such file or folder")
            options = Options(
                task=None if task is None else load_task(task),
                source=None if workloads is None else workloads.resolve(),
                trusted_keys=None if trusted_keys is None else read_trusted_keys(trusted_keys),
                trust_bundled_judge=trust_bundled_judge,
                sandbox=sandbox,
                may_build=not no_build,
                accept_isolation=accept_isolation or "",
                workers=workers,
            )
            winners = winners_at(places or [])
        with store_for(winners, store) as record, ended_in_order():
            results = asyncio.run(verify_all(winners, options, record, screen))
        try:
            if junit is not None:
                write_junit(junit, _SUITE, as_cases(results, allow_inconclusive))
        finally:
            show_checked(screen, results)
    status = exit_status(results, allow_inconclusive)
    if as_json:
        screen.json(as_plain(results, status))
    raise typer.Exit(status)


@contextmanager
def _named_paths() -> Iterator[None]:
    """Where only places are looked at that the user named, what the system says is of them.

    Raises:
        ConfigError: one cannot be looked at, for want of permission or since it is no path.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be looked at: {error.strerror}; name another, or get access"
        ) from error
