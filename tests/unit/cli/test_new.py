"""`adrs new` and `adrs init`: what is written where, and what is refused."""

from __future__ import annotations

import ast
import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from unit.cli.door import adrs
from unit.test_documents import command_lines, fault
from unit.test_workflows import checked, faults, tool

from adrs import load_task
from adrs.templates import filled

KINDS = ["task", "evaluator", "proposer", "sandbox"]
PACKAGES = [["task", "--package"], ["evaluator"], ["proposer"], ["sandbox"]]


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", PACKAGES, ids=lambda kind: kind[0])
@pytest.mark.parametrize("name", ["tidy", "a-b_c"])
def test_a_package_has_the_name_everywhere(tmp_path: Path, kind: list[str], name: str) -> None:
    done = adrs(tmp_path, "new", *kind, name)
    assert done.code == 0, done.err
    made = files_of(tmp_path / name)
    project = tomllib.loads(made["pyproject.toml"])
    assert project["project"]["name"] == f"adrs-{kind[0]}-{name}"
    [points] = project["project"]["entry-points"].values()
    [(point, value)] = points.items()
    assert point == name
    module = f"adrs_{kind[0]}_{name.replace('-', '_')}"
    assert value == module if kind[0] == "task" else value.startswith(f"{module}:")
    for path, text in made.items():
        assert path in done.out
        for left in ("my-name", "my_name", "MyName", "0.0.0"):
            assert left not in path + text
        if path.endswith(".py"):
            ast.parse(text)
    assert {".gitignore", "README.md", f"tests/test_{name.replace('-', '_')}.py"} <= made.keys()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("proposer", "candidate"), ("sandbox", "session"), ("evaluator", "program")],
)
def test_a_name_hides_nothing_that_its_package_imports(
    tmp_path: Path, kind: str, name: str
) -> None:
    adrs(tmp_path, "new", kind, name)
    for path, text in files_of(tmp_path / name).items():
        if path.endswith(".py"):
            body = ast.parse(text).body
            imported = {
                alias.asname or alias.name
                for one in body
                if isinstance(one, ast.Import | ast.ImportFrom)
                for alias in one.names
            }
            made = {one.name for one in body if isinstance(one, ast.ClassDef)}
            assert not made & imported, path


def test_a_task_is_its_folder_and_nothing_else(tmp_path: Path) -> None:
    done = json.loads(adrs(tmp_path, "new", "task", "tidy", "--into", "deep/er", "--json").out)
    assert done["folder"] == "deep/er/tidy"
    assert done["kind"] == "task"
    made = files_of(tmp_path / "deep/er/tidy")
    assert sorted(made) == done["files"]
    assert "pyproject.toml" not in made
    task = load_task(tmp_path / "deep/er/tidy")
    assert task.name == "tidy"
    assert {"exponential"} == task.references.keys()
    for kind in ("good", "bad", "cheats"):
        assert any(path.startswith(f"checks/{kind}/") for path in made)
    judge = ast.parse(made["judge.py"])
    functions = [
        one for one in judge.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) <= 3
    adrs(tmp_path, "new", "task", "tidy", "--package")
    assert load_task(tmp_path / "tidy/tidy").digest == task.digest


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_are_named_next_can_be_typed(tmp_path: Path, kind: str) -> None:
    after = json.loads(adrs(tmp_path, "new", kind, "tidy", "--json").out)["next"]
    ours = [line for line in after if line.startswith("adrs ")]
    assert ours
    assert [fault(line) for line in ours if fault(line)] == []
    for page in tmp_path.rglob("README.md"):
        assert [fault(line) for line in command_lines(page) if fault(line)] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Tidy Up", "tidy-up"),
        ("../tidy", "tidy"),
        ("1st", "st"),
        ("tidy-", "tidy"),
        ("x" * 41, "x" * 40),
        ("\x1b[2J", "j"),
        ("", None),
        ("größe", "gr-e"),
    ],
)
def test_what_is_no_name_is_refused_with_one_that_is(
    tmp_path: Path, kind: str, name: str, instead: str | None
) -> None:
    done = adrs(tmp_path, "new", kind, name, "--json")
    assert done.code == 2
    said = json.loads(done.out)["error"]
    assert f"is no {kind}'s name" in said
    assert said.endswith(f"for instance {instead or f'my-{kind}'}")
    assert "\x1b" not in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("evaluator", "judge", "has a plug-in judge in adrs.evaluators"),
        ("proposer", "tune", "has a plug-in tune in adrs.proposers"),
        ("sandbox", "process", "has a plug-in process in adrs.sandboxes"),
        ("sandbox", "auto", "--sandbox auto chooses among them"),
    ],
)
def test_a_name_that_is_taken_is_refused(tmp_path: Path, kind: str, name: str, said: str) -> None:
    done = adrs(tmp_path, "new", kind, name)
    assert done.code == 2
    assert said in done.err
    assert "choose another" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_kind_is_free(tmp_path: Path) -> None:
    assert adrs(tmp_path, "new", "sandbox", "judge").code == 0


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tidy").mkdir()
    done = adrs(tmp_path, "new", "task", "tidy")
    assert done.code == 2
    assert "tidy is there already" in done.err
    assert "--into" in done.err
    assert list((tmp_path / "tidy").iterdir()) == []
    (tmp_path / "file").touch()
    done = adrs(tmp_path, "new", "task", "neat", "--into", "file")
    assert done.code == 2
    assert "cannot be written: Not a directory" in done.err
    (tmp_path / "lost").symlink_to("nowhere")
    assert "lost is there already" in adrs(tmp_path, "new", "task", "lost").err


