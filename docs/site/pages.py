"""What a build of the site adds to docs/: pages made from the code, and the project's other pages.

MkDocs calls these functions (`hooks` in mkdocs.yml). Nothing of it is written into docs/.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
# Pages outside of docs/ that docs/ and each other point at, shown below project/.
OUTSIDE = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "tasks/README.md"),
    "adrs/trust/certificate.schema.json",
)
_LINK = re.compile(r"(\]\()([^)\s:#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    made = {"reference/commands.md": commands_page(), "reference/api.md": api_page()}
    for path in outside_pages():
        text = (ROOT / path).read_text(encoding="utf-8")
        made[f"project/{path}"] = text
    for path, text in made.items():
        if path.endswith("LICENSE"):
            path, text = f"{path}.md", f"# License\n\n```\n{text}\n```\n"
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links that lead out of docs/ at the pages below project/."""
    del config, files
    here = page.file.src_uri
    inside = here.startswith(("reference/", "project/")) is False
    source = f"docs/{here}" if inside else here.removeprefix("project/")

    def moved(match: re.Match[str]) -> str:
        start, target, anchor, end = match.groups()
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if place.startswith("docs/"):
            place = place.removeprefix("docs/")
        elif (ROOT / place).is_dir():
            return f"{start}{_page(f'{place}/README.md', here)}{anchor or ''}{end}"
        elif (ROOT / place).is_file():
            place = f"project/{place}" + (".md" if place == "LICENSE" else "")
        return (
            f"{start}{posixpath.relpath(place, posixpath.dirname(here) or '.')}{anchor or ''}{end}"
        )

    return _outside_of_code(markdown, lambda text: _LINK.sub(moved, text))


def _page(place: str, here: str) -> str:
    return posixpath.relpath(f"project/{place}", posixpath.dirname(here) or ".")


def _outside_of_code(markdown: str, change: Any) -> str:
    parts = re.split(r"(^```.*?^```\n?)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else change(part) for part in parts)


def outside_pages() -> Iterator[str]:
    """Paths of the pages outside of docs/, from the project's root."""
    yield from OUTSIDE
    for path in sorted(ROOT.glob("tasks/*/README.md")):
        yield path.relative_to(ROOT).as_posix()


# --- every command -------------------------------------------------------------------------


def commands_page() -> str:
    """All commands with their arguments and options, as the command line knows them."""
    import typer

    from adrs.cli import app

    root = typer.main.get_command(app)
    lines = [
        "# Every command",
        "",
        "Made from the code of the command line: this is what `--help` says.",
        "[Using the commands](../commands.md) says what it does not, such as exit statuses.",
    ]
    for path, command in _leaves(root, ("adrs",)):
        lines += ["", f"## {' '.join(path)}", "", *_described(command, path)]
    return "\n".join(lines) + "\n"


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in command.commands.items():
        if getattr(child, "commands", None):
            yield from _leaves(child, (*path, name))
        elif not child.hidden:
            yield (*path, name), child


def _described(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    with command.context_class(command, info_name=" ".join(path)) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        records = [one.get_help_record(context) for one in command.params]
    yield from (f"```\n{' '.join(path)} {usage}\n```", "", (command.help or "").strip(), "")
    rows = [(_cell(name), _cell(words)) for name, words in filter(None, records)]
    if rows:
        yield from (
            "| argument or option | what it is for |",
            "|---|---|",
            *(f"| `{name}` | {words} |" for name, words in rows),
        )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# --- the Python API ------------------------------------------------------------------------


def api_page() -> str:
    """Every name of the public door, by where it lives, and what judges and tests import."""
    import adrs

    lines = [
        "# Python API",
        "",
        "Made from the code. Plug-ins and programs import `adrs`; a judge imports `adrs.judging`,",
        "a plug-in's tests import `adrs.testing`.",
    ]
    for home, names in sorted(_by_home(adrs).items()):
        lines += ["", f"## From {home.removeprefix('adrs.')}", ""]
        for name in sorted(names):
            lines += [f"::: {home}.{name}", "    options:", "      heading_level: 3", ""]
    for module in ("adrs.judging", "adrs.testing"):
        lines += ["", f"## {module}", "", f"::: {module}", "    options:"]
        lines += ["      show_root_heading: false", "      heading_level: 3", ""]
    return "\n".join(lines) + "\n"


def _by_home(door: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in door.__all__:
        found.setdefault(door._HOME_OF[name], []).append(name)
    return found
