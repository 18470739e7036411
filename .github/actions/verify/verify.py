"""Runs `adrs verify` for the action beside it, and tells the build server what came of it.

Usage: verify.py ADRS, where ADRS is the command. The action's inputs come as environment variables
(INPUT_PLACES and so on), so that no shell ever reads them. The counts of standings go to the file
GITHUB_OUTPUT, a table to the file GITHUB_STEP_SUMMARY; the exit status is that of `adrs verify`.

Certificates may come from anybody. Whatever they say is text on the page and in the log: neither
markup nor a command to the build server. Standard library only.
"""

from __future__ import annotations

import html
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

VALUES = ("TASK", "WORKLOADS", "TRUSTED_KEYS", "JUNIT")
SWITCHES = ("ALLOW_INCONCLUSIVE", "TRUST_BUNDLED_JUDGE")
STANDINGS = ("HOLDS", "DOES_NOT_HOLD", "CHANGED", "INCONCLUSIVE")
NOT_CHECKED = "not checked"
HEADERS = ("winner", "task", "standing", "judge", "signature", "why")
ROWS, LETTERS = 200, 300  # of a table that people read; a summary may have 1 MiB


def command(adrs: str, inputs: Mapping[str, str]) -> list[str]:
    """The command line that the inputs ask for; empty ones ask for nothing.

    Raises:
        ValueError: a switch is neither "true" nor "false".
    """
    line = [adrs, "verify", "--json"]
    line += [f"{option(name)}={given}" for name in VALUES if (given := inputs.get(f"INPUT_{name}"))]
    for name in SWITCHES:
        given = inputs.get(f"INPUT_{name}") or "false"
        if given not in ("true", "false"):
            raise ValueError(f'the input {option(name)[2:]} must be "true" or "false": {given!a}')
        if given == "true":
            line.append(option(name))
    places = [place.strip() for place in inputs.get("INPUT_PLACES", "").splitlines()]
    return [*line, "--", *filter(None, places)]


def option(name: str) -> str:
    return "--" + name.lower().replace("_", "-")


def run(line: list[str], temporary: str) -> tuple[int, dict[str, object]]:
    """Exit status and answer of a command; what it writes to the log commands nothing."""
    store = tempfile.mkdtemp(dir=temporary, prefix="adrs-record.")
    token = secrets.token_hex(16)
    sys.stdout.write(f"::stop-commands::{token}\n")
    sys.stdout.flush()
    try:
        done = subprocess.run(
            line, stdout=subprocess.PIPE, env={**os.environ, "ADRS_STORE": store}, check=False
        )
    finally:
        sys.stdout.write(f"::{token}::\n")
    return done.returncode, answer_in(done.stdout) or {
        "error": f"adrs verify ended with exit status {done.returncode} and no answer"
    }


def answer_in(output: bytes) -> dict[str, object]:
    """The object on the last line; empty if there is none."""
    try:
        answer = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def rows_of(answer: Mapping[str, object]) -> list[dict[str, str]]:
    """What was found, a row each, by `HEADERS`."""
    rows = []
    for one in records(answer, "certificates"):
        changed = one.get("changed")
        why = "; ".join(map(str, changed)) if isinstance(changed, list) else ""
        row = {name: str(one.get(name) or "") for name in HEADERS}
        row |= {"winner": str(one.get("place")), "why": why or str(one.get("reason"))}
        rows.append(row)
    for one in records(answer, "errors"):
        row = dict.fromkeys(HEADERS, "")
        row |= {"winner": str(one.get("place")), "why": str(one.get("error"))}
        rows.append(row | {"standing": NOT_CHECKED})
    return rows


def records(answer: Mapping[str, object], name: str) -> list[dict[str, object]]:
    found = answer.get(name, [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def outputs(rows: list[dict[str, str]]) -> str:
    """Counts by standing, as a build server reads them."""
    counts = Counter(row["standing"] for row in rows)
    return "".join(
        f"{standing.lower().replace('_', '-').replace(' ', '-')}={counts[standing]}\n"
        for standing in (*STANDINGS, NOT_CHECKED)
    )


def summary(rows: list[dict[str, str]], error: str) -> str:
    """A page for people.

    One HTML block without an empty line, in which Markdown reads nothing as markup.
    """
    lines = ["<h3>Verified winners</h3>"]
    if error:
        lines.append(f"<p>Nothing was verified: {plain(error)}</p>")
    if rows:
        lines += ["<table>", cells("th", HEADERS)]
        lines += [cells("td", [plain(row[name]) for name in HEADERS]) for row in rows[:ROWS]]
        lines.append("</table>")
    if len(rows) > ROWS:
        lines.append(f"<p>and {len(rows) - ROWS} more, all of them in the log</p>")
    if any(row["judge"] == "bundled" for row in rows):
        lines.append(
            "<p><b>bundled</b>: this judge came with the winner, so that the standing says "
            "only that the folder agrees with itself.</p>"
        )
    return "\n".join(lines) + "\n\n"


def cells(tag: str, texts: tuple[str, ...] | list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{text}</{tag}>' for text in texts)}</tr>"


def plain(text: str) -> str:
    """Text that stays text: in code, names and addresses do not become links either."""
    short = text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
    shown = "".join(letter if letter.isprintable() else " " for letter in short).strip()
    return f"<code>{html.escape(shown)}</code>" if shown else ""


def append(file: str | None, text: str) -> None:
    if file:
        with Path(file).open("a", encoding="utf-8") as end:
            end.write(text)


def main() -> int:
    try:
        line = command(sys.argv[1], os.environ)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    status, answer = run(line, os.environ["RUNNER_TEMP"])
    rows = rows_of(answer)
    append(os.environ.get("GITHUB_OUTPUT"), outputs(rows))
    append(os.environ.get("GITHUB_STEP_SUMMARY"), summary(rows, str(answer.get("error", ""))))
    return status


if __name__ == "__main__":
    sys.exit(main())