def test_a_template_is_text_with_names_in_it() -> None:
    assert filled("task", "one").keys() == filled("task", "two").keys()
    differing = {
        path
        for path, content in filled("task", "one").items()
        if content != filled("task", "two")[path]
    }
    assert differing == {"task.toml"}


# --- adrs init -------------------------------------------------------------------------------


def test_a_project_is_made_whole(tmp_path: Path) -> None:
    done = json.loads(adrs(tmp_path, "init", "lab", "--task", "tidy", "--json").out)
    assert done["files"] == sorted(files_of(tmp_path / "lab"))
    assert load_task(tmp_path / "lab/tasks/tidy").name == "tidy"
    assert ".adrs/" in (tmp_path / "lab/.gitignore").read_text().splitlines()
    pins = (tmp_path / "lab/tasks/requirements.txt").read_text().splitlines()
    assert pins[-1].startswith("adrs-lab==")
    assert done["next"][0] == "cd lab"
    ours = [line for line in done["next"] if line.startswith("adrs ")]
    ours += command_lines(tmp_path / "lab/tasks/README.md")
    assert len(ours) > 5
    assert [fault(line) for line in ours if fault(line)] == []


def test_the_workflow_holds_what_ours_hold(tmp_path: Path) -> None:
    adrs(tmp_path, "init")
    workflow = tmp_path / ".github/workflows/verify-winners.yml"
    assert faults(workflow.read_text()) == []
    schema = ("--builtin-schema", "vendor.github-workflows")
    status, said = checked(tool("check-jsonschema"), *schema, workflow)
    assert status == 0, said
    strict = ("--offline", "--no-config", "--no-progress", "--persona=pedantic")
    status, said = checked(tool("zizmor"), *strict, tmp_path)
    assert status == 0, said


def test_a_repository_that_is_there_already_is_added_to(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.o\n")
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ci.yml").write_text("mine")
    done = adrs(tmp_path, "init")
    assert done.code == 0, done.err
    assert "echo .adrs/ >> .gitignore" in done.out
    made = files_of(tmp_path)
    assert made["README.md"] == made[".github/workflows/ci.yml"] == "mine"
    assert made[".gitignore"] == "*.o\n"
    assert load_task(tmp_path / "tasks/example")


def test_a_gitignore_that_knows_the_store_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.o\n.adrs/\n")
    assert ">> .gitignore" not in adrs(tmp_path, "init").out


def test_what_is_to_be_added_to_a_gitignore_becomes_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.o")
    done = json.loads(adrs(tmp_path, "init", "--json").out)
    for line in done["next"]:
        if ">>" in line:
            subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / ".gitignore").read_text() == "*.o\n.adrs/\n"


def test_init_says_how_a_project_gets_another_task(tmp_path: Path) -> None:
    adrs(tmp_path, "init")
    for again in (["init"], ["init", "--task", "next"]):
        done = adrs(tmp_path, *again)
        assert done.code == 2
        assert "adrs new task NAME --into tasks" in done.err


def test_init_overwrites_nothing_and_says_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/README.md").write_text("mine")
    done = adrs(tmp_path, "init")
    assert done.code == 2
    assert "is there already: tasks/README.md" in done.err
    assert files_of(tmp_path) == {"tasks/README.md": "mine"}
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost/.gitignore").symlink_to("nowhere")
    assert "already: lost/.gitignore" in adrs(tmp_path, "init", "lost").err
    assert [path.name for path in (tmp_path / "lost").iterdir()] == [".gitignore"]
    assert adrs(tmp_path, "init", "--task", "No").code == 2


def test_init_does_not_mix_a_task_with_another(tmp_path: Path) -> None:
    (tmp_path / "tasks/example/program").mkdir(parents=True)
    done = adrs(tmp_path, "init")
    assert done.code == 2
    assert "tasks/example" in done.err
