import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from adrs import (
    Aggregate,
    ConfigError,
    Constraint,
    Direction,
    Environment,
    Limits,
    Meter,
    Metric,
    Program,
    ProgramError,
    Split,
    Stage,
    Task,
    load_task,
    read_options,
)

TASK = """
[task]
name = "queue"
title = "Serve a queue in time"
[program]
root = "program"
editable = ["policy.py"]
entry = "policy:Policy"
[evaluator]
use = "judge"
deterministic = true
wall_s = 30
[objective]
metric = "p99_ms"
aggregate = "mean"
min_effect = 0.02
reference = "textbook"
[[metric]]
name = "p99_ms"
direction = "minimize"
unit = "ms"
[[metric]]
name = "dropped"
direction = "minimize"
unit = "count"
[[constraint]]
metric = "dropped"
at_most = 0
[limits]
wall_s = 5
cpu_s = 4.5
memory_mb = 256
processes = 2
output_mb = 1
files_mb = 8
[[stage]]
split = "smoke"
[[stage]]
split = "train"
repeats = 3
[generator]
load = [0.5, 0.9]
[environment]
base = "python:3.11"
python = ["numpy==2.4.*"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "place" / "queue"
    for name, text in {
        "task.toml": TASK,
        "README.md": "Serve them.\n\n<!-- not for proposers -->\nThe trick is to sort.\n",
        "judge.py": "raise RuntimeError('the engine imported the judge')\n",
        "program/policy.py": "raise RuntimeError('the engine imported the program')\n",
        "program/table.txt": "1\n",
        "program/__pycache__/policy.pyc": "old",
        "references/textbook/policy.py": "class Policy: sorts = True\n",
        "workloads/trace.csv": "1,2\n",
        "checks/cheat/policy.py": "",
        "winners/1.json": "{}",
    }.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return home


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "task.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def message(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_task(folder)
    return str(caught.value)


def test_every_key_arrives(folder: Path) -> None:
    task = load_task(folder)
    p99 = Metric("p99_ms", Direction.MINIMIZE, "ms")
    assert (task.name, task.brief.title) == ("queue", "Serve a queue in time")
    assert task.brief.statement == "Serve them."
    assert (task.brief.editable, task.brief.entry) == (("policy.py",), "policy:Policy")
    assert task.objective.metric == p99
    assert task.objective.aggregate is Aggregate.MEAN
    assert (task.objective.min_effect, task.objective.reference) == (0.02, "textbook")
    assert task.brief.metrics == (p99, Metric("dropped", Direction.MINIMIZE, "count"))
    assert task.brief.constraints == (Constraint("dropped", at_most=0.0),)
    assert task.brief.limits == Limits(5.0, 4.5, 256, 2, 1, 8)
    assert (task.evaluator.use, task.evaluator.deterministic, task.evaluator.wall_s) == (
        "judge",
        True,
        30.0,
    )
    assert task.stages == (Stage(Split.SMOKE), Stage(Split.TRAIN, 3))
    assert task.generator == {"load": [0.5, 0.9]}
    assert (task.environment.base, task.environment.python) == ("python:3.11", ("numpy==2.4.*",))
    assert task.folder == folder.resolve()


def test_a_whole_environment_arrives(folder: Path) -> None:
    file = folder / "task.toml"
    head, _, _ = file.read_text().partition("[environment]")
    wanted = Environment(
        base="registry.example.org:5000/team/python@sha256:0a",
        debian=("g++", "libssl-dev", "gcc=4:12.2.0-3~deb12u1"),
        python=("numpy>=2,<3", "scipy[all] ~= 1.0; python_version > '3'", "six"),
        from_source=True,
    )
    values = asdict(wanted) | {"debian": list(wanted.debian), "python": list(wanted.python)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    file.write_text("\n".join([head, "[environment]", *lines]))
    assert load_task(folder).environment == wanted


def test_timings_meters_and_windows_arrive(folder: Path) -> None:
    change(folder, 'unit = "ms"', 'unit = "ms"\ntiming = true')
    change(folder, 'unit = "count"', 'unit = "MiB"\nmeter = "peak_mb"')
    change(folder, 'split = "smoke"', 'split = "smoke"\nwindow = 0')
    task = load_task(folder)
    assert task.brief.metrics == (
        Metric("p99_ms", Direction.MINIMIZE, "ms", timing=True),
        Metric("dropped", Direction.MINIMIZE, "MiB", meter=Meter.PEAK_MB),
    )
    assert task.timed
    assert task.stages == (Stage(Split.SMOKE, window=0.0), Stage(Split.TRAIN, 3))


def test_what_may_be_left_out(folder: Path) -> None:
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(
        text[: text.index("[[constraint]]")].replace('reference = "textbook"', "")
    )
    task = load_task(folder)
    assert task.stages == (Stage(Split.TRAIN),)
    assert task.brief.limits == Limits()
    assert (task.generator, task.brief.constraints) == ({}, ())


def test_the_seed_leaves_out_compiled_files_and_a_reference_completes_itself(folder: Path) -> None:
    task = load_task(folder)
    assert list(task.seed.files) == ["policy.py", "table.txt"]
    textbook = task.references["textbook"]
    assert textbook == Program({"policy.py": b"class Policy: sorts = True\n", "table.txt": b"1\n"})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wall_s = 5", "wal_s = 5", "[limits] has no key 'wal_s'; did you mean 'wall_s'?"),
        ("[limits]", "[limit]", "has no table [limit]; did you mean [limits]?"),
        ("[[stage]]", "[[round]]\n[[stage]]", "has no table [round]; it may have task, program"),
        ('title = "Serve a queue in time"', "", "[task] needs 'title'; write title = \"...\""),
        ("wall_s = 5", 'wall_s = "5"', 'must be a finite number, not "5"; write wall_s = 5'),
        ("wall_s = 5", "wall_s = nan", "[limits] wall_s must be a finite number"),
        ("memory_mb = 256", "memory_mb = 1.5", "memory_mb must be a whole number, not 1.5"),
        ("processes = 2", "processes = true", "processes must be a whole number, not true"),
        ("processes = 2", "processes = 0", "[limits] processes must be above 0, not 0"),
        ("deterministic = true", 'deterministic = "true"', "write deterministic = true"),
        ('editable = ["policy.py"]', 'editable = "policy.py"', 'write editable = ["policy.py"]'),
        ('editable = ["policy.py"]', "editable = []", "editable must be a list of globs"),
        ('editable = ["policy.py"]', 'editable = ["*.c"]', 'has "*.c", which matches no file'),
        ('name = "queue"', 'name = "My queue"', "[task] name must be a small letter"),
        ('name = "queue"', "name = 3", 'must be text, not 3; write name = "3"'),
        ('root = "program"', 'root = "../other"', "root must be a folder inside the task"),
        ('root = "program"', 'root = "src"', "has no folder src/ with the seed program"),
        ('entry = "policy:Policy"', 'entry = "police:Policy"', "has no police.py"),
        ('entry = "policy:Policy"', 'entry = "policy.py"', "has no policy/py.py"),
        ('entry = "policy:Policy"', 'entry = "policy:"', 'entry must be like "policy:Policy"'),
        ('entry = "policy:Policy"', "", "[program] entry is missing"),
        ("wall_s = 30", "options = { run = 1 }", 'options is for other evaluators; use = "judge"'),
        ("wall_s = 30", "options = 3", "options must be a table, not 3; write options = { ... }"),
        ('metric = "p99_ms"', 'metric = "p99"', "metric 'p99', which does not exist; did you mean"),
        ('metric = "dropped"', 'metric = "cost"', "[[constraint]] 1 metric names metric 'cost'"),
        ('aggregate = "mean"', 'aggregate = "avg"', '"mean" or "geomean_ratio", not "avg"'),
        ("min_effect = 0.02", "min_effect = -1", "min_effect must be 0 or more"),
        ('reference = "textbook"', 'reference = "textbok"', "did you mean 'textbook'?"),
        ('direction = "minimize"', 'direction = "minimise"', 'did you mean "minimize"?'),
        ('name = "dropped"', 'name = "p99_ms"', "[[metric]] 2 name must be a name that no other"),
        ("at_most = 0", "", "at_most or at_least must be given"),
        ("at_most = 0", "at_most = 0\nat_least = 1", "at_least must be at most 0"),
        ('split = "smoke"', 'split = "held_out"', 'split must be "smoke" or "train"'),
        ('split = "smoke"', 'split = "train"', "[[stage]] 2 split must be used only once"),
        ('split = "train"\nrepeats = 3', "", "[[stage]] 2 needs 'split'"),
        ("repeats = 3", "repeats = 0", "[[stage]] 2 repeats must be above 0"),
        (
            'split = "smoke"',
            'split = "smoke"\nwindow = -0.1',
            "[[stage]] 1 window must be 0 or more (0.2 stops what is more than 20 % worse",
        ),
        ("repeats = 3", "window = 0.2", "[[stage]] 2 window says who goes on to the next stage"),
        (
            'unit = "ms"',
            'unit = "ms"\nmeter = "cpu_s"',
            '[[metric]] 1 unit must be "s", in which the sandbox measures cpu_s, not "ms"',
        ),
        (
            'unit = "count"',
            'unit = "MB"\nmeter = "peak_mb"',
            '[[metric]] 2 unit must be "MiB", in which the sandbox measures peak_mb, not "MB"',
        ),
        (
            'unit = "ms"',
            'unit = "s"\nmeter = "wall_s"\ntiming = true',
            "keep one of timing and meter",
        ),
        ('unit = "ms"', 'unit = "s"\nmeter = "cpu"', 'not "cpu"; did you mean "cpu_s"?'),
        ("[0.5, 0.9]", "2024-01-01", "load must be what JSON can carry"),
        ("[0.5, 0.9]", "[0.5, inf]", "load must be what JSON can carry"),
        ("[[constraint]]", "[constraint]", "constraint must be an array of tables; write [["),
        ("[limits]", "[[limits]]", "limits must be one table; write [limits]"),
        ('use = "judge"', 'use = ""', "use must be the name of an evaluator"),
        ("wall_s = 30", "wall_s = 0", "[evaluator] wall_s must be above 0"),
        (
            'base = "python:3.11"',
            'base = "python 3.11"',
            'image, such as "python:3.12", not "python',
        ),
        (
            'base = "python:3.11"',
            'base = "--privileged"',
            "base must be the name of a container ima",
        ),
        ('base = "python:3.11"', "base = 3.11", 'base must be text, not 3.11; write base = "3.11"'),
        (
            "[environment]",
            '[environment]\ndebian = ["gcc g++"]',
            'debian has "gcc g++", which is not',
        ),
        ("[environment]", '[environment]\ndebian = ["-y"]', 'write it as "gcc", or "gcc=4:12'),
        (
            "[environment]",
            '[environment]\ndebian = ["gcc=1 2"]',
            "not the name of a Debian package",
        ),
        ("[environment]", '[environment]\nfrom_source = "true"', "write from_source = true"),
        (
            "numpy==2.4.*",
            "numpy=2.4",
            'python has "numpy=2.4", which is not a requirement; write a',
        ),
        ("numpy==2.4.*", "-r list.txt", 'as in "numpy>=2,<3"'),
        ("numpy==2.4.*", "./numpy", 'python has "./numpy", which is not a requirement'),
        ("numpy==2.4.*", "a; os_name ~= 'b'", "which is not a requirement"),
        ("numpy==2.4.*", "a @ https://example.org/a.zip", "names a place to fetch it from"),
        ("[task]", "[task", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_cure(folder: Path, old: str, new: str, said: str) -> None:
    change(folder, old, new)
    found = message(folder)
    assert said in found
    assert "task.toml" in found or str(folder) in found
    assert "\n" not in found


@pytest.mark.parametrize("unit", ["s", "USD/h", "GB/s", "1", "%", "req/s", "1/s", "us/op"])
def test_known_units(folder: Path, unit: str) -> None:
    change(folder, 'unit = "ms"', f'unit = "{unit}"')
    assert load_task(folder).objective.metric.unit == unit


@pytest.mark.parametrize(
    ("unit", "meant"),
    [("sec", "s"), ("Ms", "ms"), ("$/h", "USD/h"), ("gb/s", "GB/s"), ("", "1"), ("usd", "USD")],
)
def test_an_unknown_unit_names_the_nearest(folder: Path, unit: str, meant: str) -> None:
    change(folder, 'unit = "ms"', f'unit = "{unit}"')
    assert f'not "{unit}"; did you mean "{meant}"?' in message(folder)


def test_a_unit_that_is_like_no_other(folder: Path) -> None:
    change(folder, 'unit = "ms"', 'unit = "zorkmid"')
    assert 'use "count" or "1" for a pure number' in message(folder)


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("task.toml", "has no task.toml"),
        ("README.md", "has no README.md; write the problem's statement"),
        ("judge.py", "has no judge.py"),
        ("program/policy.py", "has no policy.py"),
    ],
)
def test_a_missing_piece_is_named(folder: Path, piece: str, said: str) -> None:
    (folder / piece).unlink()
    assert said in message(folder)


def test_another_evaluator_needs_no_judge(folder: Path) -> None:
    (folder / "judge.py").unlink()
    change(folder, 'use = "judge"', 'use = "wind_tunnel"')
    assert load_task(folder).evaluator.use == "wind_tunnel"


def test_a_statement_that_says_nothing(folder: Path) -> None:
    (folder / "README.md").write_text("\n<!-- not for proposers -->\nall of it\n")
    assert "says nothing to proposers" in message(folder)


def test_a_reference_is_a_folder(folder: Path) -> None:
    (folder / "references" / "quick.py").write_text("")
    assert "references/quick/" in message(folder)


def test_a_link_in_the_seed_is_refused(folder: Path) -> None:
    (folder / "program" / "secret.txt").symlink_to("/etc/hostname")
    with pytest.raises(ProgramError, match=r"'secret.txt' is a link"):
        load_task(folder)


@pytest.mark.parametrize(
    "decides",
    [
        "task.toml",
        "judge.py",
        "simulator.py",
        "program/policy.py",
        "workloads/trace.csv",
        "references/textbook/policy.py",
    ],
)
def test_what_decides_a_measurement_changes_the_digest(folder: Path, decides: str) -> None:
    before = load_task(folder).digest
    path = folder / decides
    path.write_text((path.read_text() if path.exists() else "") + "\n# changed\n")
    assert load_task(folder).digest != before


@pytest.mark.parametrize(
    "harmless",
    ["README.md", "winners/2.json", "checks/more.py", "__pycache__/judge.pyc", ".adrs/x"],
)
def test_what_decides_nothing_does_not(folder: Path, harmless: str) -> None:
    before = load_task(folder).digest
    path = folder / harmless
    path.parent.mkdir(exist_ok=True)
    path.write_text("Serve them all.\n")
    assert load_task(folder).digest == before


def test_a_winner_added_after_the_fact_changes_nothing_of_its_task(folder: Path) -> None:
    shutil.rmtree(folder / "winners")
    before = load_task(folder)
    for name in ("policy.py", "task.toml", "README.md", "judge.py"):
        path = folder / "winners" / "program" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("class Policy: the_trick = True\n")
    (folder / "winners" / "link").symlink_to("program")
    assert load_task(folder) == before


@dataclass(frozen=True)
class Benchmark:
    run: tuple[str, ...]
    warm_up: int = 3


def with_options(folder: Path, options: str) -> Task:
    change(folder, 'entry = "policy:Policy"', "")
    change(folder, 'use = "judge"', f'use = "benchmark"\noptions = {options}')
    (folder / "judge.py").unlink()
    return load_task(folder)


def test_another_evaluator_reads_its_own_options(folder: Path) -> None:
    task = with_options(folder, '{ run = ["./serve", "--once"] }')
    assert read_options(task, Benchmark) == Benchmark(("./serve", "--once"), 3)
    assert task.brief.entry == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("{}", "[evaluator.options] needs 'run'; write run = [\"...\"]"),
        ('{ run = ["a"], warmup = 1 }', "has no key 'warmup'; did you mean 'warm_up'?"),
        ('{ run = "a" }', 'run must be a list of non-empty texts, not "a"; write run = ["a"]'),
    ],
)
def test_wrong_options_are_named(folder: Path, options: str, said: str) -> None:
    task = with_options(folder, options)
    with pytest.raises(ConfigError) as caught:
        read_options(task, Benchmark)
    assert said in str(caught.value)
    assert "task.toml" in str(caught.value)


def test_a_moved_task_keeps_its_digest(folder: Path) -> None:
    before = load_task(folder).digest
    assert load_task(folder.rename(folder.with_name("elsewhere"))).digest == before


def test_a_link_or_a_pipe_beside_the_judge_is_refused(folder: Path) -> None:
    (folder / "workloads" / "big").symlink_to("/usr")
    assert "big is not a regular file" in message(folder)
    (folder / "workloads" / "big").unlink()
    os.mkfifo(folder / "workloads" / "pipe")
    assert "pipe is not a regular file" in message(folder)


def test_an_unknown_name_lists_what_there_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"did you mean .*/queue\?"):
        load_task(folder.with_name("queu"))
    with pytest.raises(ConfigError, match=r"is a file; name the task's folder"):
        load_task(folder / "task.toml")
    monkeypatch.chdir(folder.parent.parent)
    folder.parent.rename(folder.parent.with_name("tasks"))
    with pytest.raises(ConfigError, match=r"did you mean tasks/queue\? tasks: tasks/queue"):
        load_task("queu")
