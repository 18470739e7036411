"""The command line: one thin file a command. Slow imports are made where they are used."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from adrs.cli import (
    ask,
    check,
    compare,
    config,
    delete,
    diff,
    doctor,
    export,
    init,
    lineage,
    mcp,
    new,
    note,
    plugins,
    reproduce,
    run,
    runs,
    show,
    status,
    stop,
    store,
    tell,
    trials,
    verify,
)
from adrs.cli._errors import EXIT_BROKEN_PIPE, EXIT_BUG, EXIT_INTERRUPTED, fail
from adrs.errors import AdrsError

__all__ = ["app", "main"]

app = typer.Typer(
    name="adrs",
    help="Search for better programs, with results that can be trusted.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(check.check)
app.command()(runs.runs)
app.command()(status.status)
app.command()(trials.trials)
app.command()(show.show)
app.command()(lineage.lineage)
app.command()(diff.diff)
app.command()(compare.compare)
app.command()(ask.ask)
app.command()(tell.tell)
app.command()(note.note)
app.command()(mcp.mcp)
app.command()(verify.verify)
app.command()(reproduce.reproduce)
app.command()(export.export)
app.command()(stop.stop)
app.command()(delete.delete)
app.command()(init.init)
app.command()(doctor.doctor)
app.command()(plugins.plugins)
app.add_typer(new.app, name="new")
app.add_typer(config.app, name="config")
app.add_typer(store.app, name="store")


def main() -> None:
    """Runs the command that the arguments name, and leaves with its status."""
    sys.exit(_status_of(sys.argv[1:]))


def _status_of(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        left_with = app(arguments or ["--help"], prog_name="adrs", standalone_mode=False)
        sys.stdout.flush()
    except AdrsError as error:
        return fail(str(error), error.exit_status, as_json)
    except typer.TyperException as error:
        usage = getattr(error, "ctx", None)
        cure = f"\n{usage.get_usage()}\nsee {usage.command_path} --help" if usage else ""
        return fail(error.format_message() + cure, error.exit_code, as_json)
    except typer.Abort:
        return fail("given up", EXIT_INTERRUPTED, as_json)
    except BrokenPipeError:
        return _unread()
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):
            return _unread()
        raise
    except Exception as error:  # noqa: BLE001 - the last edge: whatever comes here is our bug
        import traceback

        traceback.print_exc()
        words = f"this is a bug in ADRS, please report it: {type(error).__name__}: {error}"
        return fail(words, EXIT_BUG, as_json)
    return left_with if isinstance(left_with, int) else 0


def _unread() -> int:
    """Ends quietly when nobody reads any more, as in `adrs trials | head`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_BROKEN_PIPE
