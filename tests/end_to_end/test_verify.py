"""How certificates stand once they are measured again, and how a build hears of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from end_to_end.winners import (
    SEED,
    Content,
    certificate_of,
    edit,
    forge,
    made_once,
    make_task,
    search,
    sha256,
)
from unit.cli.door import adrs

from adrs import open_store

NOT_BETTER = SEED + "# another program that does the same\n"


def found_in(folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and what was said of every certificate."""
    done = adrs(folder, "verify", *arguments, "--json")
    answer = json.loads(done.out)
    assert answer["exit_status"] == done.code
    return done.code, answer["certificates"]


def other_program(winner: Path, text: str) -> None:
    """Gives a winner's figures to another program, with all hashes made to fit."""
    data = text.encode()
    (winner / "program/main.py").write_bytes(data)

    def change(content: Content) -> None:
        name = sha256(f"{sha256(data)} main.py\n".encode())
        content["program"] = {"id": name, "files": {"main.py": sha256(data)}}
        content["winner"]["program"] = name
        content["lineage"][0]["program"] = name

    forge(winner, change)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A winner of a task whose figures vary."""

    def make(folder: Path) -> None:
        make_task(folder, deterministic=False, noise=1.02, count=8)
        search(folder).rename(folder / "winner")

    return made_once(tmp_path_factory, "noisy", make)


@pytest.fixture
def folder(noisy: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(noisy, tmp_path / "here"))


def test_a_winner_of_a_noisy_judge_holds(folder: Path) -> None:
    code, [found] = found_in(folder, "winner")
    assert (code, found["standing"]) == (0, "HOLDS")
    store = open_store(folder / ".adrs")
    try:
        kept = store.verifications(found["certificate"])
        description = store.fingerprint(found["fingerprint"])
        looks = store.looks(found["workloads"])
    finally:
        store.close()
    assert [one.standing for one in kept] == ["HOLDS"]
    assert description["sandbox"] == "bubblewrap"
    assert looks == 1


def test_a_program_that_only_looked_better_does_not_hold(folder: Path) -> None:
    """Its figures are invented, and with a noisy judge nothing contradicts them but new ones."""
    other_program(folder / "winner", NOT_BETTER)
    code, [found] = found_in(folder, "winner", "--allow-inconclusive")
    assert (code, found["standing"]) == (1, "DOES_NOT_HOLD")
    assert found["effect"]["high"] < 0.01
    assert "does not clear the least effect that counts" in found["reason"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("def answer(x):\n    raise ValueError('\\x1b[2J')\n", "is CRASHED"),
        ("def answer(x):\n    return 'three'\n", "is "),
    ],
)
def test_a_program_that_fails_does_not_hold(folder: Path, program: str, words: str) -> None:
    other_program(folder / "winner", program)
    done = adrs(folder, "verify", "winner")
    assert done.code == 1
    assert "DOES_NOT_HOLD" in done.out
    assert words in done.out
    assert "\x1b" not in done.out


def test_what_changed_outside_the_editable_files_is_no_winner(folder: Path) -> None:
    winner = folder / "winner"
    (winner / "program/data.txt").write_text("3\n")

    def change(content: Content) -> None:
        files = {**content["program"]["files"], "data.txt": sha256(b"3\n")}
        name = sha256("".join(f"{one} {path}\n" for path, one in sorted(files.items())).encode())
        content["program"] = {"id": name, "files": files}
        content["winner"]["program"] = name
        content["lineage"][0]["program"] = name

    forge(winner, change)
    code, [found] = found_in(folder, "winner")
    assert (code, found["standing"]) == (1, "CHANGED")
    assert found["changed"] == ["program: data.txt is not editable; editable: *.py"]


def test_too_little_isolation_is_inconclusive(folder: Path) -> None:
    code, [found] = found_in(folder, "winner", "--sandbox", "process")
    assert (code, found["standing"]) == (1, "INCONCLUSIVE")
    assert "--accept-isolation process" in found["reason"]
    accepted = ("--sandbox", "process", "--accept-isolation", "process")
    code, [found] = found_in(folder, "winner", *accepted)
    assert (code, found["standing"]) == (0, "HOLDS")
    done = adrs(folder, "verify", "winner", "--sandbox", "process", "--allow-inconclusive")
    assert done.code == 0
    assert "attempt 3 of this certificate: 1 INCONCLUSIVE, 1 HOLDS before" in done.out


def test_no_sandbox_is_neither_a_standing_nor_an_attempt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adrs_sandboxes.bubblewrap.Bubblewrap.probe", no_bubblewrap)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no.socket")
    done = adrs(folder, "verify", "winner", "--junit", "report.xml", "--json")
    answer = json.loads(done.out)
    assert done.code == 3
    assert answer["certificates"] == []
    assert answer["errors"][0]["exit_status"] == 3
    case = ET.parse(folder / "report.xml").getroot().find("testsuite/testcase/error")
    assert case is not None
    assert case.get("type") == "SandboxUnavailable"


async def no_bubblewrap(_: object) -> Any:
    from adrs import IsolationLevel, Probe

    return Probe("bubblewrap", IsolationLevel.SEPARATE, {}, {}, "not here; install it")


def test_a_report_tells_a_build_of_every_certificate(folder: Path) -> None:
    for name in ("changed", "lost"):
        shutil.copytree(folder / "winner", folder / name)
    edit(folder / "changed", lambda content: content["lineage"][0].update(plan="\x1b[2J mine"))
    certificate = json.loads((folder / "lost/certificate.json").read_bytes())
    forge(folder / "lost", lambda content: content["task"].update(name="lost"))
    done = adrs(folder, "verify", "--junit", "report.xml")
    assert done.code == 2
    assert "1 HOLDS" in done.out
    assert "1 CHANGED" in done.out
    assert "1 not checked" in done.out
    suite = ET.parse(folder / "report.xml").getroot().find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["3", "1", "1"]
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert cases.keys() == {"changed", "lost", "winner"}
    failure = cases["changed"].find("failure")
    assert failure is not None
    assert failure.get("type") == "CHANGED"
    assert "does not have the id" in str(failure.text)
    error = cases["lost"].find("error")
    assert error is not None
    assert "--task FOLDER" in str(error.get("message"))
    values = {p.get("name"): p.get("value") for p in cases["winner"].findall("properties/property")}
    assert values["standing"] == "HOLDS"
    assert values["certificate"] == certificate["id"]
    assert values["units"] == "8"


def test_a_report_that_cannot_be_written_is_said_before_anything_is_measured(folder: Path) -> None:
    done = adrs(folder, "verify", "winner", "--junit", "no/where.xml")
    assert done.code == 2
    assert "there is no folder no" in done.err
    assert not (folder / ".adrs").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    (folder / "tmp").mkdir()
    words = [sys.executable, "-m", "adrs", "verify", "winner", "--junit", "report.xml"]
    environment = {**os.environ, "TMPDIR": str(folder / "tmp")}
    with subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE) as verifying:
        while not list((folder / "tmp").glob("*/judge.py")):
            assert verifying.poll() is None
            time.sleep(0.01)
        verifying.send_signal(number)
        _, said = verifying.communicate()
    assert (verifying.returncode, said) == (130, b"error: given up\n")
    assert list((folder / "tmp").iterdir()) == []
    error = ET.parse(folder / "report.xml").find("testsuite/testcase/error")
    assert error is not None
    assert error.get("message") == "it was interrupted or killed"


def test_a_run_is_verified_from_its_record(folder: Path) -> None:
    run = certificate_of(folder / "winner").run.name
    (folder / "near/judge.py").write_text("# not the recorded folder\n")
    code, [found] = found_in(folder, run, "--store", "record")
    assert (code, found["standing"], found["place"]) == (0, "HOLDS", run)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A winner of a deterministic task that was judged on real workloads."""

    def make(folder: Path) -> None:
        make_task(folder)
        (folder / "real.txt").write_text("".join(f"{n / 12}\n" for n in range(12)))
        search(folder, "--workloads", "real.txt").rename(folder / "winner")

    return made_once(tmp_path_factory, "real", make)


