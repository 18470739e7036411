"""How an environment becomes an image."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from dataclasses import replace

import pytest
from adrs_sandboxes.docker import recipe as recipes
from adrs_sandboxes.docker.recipe import Recipe, recipe

from adrs import Environment, SandboxUnavailable

ALL = Environment("debian:12", ("gcc", "g++=4:12.2.0-3"), ("numpy>=2", "tool[x]"), False)


def made(environment: Environment) -> Recipe:
    return recipe(environment, "amd64")


def test_everything_that_was_declared_is_in_it() -> None:
    assert made(ALL).requirements == "numpy>=2\ntool[x]\n"
    assert made(ALL).dockerfile.splitlines()[:7] == [
        "FROM debian:12",
        "LABEL adrs.image=environment",
        "USER 0",
        "HEALTHCHECK NONE",
        'SHELL ["/bin/sh", "-c"]',
        "WORKDIR /usr/local/lib/adrs",
        "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "
        "--no-install-recommends g++=4:12.2.0-3 gcc && rm -rf /var/lib/apt/lists/*",
    ]
    (pip,) = [step for step in steps(ALL) if "install" in step]
    assert pip[:4] == ["python3", "-m", "pip", "install"]
    assert pip[-3:] == ["--only-binary=:all:", "-r", "requirements.txt"]
    built = [step for step in steps(replace(ALL, from_source=True)) if "install" in step]
    assert built == [[word for word in pip if word != "--only-binary=:all:"]]


def test_the_image_has_the_python_that_adrs_runs_on_unless_one_is_named() -> None:
    running = "{}.{}".format(*sys.version_info[:2])
    assert made(Environment(debian=("gcc",))).base == f"python:{running}-slim"


def test_nothing_is_done_that_was_not_asked_for() -> None:
    dockerfile = made(Environment(base="alpine-python:1")).dockerfile
    assert "pip" not in dockerfile
    assert [line for line in dockerfile.splitlines() if "apt-get" in line] == [
        "RUN command -v python3 || { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get "
        "install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*; }"
    ]


def test_whatever_decides_what_is_built_decides_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [
        replace(ALL, base="debian:13"),
        replace(ALL, debian=("gcc",)),
        replace(ALL, python=("numpy>=2",)),
        replace(ALL, from_source=True),
    ]
    tags = {made(one).tag for one in (ALL, *others)} | {recipe(ALL, "arm64").tag}
    assert len(tags) == 6
    turned = replace(ALL, debian=ALL.debian[::-1], python=(" tool [x]", "numpy >= 2", "numpy>=2"))
    assert made(turned) == made(ALL)
    monkeypatch.setattr(recipes, "_PIP", "--another-option")
    assert made(ALL).tag not in tags


def test_the_files_of_a_build_are_the_same_each_time() -> None:
    with tarfile.open(fileobj=made(ALL).context()) as archive:
        assert archive.getnames() == ["Dockerfile", "requirements.txt", "_inventory.py"]
    assert made(ALL).context().read() == made(ALL).context().read()


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        (Environment(base="python\nRUN touch /x"), "base"),
        (Environment(base="--platform=other"), "base"),
        (Environment(base="x y"), "base"),
        (Environment(debian=("gcc; touch /x",)), "debian"),
        (Environment(debian=("$(touch /x)",)), "debian"),
        (Environment(debian=("gcc\n",)), "debian"),
        (Environment(debian=("--option",)), "debian"),
        (Environment(python=("--find-links /wheels",)), "python"),
        (Environment(python=("tool @ http://127.0.0.1/tool.whl",)), "python"),
        (Environment(python=("-r other.txt",)), "python"),
        (Environment(python=("tool; os_name == 'a\f--find-links /wheels\fb'",)), "python"),
    ],
)
def test_a_name_cannot_be_a_command(environment: Environment, key: str) -> None:
    with pytest.raises(SandboxUnavailable, match=rf"by name.*correct \[environment\] {key}"):
        made(environment)


def test_an_image_with_an_old_python_says_so() -> None:
    (check,) = [step for step in steps(ALL) if step[1] == "-c"]
    for version, said in (("(3, 11, 0)", ""), ("(3, 9, 2)", "this image has Python 3.9, and room")):
        old = f"import sys; sys.version_info = {version}; {check[2]}"
        run = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True)
        assert (said in run.stderr, run.returncode) == (True, bool(said))


def steps(environment: Environment) -> list[list[str]]:
    """The commands that no shell reads."""
    lines = made(environment).dockerfile.splitlines()
    return [json.loads(line.removeprefix("RUN ")) for line in lines if line.startswith("RUN [")]
