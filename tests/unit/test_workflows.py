"""Workflows and actions, those shown in the documents too: valid, and they give nothing away.

They run on GitHub's machines alone, so that here they can only be read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from adrs.cli import app
from adrs.model.verification import Standing

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/verify"
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
PAGE = (ROOT / "docs/ci.md").read_text()
FENCE = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tool(name):
    return Path(sys.executable).with_name(name)


def read(text):
    return YAML(typ="safe", pure=True).load(text)


def texts():
    """Everything that is a workflow or an action, by its place."""
    found = {
        str(path.relative_to(ROOT)): path.read_text()
        for path in (ROOT / ".github").rglob("*.y*ml")
        if path.parent.name == "workflows" or path.stem == "action"
    }
    for document in DOCUMENTS:
        for number, block in enumerate(FENCE.findall(document.read_text()), 1):
            if "jobs" in (read(block) or ()):
                found[f"{document.relative_to(ROOT)} block {number}"] = block
    return found


TEXTS = texts()
each = pytest.mark.parametrize(
    "text", [pytest.param(text, id=name) for name, text in TEXTS.items()]
)


def jobs(content):
    return list(content.get("jobs", {}).values())


def steps(content):
    found = [step for job in jobs(content) for step in job.get("steps", [])]
    return found + content.get("runs", {}).get("steps", [])


def faults(text):
    """What a workflow or an action does that ours never do."""
    content = read(text)
    found = []
    if "jobs" in content:
        on = content["on"]
        triggers = {on} if isinstance(on, str) else set(on)
        usual = {"push", "pull_request", "schedule", "workflow_dispatch"}
        found += [f"trigger {name}" for name in sorted(triggers - usual)]
        if content.get("permissions") not in ({}, {"contents": "read"}):
            found.append("permissions")
        found += ["permissions of a job" for job in jobs(content) if "permissions" in job]
    if re.search(r"\bsecrets\b|github\.token|GITHUB_TOKEN", text):
        found.append("secrets")
    if "zizmor:" in text:
        found.append("a silenced finding")
    for step in steps(content):
        uses = step.get("uses", "")
        if "${{" in step.get("run", ""):
            found.append("an expression in a script")
        if uses and not re.fullmatch(r"\$/[\w./-]+|[\w./-]+@[0-9a-f]{40}", uses):
            found.append(f"{uses} is not pinned")
        if uses and "@" in uses and not re.search(rf"{re.escape(uses)} # \S+", text):
            found.append(f"nothing says which version {uses} is")
        kept = (step.get("with") or {}).get("persist-credentials") is not False
        if uses.startswith("actions/checkout@") and kept:
            found.append("credentials stay")
    return found


@each
def test_nothing_is_given_away(text):
    assert faults(text) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  pull_request:", "  pull_request_target:", "trigger pull_request_target"),
        ("  contents: read", "  contents: write", "permissions"),
        ("permissions:\n  contents: read", "", "permissions"),
        ("    runs-on:", "    permissions: write-all\n    runs-on:", "permissions of a job"),
        ("places: tasks", "places: ${{ secrets.KEY }}", "secrets"),
        ("places: tasks", "places: tasks # zizmor: ignore[x]", "a silenced finding"),
        (
            "- uses: $/",
            "- run: echo ${{ github.ref }}\n      - uses: $/",
            "an expression in a script",
        ),
        ("$/.github/actions/verify", "one/two@v3", "one/two@v3 is not pinned"),
        ("          persist-credentials: false\n", "", "credentials stay"),
    ],
)
def test_the_check_finds_faults(old, new, fault):
    text = TEXTS[".github/workflows/verify-winners.yml"]
    assert text.count(old) == 1
    assert fault in faults(text.replace(old, new))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository that has all of them, where tools look for them."""
    root = tmp_path_factory.mktemp("repository")
    for number, (name, text) in enumerate(TEXTS.items()):
        kind = "workflows" if "jobs" in read(text) else f"actions/{number}"
        file = root / ".github" / kind / ("action.yml" if "actions" in kind else f"{number}.yml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}\n{text}")
    return root