def test_real_workloads_are_needed_and_are_the_certified_ones(real: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(real, tmp_path / "here"))
    code, [found] = found_in(folder, "winner")
    assert (code, found["standing"]) == (1, "INCONCLUSIVE")
    assert "--workloads" in found["reason"]
    code, [found] = found_in(folder, "winner", "--workloads", "real.txt")
    certificate = certificate_of(folder / "winner")
    assert (code, found["standing"]) == (0, "HOLDS")
    assert "on the certified workloads once more" in found["reason"]
    assert found["workloads"] == certificate.held_out.workloads
    assert found["level"] == certificate.finding.level
    code, [found] = found_in(folder, "winner", "--workloads", "real.txt")
    assert (found["attempt"], found["level"]) == (3, certificate.finding.level)
    (folder / "real.txt").write_text("".join(f"{n / 24}\n" for n in range(12)))
    code, [found] = found_in(folder, "winner", "--workloads", "real.txt")
    assert (code, found["standing"]) == (1, "CHANGED")
    assert found["changed"][0].startswith("workloads: ")


def test_a_program_that_throws_dice_is_judged_by_new_figures(real: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(real, tmp_path / "here"))
    dice = "import os\n\ndef answer(x):\n    return @ + os.urandom(1)[0] / 1000\n"
    for centre, standing in (("4.0", "HOLDS"), ("43.5", "DOES_NOT_HOLD")):
        other_program(folder / "winner", dice.replace("@", centre))
        _, [found] = found_in(folder, "winner", "--workloads", "real.txt")
        assert found["standing"] == standing
        assert "figures of the winner vary" in found["reason"]
