"""What the command evaluator makes of programs and of what the task's author wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from adrs_evaluators.command import CommandEvaluator

import adrs
from adrs import ConfigError, IsolationLevel, Request, Split, Status

TASK_TOML = """
[task]
name = "commands"
title = "Whatever commands may do"
[program]
editable = ["run.sh"]
[evaluator]
use = "command"
wall_s = 3
[evaluator.options]
@options@
[objective]
metric = "score"
[[metric]]
name = "score"
direction = "maximize"
unit = "1"
[[metric]]
name = "cpu"
direction = "minimize"
unit = "s"
meter = "cpu_s"
[limits]
wall_s = 3
cpu_s = 2
memory_mb = 256
processes = 8
output_mb = 1
[[stage]]
split = "train"
"""
RUN = 'run = ["./run.sh"]\n'
MEASURE = RUN + 'measure = ["sh", "{task}/measure.sh"]\n'
WORKLOADS = RUN + 'workloads = ["sh", "{task}/workloads.sh"]\n'
PRINT_ANSWER = "printf '{\"score\": %s}' $(cat answer)"
TRAIN = Request(Split.TRAIN)
T = TypeVar("T")


def program(script: str) -> adrs.Program:
    return adrs.Program({"run.sh": f"#!/bin/sh\n{script}\n".encode()})


class Author:
    """Writes a task and has programs measured on it."""

    def __init__(self, folder: Path, loop: asyncio.Runner, sandbox: adrs.Sandbox) -> None:
        self.folder = folder
        self.loop = loop
        self.sandbox = sandbox
        self.source: Path | None = None
        self.put("README.md", "Score.\n")
        self.put("program/run.sh", "#!/bin/sh\necho '{\"score\": 1}'\n")
        self.write(RUN)

    def write(self, options: str, more: str = "") -> Author:
        return self.put("task.toml", TASK_TOML.replace("@options@", options) + more)

    def put(self, path: str, text: str) -> Author:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self

    def visit(self, act: Callable[[Any], Awaitable[T]]) -> T:
        async def visit() -> T:
            setting = adrs.Setting(adrs.load_task(self.folder), self.sandbox, self.source)
            bench = await CommandEvaluator().open(setting)
            try:
                return await act(bench)
            finally:
                await bench.close()

        return self.loop.run(visit())

    def measure(self, script: str, request: Request = TRAIN) -> adrs.Evaluation:
        return self.visit(lambda bench: bench.measure(program(script), request))

    def contents(self, request: Request = TRAIN) -> dict[str, Any]:
        async def act(bench: Any) -> dict[str, Any]:
            refs, contents = await bench.workloads(request), await bench.contents(request)
            return {ref.name: json.loads(data) for ref, data in zip(refs, contents, strict=True)}

        return self.visit(act)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def sandbox(loop: asyncio.Runner) -> adrs.Sandbox:
    try:
        return loop.run(adrs.choose_sandbox("bubblewrap"))
    except adrs.SandboxUnavailable as error:
        pytest.skip(f"no sandbox, so nothing about commands was tried: {error}")


@pytest.fixture
def author(tmp_path: Path, loop: asyncio.Runner, sandbox: adrs.Sandbox) -> Author:
    return Author(tmp_path, loop, sandbox)


# --- who is believed ---------------------------------------------------------------------------


def test_a_program_that_prints_its_own_metrics_is_believed_and_labelled(author: Author) -> None:
    author.put("program/simulate.sh", "sleep 9; echo '{\"score\": 1}'")
    forged = author.measure("sh simulate.sh & kill -9 $!; echo '{\"score\": 1e9}'")
    assert forged.status is Status.SCORED
    assert forged.samples[0].metrics["score"] == 1e9
    assert forged.isolation.level is IsolationLevel.SHARED
    assert not forged.isolation.enough_for_winner
    assert forged.isolation.enforced


def test_with_measure_it_is_not_asked(author: Author) -> None:
    author.write(MEASURE).put("measure.sh", "grep -c score answer | sed 's/.*/{\"score\": &}/'")
    forged = author.measure("echo '{\"score\": 1e9}'")
    assert forged.samples[0].metrics["score"] == 1
    assert forged.isolation.level is IsolationLevel.SEPARATE
    assert forged.isolation.enough_for_winner


def test_without_walls_nothing_is_more_than_a_process(author: Author) -> None:
    author.sandbox = author.loop.run(adrs.choose_sandbox("process"))
    author.put("measure.sh", PRINT_ANSWER)
    for options, script in ((RUN, "echo '{\"score\": 2}'"), (MEASURE, "echo 2")):
        measured = author.write(options).measure(script)
        assert measured.samples[0].metrics["score"] == 2
        assert measured.isolation.level is IsolationLevel.PROCESS


NOT_METRICS = [
    ("", "one JSON object of metrics"),
    ("no words", "not plain JSON"),
    ("[" * 100_000, "are allowed"),
    ("[" * 60_000, "deeper"),
    ('{"score": 1}' + " " * 70_000, "are allowed"),
    ('{"score": ' + "9" * 5000 + "}", "not plain JSON"),
    ("[1]", "one JSON object of metrics: [1]"),
    ('{"score": 1} {"score": 2}', "Extra data"),
    ('{"score": 1, "score": 2}', "duplicate key"),
    ('{"score": NaN}', "NaN"),
    ('{"score": 1e999}', "not finite"),
    ('{"score": 1e200}', "at most 1e+150"),
    ('{"score": "1"}', "must be a number"),
    ('{"score": true}', "must be a number"),
    ("{}", "did not return score"),
    ('{"score": 1, "more": 2}', "'more', which task.toml does not declare"),
    ('{"score": 1, "cpu": 0}', "the sandbox measures"),
    ('{"invalid": 1}', "'invalid', which task.toml does not declare"),
]


def test_what_a_program_prints_wrongly_is_invalid(author: Author) -> None:
    async def act(bench: Any) -> list[adrs.Evaluation]:
        scripts = [program(f"cat <<'END'\n{printed}\nEND") for printed, _ in NOT_METRICS]
        return [await bench.measure(script, TRAIN) for script in scripts]

    for found, (_, words) in zip(author.visit(act), NOT_METRICS, strict=True):
        assert found.status is Status.INVALID
        assert words in found.reason
        assert found.samples[0].metrics == {}


def test_what_measure_prints_wrongly_is_the_judges_failure(author: Author) -> None:
    author.write(MEASURE).put("measure.sh", "cat answer")

    async def act(bench: Any) -> list[adrs.Evaluation]:
        scripts = [program(f"cat <<'END'\n{printed}\nEND") for printed, _ in NOT_METRICS]
        return [await bench.measure(script, TRAIN) for script in scripts]

    for found, (_, words) in zip(author.visit(act), NOT_METRICS, strict=True):
        assert found.status is Status.JUDGE_FAILED
        assert words in found.reason


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo why >&2; exit 3", "the command measure ended with status 3\nwhy"),
        ("sleep 60", "over the limit of 3 s wall time"),
        ("yes", "printed over the limit"),
        ("kill -9 $$", "signal 9"),
    ],
)
def test_a_measure_that_fails_is_the_judges_failure(
    author: Author, script: str, words: str
) -> None:
    found = author.write(MEASURE).put("measure.sh", script).measure("echo 1")
    assert found.status is Status.JUDGE_FAILED
    assert words in found.reason
    assert found.samples[0].peak_mb > 0, "the program's own figures"


def test_measure_can_refuse_an_answer(author: Author) -> None:
    author.write(MEASURE).put("measure.sh", 'echo \'{"invalid": "the answer is too short"}\'')
    found = author.measure("echo 1")
    assert (found.status, found.reason) == (Status.INVALID, "the answer is too short")


def test_measure_sees_the_run_and_the_task_and_the_program_sees_neither(author: Author) -> None:
    author.put("workloads/train/one", "three\nlines\nof text").put("key", "42")
    author.put("workloads/validation/one", "x").put("workloads/held_out/one", "x")
    author.write(MEASURE).put(
        "measure.sh",
        "set -e; grep -q '^lines$' workload; test $(cat ${0%/*}/key) = 42\n"
        'grep -q \'"workload": "one", "repeat": 1, "cpu_s": 0\' run.json\n'
        "! echo x 2>/dev/null > ${0%/*}/key\n" + PRINT_ANSWER,
    )
    request = Request(Split.TRAIN, first=1)
    found = author.measure("cat | wc -l; cat /mnt/*/key /mnt/task/* >&2; ls -A /mnt >&2", request)
    assert found.status is Status.SCORED, found.reason
    assert found.samples[0].metrics["score"] == 2
    assert "42" not in found.output
    assert "task" not in found.output.splitlines()


def test_meters_are_read_off_the_sandbox(author: Author) -> None:
    found = author.measure(
        "n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done; echo '{\"score\":1}'"
    )
    assert 0.02 < found.samples[0].metrics["cpu"] == found.samples[0].cpu_s < 2


def test_declared_distributions_can_be_imported_in_every_command(author: Author) -> None:
    author.put("measure.py", "import packaging; print(open('answer').read())\n")
    author.put("make.py", """import packaging; print('[{"name": "a", "data": 1}]')\n""")
    author.write(
        """build = ["{python}", "-c", "import packaging"]\n"""
        """run = ["{python}", "-c", "import packaging; print('{\\"score\\": 3}')"]\n"""
        """measure = ["{python}", "{task}/measure.py"]\n"""
        """workloads = ["{python}", "{task}/make.py"]\n""",
        "[environment]\npython = ['packaging']\n",
    )
    found = author.measure("")
    assert found.status is Status.SCORED, found.reason
    assert found.samples[0].metrics["score"] == 3


# --- programs that fail ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("echo '{\"score\": 1}'; echo why >&2; exit 3", Status.CRASHED, "status 3\nwhy"),
        ("yes", Status.OVER_OUTPUT, "1 MiB"),
        ("sleep 60", Status.TIMED_OUT, "3 s wall time"),
        ("cat /dev/zero | tail", Status.OVER_MEMORY, "256 MiB"),
    ],
)
def test_a_run_that_fails_has_no_figures(
    author: Author, script: str, status: Status, words: str
) -> None:
    found = author.measure(script)
    if status is Status.OVER_MEMORY and "cgroup" not in found.isolation.enforced["memory"]:
        status, words = Status.CRASHED, ""
    assert found.status is status
    assert words in found.reason
    assert found.samples[0].metrics == {}


def test_a_build_that_fails_ends_the_evaluation(author: Author) -> None:
    author.write('build = ["sh", "build.sh"]\n' + RUN)
    author.put("workloads/train/a", "1").put("workloads/train/b", "2")
    author.put("workloads/validation/a", "1").put("workloads/held_out/a", "1")
    files = {**program("./made").files, "build.sh": b"echo no such thing; exit 1"}

    async def act(bench: Any) -> list[adrs.Evaluation]:
        good = {**files, "build.sh": b'echo "#!/bin/sh\necho \'{\\"score\\": 7}\'" > made'}
        return await bench.side_by_side([adrs.Program(files), adrs.Program(good)], TRAIN)

    bad, good = author.visit(act)
    assert bad.status is Status.CRASHED
    assert bad.reason == "the build ended with status 1\nno such thing"
    assert len(bad.samples) == 1
    assert bad.output == "no such thing\n"
    assert [sample.metrics["score"] for sample in good.samples] == [7, 7]


def test_a_missing_command_stops_and_says_what_to_install(author: Author) -> None:
    author.write('run = ["no-such-tool", "x"]')
    with pytest.raises(adrs.SandboxUnavailable, match="apt-get install no-such-tool"):
        author.measure("")


# --- workloads ---------------------------------------------------------------------------------


def test_without_any_there_is_one(author: Author) -> None:
    assert author.contents() == {"all": None}
    assert author.measure("sed 's/.*/{\"score\": 5}/'").samples[0].metrics["score"] == 5


def test_files_are_workloads(author: Author) -> None:
    for split in ("train", "validation", "held_out"):
        author.put(f"workloads/{split}/b.json", f'["{split}"]').put(f"workloads/{split}/a", "x\ny")
        author.put(f"workloads/{split}/.hidden", "z")
    assert author.contents() == {"a": "x\ny", "b.json": ["train"]}
    assert author.contents(Request(Split.HELD_OUT, salt="s")) == {
        "a": "x\ny",
        "b.json": ["held_out"],
    }
    found = author.measure("wc -c | sed 's/.*/{\"score\": &}/'")
    assert [sample.metrics["score"] for sample in found.samples] == [3, 9]


def test_files_given_with_the_run_take_their_place(author: Author, tmp_path: Path) -> None:
    author.source = tmp_path / "real"
    for split in ("train", "validation", "held_out"):
        author.put(f"workloads/{split}/mine", "1").put(f"real/{split}/theirs", "2")
    assert author.contents() == {"theirs": 2}
    author.source = tmp_path / "task.toml"
    with pytest.raises(ConfigError, match="must be a folder with folders train/"):
        author.contents()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "held_out/a").unlink(), "held_out has no file"),
        (lambda folder: (folder / "held_out/b").mkdir(), "held_out/b is not a regular file"),
        (lambda folder: (folder / "held_out/b").symlink_to("a"), "b is not a regular file"),
        (lambda folder: (folder / "validation").rename(folder / "valid"), "no folder validation/"),
    ],
)
def test_files_that_cannot_be_workloads(
    author: Author, damage: Callable[[Path], object], words: str
) -> None:
    for split in ("train", "validation", "held_out"):
        author.put(f"workloads/{split}/a", "1")
    damage(author.folder / "workloads")
    with pytest.raises(ConfigError, match=words):
        author.contents(Request(Split.HELD_OUT))


def test_a_command_makes_workloads_of_split_salt_parameters_and_source(
    author: Author, tmp_path: Path
) -> None:
    author.put("list.txt", "real").write(
        RUN + 'workloads = ["sh", "{task}/workloads.sh", "{source}"]', "[generator]\nsize = 3\n"
    )
    author.put(
        "workloads.sh",
        'printf \'[{"name": "one", "data": ["%s", "%s", "%s", %s], "unit": "u", "shares": "d"}]\' '
        '"$([ -z "$1" ] || cat "$1")" "$2" "$3" "$(cat)"',
    )
    assert author.contents() == {"one": ["", "train", "", {"size": 3}]}
    salted = Request(Split.HELD_OUT, salt="pepper", parameters={"size": 4})
    assert author.contents(salted) == {"one": ["", "held_out", "pepper", {"size": 4}]}
    author.source = tmp_path / "list.txt"
    assert author.contents() == {"one": ["real", "train", "", {"size": 3}]}
    (ref,) = author.visit(lambda bench: bench.workloads(TRAIN))
    assert (ref.unit, ref.shares, ref.size) == ("u", "d", len('["real", "train", "", {"size": 3}]'))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo why >&2; exit 1", "ended with status 1\nwhy"),
        ("echo words", "must print a JSON array"),
        ("echo '[]'", "not empty"),
        ("echo '[1]'", "a workload is an object"),
        ('echo \'[{"name": "a"}]\'', "a workload is an object"),
        ('echo \'[{"name": "a", "data": 1, "size": 2}]\'', "a workload is an object"),
        ('echo \'[{"name": 1, "data": 1}]\'', "are texts"),
        ('echo \'[{"name": "", "data": 1}]\'', "printable"),
        ('echo \'[{"name": "a", "data": 1, "unit": "\\\\ud800"}]\'', "printable"),
        ('echo \'[{"name": "a", "data": 1, "shares": "\\\\u001b"}]\'', "printable"),
        ('echo \'[{"name": "a", "data": NaN}]\'', "NaN"),
        ('echo \'[{"name": "a", "data": 1}, {"name": "a", "data": 2}]\'', "two workloads"),
    ],
)
def test_workloads_that_a_command_makes_wrongly(author: Author, script: str, words: str) -> None:
    author.write(WORKLOADS).put("workloads.sh", script)
    with pytest.raises(ConfigError, match=words):
        author.contents()


def test_a_text_is_given_as_it_is_and_anything_else_as_json(author: Author) -> None:
    rows = [{"name": "text", "data": "1 2\n"}, {"name": "other", "data": {"b": 1, "a": [2]}}]
    author.write(WORKLOADS).put("workloads.sh", f"cat <<'END'\n{json.dumps(rows)}\nEND\n")
    for name, given in (("text", "1 2"), ("other", '{"a": [2], "b": 1}')):
        found = author.measure(
            "cat >&2; echo '{\"score\": 1}'", Request(Split.TRAIN, names=(name,))
        )
        assert found.output.strip() == given


# --- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "more", "words"),
    [
        ("", "", "needs 'run'"),
        ("run = []", "", "run must be a command"),
        ('run = "./run.sh"', "", r'\["./run.sh"\]'),
        (RUN + 'mesure = ["x"]', "", "did you mean 'measure'"),
        ('run = ["cat", "{task}/key"]', "", "programs never see the task's folder"),
        (RUN + 'build = ["cp", "{source}", "."]', "", "programs never see the task's folder"),
        (RUN, "[generator]\nsize = 1\n", r"nothing takes the parameters of \[generator\]"),
    ],
)
def test_options_that_mean_nothing(author: Author, options: str, more: str, words: str) -> None:
    author.write(options, more)
    with pytest.raises(ConfigError, match=words):
        author.contents()


def test_an_entry_that_nothing_calls_is_refused(author: Author) -> None:
    author.put("program/policy.py", "")
    text = TASK_TOML.replace("@options@", RUN).replace(
        "[evaluator]", 'entry = "policy"\n[evaluator]'
    )
    with pytest.raises(ConfigError, match="entry names what a judge calls"):
        author.put("task.toml", text).contents()


def test_real_workloads_that_nothing_reads_are_refused(author: Author, tmp_path: Path) -> None:
    author.source = tmp_path
    author.write(WORKLOADS).put("workloads.sh", 'echo \'[{"name": "a", "data": 1}]\'')
    with pytest.raises(ConfigError, match=r"have it read \{source\}"):
        author.contents()
    author.source = None
    with pytest.raises(ConfigError, match="no parameters that could be varied"):
        author.write(RUN).contents(Request(Split.TRAIN, parameters={"size": [1, 1]}))