def checked(*command, cwd=None):
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_all_are_of_the_form_that_is_published(repository):
    for kind, files in (
        ("workflows", sorted(repository.glob(".github/workflows/*"))),
        ("actions", sorted(repository.glob(".github/actions/*/action.yml"))),
    ):
        assert files
        schema = f"vendor.github-{kind}"
        status, said = checked(tool("check-jsonschema"), "--builtin-schema", schema, *files)
        assert status == 0, said


def test_zizmor_finds_nothing(repository):
    command = [tool("zizmor"), "--offline", "--no-config", "--no-progress", "--persona=pedantic"]
    status, said = checked(*command, repository)
    assert status == 0, said


def test_zizmor_would_find_something(tmp_path):
    workflow = tmp_path / "x.yml"
    text = TEXTS[".github/workflows/verify-winners.yml"]
    workflow.write_text(text.replace("  pull_request:", "  pull_request_target:"))
    status, said = checked(tool("zizmor"), "--offline", "--no-config", "--no-progress", workflow)
    assert status != 0
    assert "dangerous-triggers" in said


def test_scripts_pass_shellcheck(tmp_path):
    scripts = [ROOT / ".ci/run"]
    for name, text in TEXTS.items():
        for number, step in enumerate(steps(read(text))):
            if "run" in step:
                script = tmp_path / f"{re.sub(r'[^a-z]', '-', name)}-{number}.sh"
                script.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{step['run']}")
                scripts.append(script)
    assert len(scripts) > 3
    status, said = checked(tool("shellcheck"), *scripts)
    assert status == 0, said


def test_every_python_of_the_project_verifies():
    prefix = "Programming Language :: Python :: 3."
    ours = [name.split(" :: ")[-1] for name in PROJECT["classifiers"] if name.startswith(prefix)]
    for name in ("ci", "verify-winners"):
        (job,) = jobs(read(TEXTS[f".github/workflows/{name}.yml"]))
        assert job["strategy"]["matrix"]["python"] == ours


# --- the action ------------------------------------------------------------------------------

INPUTS = read((ACTION / "action.yml").read_text())["inputs"]
OUTPUTS = read((ACTION / "action.yml").read_text())["outputs"]


def test_the_default_trusts_no_judge_that_came_along():
    assert INPUTS["trust-bundled-judge"]["default"] == "false"
    assert INPUTS["trust-bundled-judge"]["description"].startswith("WARNING")
    assert INPUTS["allow-inconclusive"]["default"] == "false"


def test_inputs_and_outputs_are_documented():
    rows = re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)
    assert rows == [*INPUTS, *OUTPUTS]


def test_inputs_are_options_of_the_command():
    command = typer.main.get_command(app).commands["verify"]
    options = {name for one in command.params for name in one.opts}
    others = {"places", "python-version", "adrs"}
    assert {f"--{name}" for name in INPUTS.keys() - others} <= options


def test_there_is_an_output_for_every_standing():
    names = {standing.lower().replace("_", "-") for standing in Standing}
    assert OUTPUTS.keys() == names | {"not-checked"}


ANSWER = {
    "certificates": [
        {
            "place": "a/1",
            "task": "t",
            "standing": "HOLDS",
            "reason": "better",
            "judge": "installed",
        },
        {"place": "a/2", "task": "t", "standing": "CHANGED", "changed": ["judge.py", "task.toml"]},
        {"place": "a/3", "task": "t", "standing": "HOLDS", "judge": "bundled", "signature": "ada"},
    ],
    "errors": [{"place": "a/4", "error": "no task", "exit_status": 2}],
    "exit_status": 2,
}


