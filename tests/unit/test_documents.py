"""What the documents say is true: commands exist, links resolve, the example runs."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from dataclasses import MISSING, fields
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

import adrs
from adrs import (
    Constraint,
    Environment,
    EvaluatorChoice,
    Limits,
    Metric,
    Objective,
    RunSettings,
    RunStatus,
    Stage,
    Verdict,
    assemble,
    load_task,
    new_run,
    open_store,
    summarize,
)
from adrs.cli import app
from adrs.plugins import GROUPS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tasks/**/*.md")],
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMANDS = typer.main.get_command(app)


def names(documents):
    return [str(document.relative_to(ROOT)) for document in documents]


def prose_and_code(document):
    text = document.read_text()
    return FENCE.sub("", text), [block for _, block in FENCE.findall(text)]


def command_lines(document):
    """Every command line of ours, in blocks and in running text."""
    prose, blocks = prose_and_code(document)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    # Where a command is listed, what it is for stands behind it after a gap.
    lines = [re.split(r" {2,}", line)[0].removeprefix(".venv/bin/") for line in lines]
    return [line for line in lines if re.match(r"adrs( |$)", line)]


def fault(line):
    """What is wrong with a command line; "" if it can be typed like this."""
    words = shlex.split(line, comments=True)[1:]
    command = COMMANDS
    while words and (children := getattr(command, "commands", None)):
        if words[0].startswith("-"):
            break
        if words[0] not in children:
            return f"there is no command {words[0]}"
        command = children[words.pop(0)]
    options = {name: one for one in command.params for name in one.opts if name.startswith("-")}
    given = 0
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        if not word.startswith("-"):
            given += 1
        elif name == "--help":
            continue
        elif name not in options:
            return f"{command.name} has no option {name}"
        elif not options[name].is_flag and not equals:
            if not words:
                return f"{name} needs a value"
            words.pop(0)
    takes = [one.nargs for one in command.params if one.param_type_name == "argument"]
    most = sum(takes)
    if -1 not in takes and given > most:
        return f"{command.name} takes {most} arguments"
    return ""


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_command_lines_parse(name):
    faults = {line: wrong for line in command_lines(ROOT / name) if (wrong := fault(line))}
    assert faults == {}


def test_the_check_of_command_lines_finds_faults():
    assert fault("adrs fly") == "there is no command fly"
    assert fault("adrs run tasks/x --fly") == "run has no option --fly"
    assert fault("adrs run one two") == "run takes 1 arguments"
    assert fault("adrs run --trials") == "--trials needs a value"
    assert len(command_lines(ROOT / "README.md")) > 5


def leaves(command=COMMANDS, path=()):
    for name, child in command.commands.items():
        if getattr(child, "commands", None):
            yield from leaves(child, (*path, name))
        elif not child.hidden:
            yield " ".join((*path, name)), child


@pytest.mark.parametrize(("name", "command"), [pytest.param(*one, id=one[0]) for one in leaves()])
def test_every_command_and_option_is_documented(name, command):
    text = (ROOT / "docs/commands.md").read_text()
    sections = re.split(r"^#+ ", text, flags=re.MULTILINE)
    section = "".join(one for one in sections if f"`adrs {name}" in one)
    assert section, f"docs/commands.md says nothing about adrs {name}"
    long = {name for one in command.params for name in one.opts if name.startswith("--")}
    common = {"--help", "--store", "--json"}
    assert [name for name in sorted(long - common) if f"`{name}" not in section] == []


def anchors(document):
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {title.strip().replace(" ", "-") for title in plain}


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_links_between_documents_resolve(name):
    document = ROOT / name
    prose, _ = prose_and_code(document)
    broken = []
    for link in LINK.findall(prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document if not path else document.parent / path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_site_builds_and_every_link_in_it_leads_somewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    every_command = (tmp_path / "site/reference/commands/index.html").read_text()
    assert [name for name, _ in leaves() if f">adrs {name}<" not in every_command] == []
    api = (tmp_path / "site/reference/api/index.html").read_text()
    assert [name for name in adrs.__all__ if f'.{name}"' not in api] == []


def test_every_decision_is_in_the_index():
    index = (ROOT / "docs/decisions/README.md").read_text()
    pages = {page.name for page in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


def test_code_names_documents_that_exist():
    sources = [
        path
        for folder in ("adrs", "agents", "evaluators", "sandboxes", "tasks", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    pages = {
        page
        for source in sources
        for page in re.findall(r"docs/[\w/-]+\.md", source.read_text(encoding="utf-8"))
    }
    assert [page for page in sorted(pages) if not (ROOT / page).exists()] == []


def test_names_of_the_library_exist():
    named = {
        name
        for document in DOCUMENTS
        for name in re.findall(r"`(adrs(?:\.\w+)+)`", document.read_text())
    }
    assert "adrs.judging" in named
    assert [name for name in sorted(named) if not exists(name)] == []


def exists(name):
    home, _, last = name.rpartition(".")
    if name in GROUPS:
        return True
    return find_spec(home) is not None and (
        hasattr(import_module(home), last) or find_spec(name) is not None
    )


# --- docs/tasks.md ---------------------------------------------------------------------------

TASKS = (ROOT / "docs/tasks.md").read_text()


def key_table():
    """Table and key to default, as docs/tasks.md says."""
    table, found = "", {}
    for line in TASKS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or not cells[1].startswith("`"):
            continue
        table = cells[0].strip("`") or table
        for key in re.findall(r"`(\w+)`", cells[1]):
            found[table, key] = cells[2]
    return found


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("[evaluator]", EvaluatorChoice),
        ("[objective]", Objective),
        ("[[metric]]", Metric),
        ("[[constraint]]", Constraint),
        ("[limits]", Limits),
        ("[[stage]]", Stage),
        ("[environment]", Environment),
    ],
)
def test_keys_and_defaults_are_those_of_the_code(table, record):
    told = {key: default for (where, key), default in key_table().items() if where == table}
    assert told.keys() == {field.name for field in fields(record)}
    for field in fields(record):
        default = field.default
        if field.default_factory is not MISSING:
            assert told[field.name] == "`{}`"
        elif default is MISSING:
            assert told[field.name] in ("required", '`"train"`'), field.name
        elif isinstance(default, StrEnum):
            assert told[field.name] == f'`"{default}"`'
        elif isinstance(default, bool):
            assert told[field.name] == f"`{str(default).lower()}`"
        elif isinstance(default, int | float):
            assert told[field.name] == f"`{default}`"


@pytest.fixture
def pack(tmp_path):
    """The example of docs/tasks.md as a folder."""
    for path, block in re.findall(r"^`pack/(\S+)`\n\n```\w+\n(.*?)^```", TASKS, re.M | re.S):
        file = tmp_path / "pack" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block)
    return tmp_path / "pack"


class Silent:
    def phase(self, words):
        pass

    def calibrated(self, calibration):
        pass

    def told(self, trial):
        pass


def test_the_example_is_a_task_that_can_be_searched(pack, tmp_path):
    task = load_task(pack)
    assert task.seed.files.keys() == {"schedule.py"}
    store = open_store(tmp_path / "store")
    try:
        settings = RunSettings(str(pack), trials=2, proposers=("tune",), sandbox="process")
        run = new_run(store, task, settings).name

        async def search():
            return await (await assemble(store, run, Silent())).go()

        assert asyncio.run(asyncio.wait_for(search(), 60)) is RunStatus.FINISHED
        summary = summarize(store, run, task)
        assert summary["baseline"]["objective"]["value"] > 600
        assert summary["trials"] == 2
        held_out = summary["held_out"]
        assert held_out is None or held_out["verdict"] != Verdict.WINNER
    finally:
        store.close()
