"""From a task's folder to a Task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from adrs.config._files import digest_listing, read_program, task_digests
from adrs.config._form import Document, Form, nearest, shown
from adrs.config._units import is_unit, nearest_unit
from adrs.errors import ConfigError
from adrs.model.metric import Aggregate, Constraint, Meter, Metric, Objective
from adrs.model.program import Program
from adrs.model.task import Brief, Environment, EvaluatorChoice, Limits, Split, Stage, Task
from adrs.plugins import installed_plugins, task_folder

R = TypeVar("R")

_TABLES = (
    "task",
    "program",
    "evaluator",
    "objective",
    "metric",
    "constraint",
    "limits",
    "stage",
    "generator",
    "environment",
)
_END_OF_STATEMENT = "<!-- not for proposers -->"
_METER_UNITS = {Meter.CPU_S: "s", Meter.WALL_S: "s", Meter.PEAK_MB: "MiB"}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9./:@_-]{0,254}")
_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?:=[a-zA-Z0-9][a-zA-Z0-9.+:~-]*)?")
_ENTRY = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::[A-Za-z_]\w*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _TaskTable:
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class _ProgramTable:
    editable: tuple[str, ...]
    entry: str = ""
    root: str = "program"


@dataclass(frozen=True, slots=True)
class _ObjectiveTable:
    metric: str
    aggregate: Aggregate = Aggregate.MEAN
    min_effect: float = 0.01
    reference: str | None = None


def load_task(folder_or_name: str | Path) -> Task:
    """Reads a task: a folder with a task.toml, or the name of an installed one.

    Nothing of the task is imported or run.

    Raises:
        ConfigError: there is no such folder, and no such name is installed.
        ConfigError: something in task.toml is wrong; the message names file, table and key.
        ConfigError: a piece is missing: task.toml, README.md, the program, its entry, judge.py.
        ProgramError: the seed or a reference is not a program.
    """
    folder = _find(folder_or_name)
    file = folder / "task.toml"
    if not file.is_file():
        raise ConfigError(
            f"{folder} has no task.toml, so it is no task; docs/tasks.md shows how to write one"
        )
    document = Document.read(file, _TABLES)

    heading = _heading(document.table("task"))
    metrics = _metrics(document)
    constraints = tuple(_constraint(form, metrics) for form in document.array("constraint"))
    evaluator = _evaluator(folder, document.table("evaluator"))
    program_form = document.table("program")
    layout = program_form.into(_ProgramTable)
    seed = _seed(folder, program_form, layout)
    if evaluator.use == "judge":
        _check_entry(folder, program_form, layout, seed)
    _check_editable(program_form, layout, seed)
    references = _references(folder, seed)
    files = task_digests(folder)
    brief = Brief(
        name=heading.name,
        title=heading.title,
        statement=_statement(folder / "README.md"),
        editable=layout.editable,
        entry=layout.entry,
        objective=_objective(document.table("objective"), metrics, references),
        metrics=tuple(metrics.values()),
        constraints=constraints,
        limits=_limits(document.table("limits")),
    )
    return Task(
        brief=brief,
        folder=folder,
        seed=seed,
        evaluator=evaluator,
        stages=_stages(document),
        environment=_environment(document.table("environment")),
        generator=_generator(document.table("generator")),
        references=references,
        digest=digest_listing(files),
        files=files,
    )


def read_options(task: Task, record: type[R]) -> R:
    """What an evaluator finds in the task's `[evaluator.options]`, as a record of its own.

    Args:
        record: a dataclass: its fields are the keys, their defaults what may be left out. They
            are of type str, bool, int, float, a StrEnum or tuple[str, ...].

    Raises:
        ConfigError: a key that the record does not have, or that it needs and is absent.
        ConfigError: a value of the wrong type.
    """
    file = task.folder / "task.toml"
    return Form(file, "[evaluator.options]", task.evaluator.options).into(record)


def _find(folder_or_name: str | Path) -> Path:
    path = Path(folder_or_name)
    if path.is_dir():
        return path.resolve()
    if path.exists():
        raise ConfigError(f"{path} is a file; name the task's folder: {path.parent}")
    installed = {plugin.name for plugin in installed_plugins("adrs.tasks")}
    if str(path) in installed:
        return task_folder(str(path)).resolve()
    places = {path.parent, Path("tasks")}
    beside = {str(one.parent) for place in places for one in place.glob("*/task.toml")}
    known = sorted(installed | beside)
    by_last_name = {Path(name).name: name for name in known}
    meant = nearest(str(path), known) or by_last_name.get(nearest(path.name, by_last_name) or "")
    hint = f"did you mean {meant}? " if meant else ""
    listed = ", ".join(known) if known else "none here; a task folder is named by its path"
    raise ConfigError(f"no folder and no installed task is named {path}; {hint}tasks: {listed}")


def _heading(form: Form) -> _TaskTable:
    heading = form.into(_TaskTable)
    rule = "a small letter, then small letters, digits, '_' or '-', at most 64 in all"
    form.require(_NAME.fullmatch(heading.name) is not None, "name", rule)
    form.require(heading.title.strip() != "", "title", "a short phrase")
    return heading


def _metrics(document: Document) -> dict[str, Metric]:
    forms = document.array("metric")
    if not forms:
        raise ConfigError(
            f"{document.file} declares no metric; add [[metric]] with name, direction and unit"
        )
    metrics: dict[str, Metric] = {}
    for form in forms:
        metric = form.into(Metric)
        form.require(metric.name != "", "name", "a name")
        form.require(metric.name not in metrics, "name", "a name that no other metric has")
        if not is_unit(metric.unit):
            meant = nearest_unit(metric.unit)
            hint = (
                f"did you mean {shown(meant)}?" if meant else 'use "count" or "1" for a pure number'
            )
            raise form.error(
                "unit", f"must be a unit such as ms, GB/s or USD, not {shown(metric.unit)}; {hint}"
            )
        if metric.meter is not None:
            measured = _METER_UNITS[metric.meter]
            form.require(
                metric.unit == measured,
                "unit",
                f"{shown(measured)}, in which the sandbox measures {metric.meter}",
            )
            if metric.timing:
                raise form.error(
                    "timing",
                    f"is for what the judge times, and the sandbox measures {metric.meter}; "
                    "keep one of timing and meter",
                )
        metrics[metric.name] = metric
    return metrics


def _constraint(form: Form, metrics: Mapping[str, Metric]) -> Constraint:
    constraint = form.into(Constraint)
    form.require_known("metric", constraint.metric, metrics, "metric")
    low, high = constraint.at_least, constraint.at_most
    if low is None and high is None:
        raise form.error("at_most", "or at_least must be given; write at_most = 0")
    if low is not None and high is not None:
        form.require(low <= high, "at_least", f"at most {high:g}, the value of at_most")
    return constraint


def _objective(
    form: Form, metrics: Mapping[str, Metric], references: Mapping[str, Program]
) -> Objective:
    goal = form.into(_ObjectiveTable)
    form.require_known("metric", goal.metric, metrics, "metric")
    form.require(goal.min_effect >= 0, "min_effect", "0 or more (0.01 is 1 % better)")
    if goal.reference is not None:
        form.require_known("reference", goal.reference, references, "reference")
    return Objective(metrics[goal.metric], goal.aggregate, goal.min_effect, goal.reference)


def _limits(form: Form) -> Limits:
    limits = form.into(Limits)
    form.require_positive(limits, *form.values)
    return limits


def _evaluator(folder: Path, form: Form) -> EvaluatorChoice:
    choice = form.into(EvaluatorChoice)
    form.require(choice.use != "", "use", 'the name of an evaluator, for instance "judge"')
    form.require_positive(choice, "wall_s")
    form.require(_is_plain(choice.options), "options", "what JSON can carry")
    if choice.use == "judge" and choice.options:
        raise form.error("options", 'is for other evaluators; use = "judge" has none')
    if choice.use == "judge" and not (folder / "judge.py").is_file():
        raise ConfigError(
            f'{folder} has no judge.py, and [evaluator] use = "judge" needs one; '
            "write it with workloads(split, salt) and evaluate(program, workload)"
        )
    return choice


def _stages(document: Document) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    forms = document.array("stage")
    for form in forms:
        stage = form.into(Stage)
        form.require(stage.split in (Split.SMOKE, Split.TRAIN), "split", '"smoke" or "train"')
        form.require_positive(stage, "repeats")
        form.require(stage.split not in [one.split for one in stages], "split", "used only once")
        form.require(
            stage.window is None or stage.window >= 0,
            "window",
            "0 or more (0.2 stops what is more than 20 % worse than the best)",
        )
        stages.append(stage)
    if not stages:
        return (Stage(Split.TRAIN),)
    forms[-1].require(
        stages[-1].split is Split.TRAIN,
        "split",
        '"train" in the last stage, which decides who survives',
    )
    if stages[-1].window is not None:
        raise forms[-1].error(
            "window", "says who goes on to the next stage, and this is the last; leave it out"
        )
    return tuple(stages)


def _environment(form: Form) -> Environment:
    environment = form.into(Environment)
    form.require(
        not environment.base or _IMAGE.fullmatch(environment.base) is not None,
        "base",
        'the name of a container image, such as "python:3.12"',
    )
    for package in environment.debian:
        if not _DEBIAN_PACKAGE.fullmatch(package):
            raise form.error(
                "debian",
                f"has {shown(package)}, which is not the name of a Debian package; write it "
                'as "gcc", or "gcc=4:12.2.0-3" for one version',
            )
    for requirement in environment.python:
        if fault := _requirement_fault(requirement):
            raise form.error(
                "python",
                f"has {shown(requirement)}, {fault}; write a name, and versions if they matter, "
                'as in "numpy>=2,<3"',
            )
    return environment


def _requirement_fault(text: str) -> str:
    """Why it is no plain requirement; "" if it is one."""
    from packaging.requirements import Requirement

    try:
        requirement = Requirement(text)
        if requirement.marker:
            requirement.marker.evaluate()
    except ValueError:
        return "which is not a requirement"
    if requirement.url:
        return "which names a place to fetch it from"
    return "" if text.isprintable() else "which is not printable"


def _generator(form: Form) -> Mapping[str, object]:
    for key, value in form.values.items():
        form.require(
            _is_plain(value), key, "what JSON can carry: text, finite numbers, lists, tables"
        )
    return dict(form.values)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return value - value == 0.0
    return isinstance(value, str | int)


def _seed(folder: Path, form: Form, layout: _ProgramTable) -> Program:
    root = Path(layout.root)
    form.require(
        not root.is_absolute() and ".." not in root.parts and root.parts != (),
        "root",
        'a folder inside the task, for instance "program"',
    )
    if not (folder / root).is_dir():
        raise ConfigError(
            f"{folder} has no folder {layout.root}/ with the seed program; "
            "make it, or correct [program] root"
        )
    return read_program(folder / root)


def _check_editable(form: Form, layout: _ProgramTable, seed: Program) -> None:
    form.require(layout.editable != (), "editable", 'a list of globs, for instance ["policy.py"]')
    for glob in layout.editable:
        if not any(fnmatchcase(path, glob) for path in seed.files):
            raise form.error(
                "editable", f"has {shown(glob)}, which matches no file of {_listed(seed)}"
            )


def _check_entry(folder: Path, form: Form, layout: _ProgramTable, seed: Program) -> None:
    """A judge calls functions of a module, so there must be one."""
    if not layout.entry:
        raise form.error("entry", 'is missing: the module that the judge calls, such as "policy"')
    matched = _ENTRY.fullmatch(layout.entry)
    if matched is None:
        raise form.error(
            "entry", f'must be like "policy:Policy" or "policy", not {shown(layout.entry)}'
        )
    module = matched[1].replace(".", "/")
    if f"{module}.py" not in seed.files and f"{module}/__init__.py" not in seed.files:
        raise ConfigError(
            f"{folder / layout.root} has no {module}.py, the module of [program] entry = "
            f"{shown(layout.entry)}; write it, or name one of {_listed(seed)}"
        )


def _references(folder: Path, seed: Program) -> dict[str, Program]:
    root = folder / "references"
    if not root.is_dir():
        return {}
    references = {}
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in ("README.md", "__pycache__"):
            continue
        if path.is_symlink() or not path.is_dir():
            raise ConfigError(
                f"{path} is not a folder; a reference is a folder of program files, "
                f"references/{path.stem}/"
            )
        references[path.name] = seed.replacing(read_program(path).files)
    return references


def _statement(file: Path) -> str:
    if not file.is_file():
        raise ConfigError(f"{file.parent} has no README.md; write the problem's statement there")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8; save it as UTF-8") from error
    lines = text.splitlines()
    end = next((at for at, line in enumerate(lines) if line.strip() == _END_OF_STATEMENT), None)
    statement = "\n".join(lines[:end]).strip()
    if not statement:
        raise ConfigError(f"{file} says nothing to proposers; write the problem's statement first")
    return statement


def _listed(program: Program) -> str:
    names = list(program.files)
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
