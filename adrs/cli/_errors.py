"""How a command ends that could not do its work."""

from __future__ import annotations

import json

import typer

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
EXIT_BUG = 70  # none of the statuses that mean something


def fail(message: str, exit_status: int, as_json: bool) -> int:
    """Says what went wrong, to people and, if they listen, to scripts; returns the status."""
    show_error(message)
    if as_json:
        typer.echo(json.dumps({"error": message, "exit_status": exit_status}))
    return exit_status


def show_error(message: str) -> None:
    """Writes what went wrong, without power over the terminal."""
    _show(f"error: {message}")


def show_note(message: str) -> None:
    """Writes what is worth knowing although the command does its work."""
    _show(f"note: {message}")


def _show(message: str) -> None:
    from adrs.cli._text import harmless_lines

    typer.echo("\n".join(harmless_lines(message)), err=True)