class Step:
    """The action's last step, as a build server runs it."""

    def __init__(self, folder):
        self.folder = folder
        self.outputs, self.summary = folder / "outputs", folder / "summary"
        self.arguments = folder / "arguments"

    def __call__(self, adrs, **inputs):
        (self.folder / "temporary").mkdir(exist_ok=True)
        given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        files = {"GITHUB_OUTPUT": self.outputs, "GITHUB_STEP_SUMMARY": self.summary}
        return subprocess.run(
            [sys.executable, "-I", ACTION / "verify.py", adrs],
            cwd=self.folder,
            env={**os.environ, "RUNNER_TEMP": str(self.folder / "temporary"), **files, **given},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def command(self, answer, status):
        """A command that takes note of its arguments, and says and ends as told."""
        said, command = self.folder / "said", self.folder / "adrs"
        said.write_text(answer if isinstance(answer, str) else json.dumps(answer) + "\n")
        printed = shutil.which("printf")
        command.write_text(
            f"#!/bin/sh\n{printed} '%s\\n' \"$@\" > '{self.arguments}'\n"
            f"echo '::error::hello' >&2\ncat '{said}'\nexit {status}\n"
        )
        command.chmod(0o755)
        return command

    def counts(self):
        return dict(line.split("=") for line in self.outputs.read_text().splitlines())


@pytest.fixture
def step(tmp_path):
    return Step(tmp_path)


def test_the_answer_becomes_counts_a_table_and_an_exit_status(step):
    done = step(step.command(ANSWER, 2), places="a")
    assert done.returncode == 2
    assert step.counts() == {
        "holds": "2",
        "does-not-hold": "0",
        "changed": "1",
        "inconclusive": "0",
        "not-checked": "1",
    }
    page = step.summary.read_text()
    for words in ("a/1", "better", "judge.py; task.toml", "ada", "no task", "not checked"):
        assert f"<code>{words}</code>" in page
    assert "agrees with itself" in page


def test_inputs_become_arguments_and_nothing_else(step):
    hostile = "--store=x; $(touch evil) `touch evil`"
    inputs = {"task": "a b", "workloads": "", "junit": "x.xml", "trusted_keys": "$HOME"}
    done = step(
        step.command(ANSWER, 0),
        places=f"  one two \n\n{hostile}\n",
        **inputs,
        allow_inconclusive="true",
        trust_bundled_judge="false",
    )
    assert done.returncode == 0
    assert step.arguments.read_text().splitlines() == [
        "verify",
        "--json",
        "--task=a b",
        "--trusted-keys=$HOME",
        "--junit=x.xml",
        "--allow-inconclusive",
        "--",
        "one two",
        hostile,
    ]
    assert not (step.folder / "evil").exists()


def test_a_switch_is_true_or_false(step):
    done = step(step.command(ANSWER, 0), trust_bundled_judge="yes")
    assert done.returncode == 2
    assert "trust-bundled-judge" in done.stderr
    assert not step.arguments.exists()


def test_what_a_certificate_says_is_text(step):
    hostile = "<img src=x>\n\n# big | [a](http://b) @everyone ::error::x \x1b[31m" + "x" * 1000
    one = dict.fromkeys(("place", "task", "reason", "judge", "signature"), hostile)
    answer = {"certificates": [{**one, "standing": "HOLDS\nchanged=9"}], "errors": []}
    step(step.command(answer, 0))
    page = step.summary.read_text().rstrip("\n")
    assert "<img" not in page
    assert "\n\n" not in page
    assert "\x1b" not in page
    assert len(page) < 6000
    outside = re.sub(r"<code>.*?</code>", "", page)
    assert "everyone" not in outside
    assert "http" not in outside
    assert step.counts()["changed"] == "0"


def test_what_is_logged_commands_nothing(step):
    log = step(step.command(ANSWER, 0)).stdout.splitlines()
    token = log[0].removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert log[1:] == [f"::{token}::"]
    assert step(step.command(ANSWER, 0)).stdout.splitlines()[0] != log[0]


@pytest.mark.parametrize("answer", ["", "killed\n", "[1]\n"])
def test_no_answer_is_said(step, answer):
    assert step(step.command(answer, 137)).returncode == 137
    assert "exit status 137" in step.summary.read_text()
    assert set(step.counts().values()) == {"0"}


def test_a_build_that_verified_nothing_is_not_green(step):
    (step.folder / "empty").mkdir()
    done = step(tool("adrs"), places="empty")
    assert done.returncode == 2
    assert "Nothing was verified" in step.summary.read_text()
    assert set(step.counts().values()) == {"0"}


def test_a_broken_certificate_is_not_green(step):
    folder = step.folder / "winners" / "::error::<b>"
    folder.mkdir(parents=True)
    (folder / "certificate.json").write_text("{}")
    done = step(tool("adrs"), places="winners")
    assert done.returncode == 1
    assert step.counts() | {"changed": "0"} == dict.fromkeys(step.counts(), "0")
    assert step.counts()["changed"] == "1"
    assert "<code>winners/::error::&lt;b&gt;</code>" in step.summary.read_text()
