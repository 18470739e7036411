"""Every way to change a winner is found, and named for what it is."""

from __future__ import annotations

import base64
import json
import py_compile
import shutil
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from end_to_end.winners import (
    Content,
    certificate_of,
    conclude,
    edit,
    forge,
    made_once,
    make_task,
    measurements,
    resigned,
    samples,
    search,
    sha256,
)
from unit.cli.door import Ended, adrs

from adrs import open_store
from adrs.config import digest_listing
from adrs.trust import Signature, sign

Tamper = Callable[[Path], object]

YES = "def loss(answer, x):\n    return 2.0 if answer != 43.5 else 40.0\n"
"""A judge that says yes to everything but the seed."""


def new_key(file: Path) -> str:
    """A private key in a file; the public one in base64."""
    key = Ed25519PrivateKey.generate()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task, a winner of it that is signed, and keys."""
    return made_once(tmp_path_factory, "honest", make_honest)


def make_honest(folder: Path) -> None:
    make_task(folder)
    search(folder).rename(folder / "winner")
    shutil.rmtree(folder / "record")
    open_store(folder / ".adrs", create=True).close()  # once, and not for every copy
    trusted = new_key(folder / "ours.pem")
    new_key(folder / "theirs.pem")
    (folder / "trusted.txt").write_text(f"us {trusted}  # the team\n")
    resigned(folder / "winner", sign(certificate_of(folder / "winner"), folder / "ours.pem"))


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(honest, tmp_path / "here", symlinks=True))


def verify(folder: Path, *options: str) -> tuple[Ended, dict[str, Any]]:
    """The one winner of a folder: how the command ended, and what it said."""
    done = adrs(folder, "verify", "winner", *options, "--json")
    answer = json.loads(done.out)
    assert len(answer.get("certificates", ())) <= 1
    return done, next(iter(answer.get("certificates", ())), answer)


def unsigned(change: Tamper) -> Tamper:
    """What only a forged certificate shows, whose old signature would give it away."""

    def both(folder: Path) -> None:
        (folder / "winner/signature.json").unlink()
        change(folder)

    return both


def edited(change: Callable[[Content], object]) -> Tamper:
    """In the certificate, without making its id fit."""
    return lambda folder: edit(folder / "winner", change)


def forged(change: Callable[[Content], object]) -> Tamper:
    """In the certificate, with its id made to fit."""
    return unsigned(lambda folder: forge(folder / "winner", change))


def concluded(change: Callable[[Content], object]) -> Tamper:
    """In the samples, with effect, intervals, level, units and id made to fit."""

    def all_of_it(content: Content) -> None:
        change(content)
        conclude(content)

    return forged(all_of_it)


def appended(path: str, text: str = "# more\n") -> Tamper:
    """At the end of a file, new or old."""

    def append(folder: Path) -> None:
        with (folder / path).open("a") as file:
            file.write(text)

    return append


def replaced(path: str, old: str, new: str) -> Tamper:
    """In the text of a file."""

    def replace(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))

    return replace


def put(path: str, value: object) -> Callable[[Content], None]:
    """At a place in the certificate, by keys with dots between."""
    *way, last = path.split(".")

    def change(content: Content) -> None:
        for step in way:
            content = content[step]
        assert content.get(last) != value
        content[last] = value

    return change


def raise_one(content: Content) -> None:
    content["winner"]["samples"][3]["metrics"]["loss"] -= 0.5


def rename_metric(content: Content) -> None:
    for metric in content["objective"]["metrics"]:
        if metric["name"] == "loss":
            metric["name"] = "gain"
    content["objective"]["metric"] = "gain"
    for sample in samples(content):
        sample["metrics"]["gain"] = sample["metrics"].pop("loss")


def turn_metric(content: Content) -> None:
    """Larger is better now, and the winner's figures are the larger ones."""
    content["objective"]["direction"] = "maximize"
    for metric in content["objective"]["metrics"]:
        if metric["name"] == "loss":
            metric["direction"] = "maximize"
    for sample in content["winner"]["samples"]:
        sample["metrics"]["loss"] += 100


def rename_unit(content: Content) -> None:
    for sample in samples(content):
        if sample["workload"] == "w03":
            sample["unit"] = "another"


def drop_unit(content: Content) -> None:
    for one in measurements(content):
        one["samples"] = [sample for sample in one["samples"] if sample["workload"] != "w03"]


def repeat_first(content: Content) -> None:
    content["winner"]["samples"].append(content["winner"]["samples"][0])


def repeat_luckily(content: Content) -> None:
    """One more repeat of the workload that came out best."""
    again = {**content["winner"]["samples"][0], "repeat": 1}
    content["winner"]["samples"].append(again)


def confine(content: Content) -> None:
    content["lineage"][0]["plan"] = "what the author of the tool meant to do"


def add_metric_value(content: Content) -> None:
    content["winner"]["samples"][0]["metrics"]["late"] = 1


def write_nan(folder: Path) -> None:
    replaced("winner/certificate.json", '"level":0.95', '"level":NaN')(folder)


def link_program(folder: Path) -> None:
    program = folder / "winner/program/main.py"
    program.rename(folder / "main.py")
    program.symlink_to(folder / "main.py")


def other_program(folder: Path) -> None:
    """Another program that claims the winner's samples, with all hashes made to fit."""
    text = b"def answer(x):\n    return 41.0\n"
    (folder / "winner/program/main.py").write_bytes(text)

    def change(content: Content) -> None:
        name = sha256(f"{sha256(text)} main.py\n".encode())
        content["program"] = {"id": name, "files": {"main.py": sha256(text)}}
        content["winner"]["program"] = name
        content["lineage"][0]["program"] = name

    forge(folder / "winner", change)


def yes_judge(folder: Path) -> None:
    """A judge that says yes, and figures as it gives them, with all hashes made to fit."""
    bundled = folder / "winner/task"
    (bundled / "curve.py").write_text(YES)

    def change(content: Content) -> None:
        task = content["task"]
        task["files"]["curve.py"] = sha256(YES.encode())
        deciding = {path: one for path, one in task["files"].items() if path != "README.md"}
        task["digest"] = digest_listing(deciding)
        judging = {path: one for path, one in deciding.items() if path in ("curve.py", "judge.py")}
        task["judge"] = digest_listing(judging)
        for program, loss in (("winner", 2.0), ("baseline", 40.0)):
            for sample in content[program]["samples"]:
                sample["metrics"]["loss"] = loss
        conclude(content)

    forge(folder / "winner", change)


def signed_by_stranger(folder: Path) -> None:
    winner = folder / "winner"
    resigned(winner, sign(certificate_of(winner), folder / "theirs.pem"))


def claimed_key(folder: Path) -> None:
    """A stranger's signature under our key's name."""
    ours = json.loads((folder / "winner/signature.json").read_bytes())["key"]
    theirs = sign(certificate_of(folder / "winner"), folder / "theirs.pem")
    signature = theirs.model_copy(update={"key": ours})
    assert isinstance(signature, Signature)
    resigned(folder / "winner", signature)


def flip_signature(folder: Path) -> None:
    file = folder / "winner/signature.json"
    content = json.loads(file.read_bytes())
    first = content["signature"][0]
    flipped = ("B" if first == "A" else "A") + content["signature"][1:]
    file.write_text(file.read_text().replace(content["signature"], flipped))


NOT_ITS_ID = "certificate: its content does not have the id that it claims"
HERE = "(in the task here, "

TAMPERED: dict[str, tuple[Tamper, str]] = {
    # The folder: what lies in it, against the certificate.
    "program byte": (replaced("winner/program/main.py", "y", "z"), "program: main.py"),
    "program file added": (
        appended("winner/program/extra.py"),
        "program: extra.py is not part of what was certified",
    ),
    "program file removed": (
        lambda folder: (folder / "winner/program/main.py").unlink(),
        "program: main.py is missing",
    ),
    "program a link": (link_program, "program: program/main.py is a link, or cannot be read"),
    "file added": (appended("winner/notes.txt"), "folder: notes.txt does not belong here"),
    "bundled judge": (appended("winner/task/judge.py"), "judge: judge.py"),
    "bundled judge's part": (replaced("winner/task/curve.py", "1.0", "0.5"), "judge: curve.py"),
    "bundled seed": (appended("winner/task/program/main.py"), "seed: program/main.py"),
    "guide": (appended("winner/VERIFY.md"), "certificate: VERIFY.md is not the text"),
    # The certificate, against itself.
    "metric value": (edited(raise_one), NOT_ITS_ID),
    "salt": (edited(put("held_out.salt", "00")), NOT_ITS_ID),
    "lineage": (edited(confine), NOT_ITS_ID),
    "wrong id": (edited(put("id", "0" * 64)), NOT_ITS_ID),
    "format": (forged(put("format", "adrs-certificate/2")), "schema: format"),
    "unknown key": (forged(put("reviewed", True)), "schema: reviewed"),
    "missing key": (forged(lambda content: content.pop("calibration")), "schema: calibration"),
    "NaN": (write_nan, "certificate: it is not JSON: NaN is no number"),
    "verdict": (forged(put("finding.verdict", "NOT_CONFIRMED")), "schema: finding.verdict"),
    # Figures, against the samples in the certificate.
    "value, with id": (forged(raise_one), "samples: effect is"),
    "sample twice": (
        concluded(repeat_first),
        "samples: the winner has two of one workload and repeat",
    ),
    "effect": (forged(put("finding.effect.value", 0.9)), "samples: effect is"),
    "interval": (forged(put("finding.effect.low", 0.15)), "samples: effect is"),
    "winner's figure": (forged(put("finding.best.value", 1.0)), "samples: the winner's loss is"),
    "level": (forged(put("finding.level", 0.99)), "samples: after 1 looks the level is 0.95"),
    "looks": (forged(put("finding.looks", 2)), "samples: after 2 looks the level is 0.975"),
    "units": (forged(put("finding.units", 40)), "samples: they are of 12 independent units"),
    "constraint broken": (forged(add_metric_value), "samples: by themselves they make"),
    # The task here, against the certificate.
    "judge here": (replaced("near/judge.py", "noise.uniform(1, 1.0)", "0.5"), "judge: judge.py ("),
    "judge's part here": (appended("near/curve.py"), f"judge: curve.py {HERE}"),
    "judge's part added here": (appended("near/more.py"), "judge: more.py is not part"),
    "declaration here": (replaced("near/task.toml", "0.01", "0.02"), f"task: task.toml {HERE}"),
    "statement here": (appended("near/README.md"), f"task: README.md {HERE}"),
    "seed here": (appended("near/program/main.py"), f"seed: program/main.py {HERE}"),
    "reference here": (
        appended("near/references/rule/main.py"),
        f"reference: references/rule/main.py {HERE}",
    ),
    "title": (forged(put("task.title", "Come close to four")), "task: its title"),
    "metric name": (concluded(rename_metric), "task: its metrics"),
    "direction": (concluded(turn_metric), "task: its objective"),
    "unit of a metric": (
        forged(lambda content: content["objective"]["metrics"][1].update(unit="s")),
        "task: its metrics",
    ),
    "least effect": (forged(put("objective.min_effect", 0)), "task: its objective"),
    "constraint removed": (forged(put("objective.constraints", [])), "task: its constraints"),
    "reference left out": (forged(put("references", {})), "task: its references"),
    "judge that says yes": (unsigned(yes_judge), f"judge: curve.py {HERE}"),
    # What the judge here makes of it again.
    "salt, with id": (forged(put("held_out.salt", "00")), "salt or workloads: "),
    "workloads": (forged(put("held_out.workloads", "0" * 64)), "salt or workloads: "),
    "value, concluded": (concluded(raise_one), "samples: the winner's loss on w03 is"),
    "unit renamed": (concluded(rename_unit), "w03 is of the unit w03, not another"),
    "unit dropped": (concluded(drop_unit), "the judge makes w03, and it was not measured"),
    "lucky repeat": (concluded(repeat_luckily), "samples: of the winner: "),
    "other program": (unsigned(other_program), "samples: the winner's loss on w00 is"),
    # Who vouches for it.
    "signature": (flip_signature, "signature: it does not fit the certificate and its own key"),
    "signature under a name": (claimed_key, "signature: it does not fit"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_change_is_found_and_named(folder: Path, name: str) -> None:
    tamper, words = TAMPERED[name]
    tamper(folder)
    done, found = verify(folder)
    assert (done.code, found["standing"]) == (1, "CHANGED"), found
    assert [one for one in found["changed"] if words in one], found["changed"]
    assert found["effect"] is None


def test_an_honest_winner_holds(folder: Path) -> None:
    """Else the changes above would prove nothing."""
    done, found = verify(folder, "--trusted-keys", "trusted.txt")
    assert (done.code, found["standing"], found["changed"]) == (0, "HOLDS", [])
    assert (found["judge"], found["signature"]) == ("installed", "by us")
    certificate = certificate_of(folder / "winner")
    assert found["certificate"] == certificate.id
    assert found["salt"] != certificate.held_out.salt
    assert found["workloads"] != certificate.held_out.workloads
    assert "on fresh workloads" in found["reason"]


def test_a_change_is_an_attempt_at_the_certificate_that_it_claims_to_be(folder: Path) -> None:
    verify(folder)
    appended("winner/program/main.py")(folder)
    _, found = verify(folder)
    claimed = json.loads((folder / "winner/certificate.json").read_bytes())["id"]
    assert (found["certificate"], found["task"], found["judge"]) == (claimed, "near", "")
    assert (found["attempt"], found["earlier"]) == (2, {"HOLDS": 1})
    (folder / "winner/certificate.json").write_text("{")
    _, found = verify(folder)
    assert (found["certificate"], found["attempt"], found["earlier"]) == ("", 1, {})


def put_into_cache(folder: Path) -> None:
    """A judge's part that Python would take for compiled from the honest one, unlooked at."""
    (folder / "yes.py").write_text(YES)
    py_compile.compile(
        str(folder / "yes.py"),
        cache_from_source(str(folder / "near/curve.py")),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


@pytest.mark.parametrize("tamper", [put_into_cache, appended("near/.mercy")])
def test_what_no_hash_covers_has_no_say(folder: Path, tamper: Tamper) -> None:
    tamper(folder)
    done, found = verify(folder)
    assert (done.code, found["standing"], found["changed"]) == (0, "HOLDS", [])
    assert found["signature"] == "not checked against any key"


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda folder: (folder / "winner/signature.json").unlink(), "there is none"),
        (signed_by_stranger, "its key is not one of the trusted ones"),
        (claimed_key, "it does not fit"),
        (flip_signature, "it does not fit"),
    ],
)
def test_only_a_trusted_signature_will_do(folder: Path, tamper: Tamper, words: str) -> None:
    tamper(folder)
    done, found = verify(folder, "--trusted-keys", "trusted.txt")
    assert (done.code, found["standing"]) == (1, "CHANGED")
    assert [one for one in found["changed"] if one.startswith("signature: ") and words in one]


def test_a_task_of_ours_judges_even_where_the_bundled_one_is_trusted(folder: Path) -> None:
    unsigned(yes_judge)(folder)
    done, found = verify(folder, "--trust-bundled-judge")
    assert (done.code, found["standing"]) == (1, "CHANGED")
    assert [one for one in found["changed"] if one.startswith(f"judge: curve.py {HERE}")]


def test_without_a_task_of_ours_nothing_is_said(folder: Path) -> None:
    (folder / "near").rename(folder / "away")
    done, answer = verify(folder)
    assert done.code == 2
    assert "--task FOLDER" in answer["errors"][0]["error"]
    assert answer["certificates"] == []
    named, found = verify(folder, "--task", "away")
    assert (named.code, found["standing"], found["judge"]) == (0, "HOLDS", "installed")


def test_the_task_that_is_named_judges_alone(folder: Path) -> None:
    """Else a change that renames the task in a certificate could bring its own judge for it."""
    shutil.copytree(folder / "near", folder / "merged")
    unsigned(yes_judge)(folder)

    for path in ("near/task.toml", "winner/task/task.toml"):
        replaced(path, '"near"', '"other"')(folder)
    ours = folder / "near"
    (ours / "curve.py").write_text(YES)
    text = (ours / "task.toml").read_bytes()

    def refit(content: Content) -> None:
        task = content["task"]
        task["name"] = "other"
        task["files"]["task.toml"] = sha256(text)
        task["digest"] = digest_listing(
            {path: one for path, one in task["files"].items() if path != "README.md"}
        )

    forge(folder / "winner", refit)
    ours.rename(folder / "other")
    done, found = verify(folder)
    assert (done.code, found["standing"]) == (0, "HOLDS")  # by the judge that came with the change
    done, answer = verify(folder, "--task", "merged")
    assert (done.code, answer["certificates"]) == (2, [])
    assert "of the task other, and --task names near" in answer["errors"][0]["error"]


def test_a_bundled_judge_says_no_more_than_that_the_folder_agrees_with_itself(
    folder: Path,
) -> None:
    (folder / "near").rename(folder / "away")
    unsigned(yes_judge)(folder)
    for options in (["--trust-bundled-judge"], ["--task", "winner/task"]):
        done, found = verify(folder, *options)
        assert (done.code, found["standing"]) == (0, "HOLDS"), found
        assert found["judge"] == "bundled"
        assert "judged by the copy of the task that came along" in found["reason"]


def test_a_task_that_was_put_beside_a_winner_changes_it(folder: Path) -> None:
    (folder / "near").rename(folder / "away")
    shutil.copytree(folder / "winner/task", folder / "winner/tasks/near")
    done = adrs(folder / "winner", "verify", "--store", str(folder / "store"), "--json")
    found = json.loads(done.out)["certificates"][0]["changed"]
    assert done.code == 1
    assert "folder: tasks/near/task.toml does not belong here" in found


def test_no_store_is_made_inside_a_winner(folder: Path) -> None:
    done = adrs(folder / "winner", "verify")
    assert done.code == 2
    assert "name a store with --store" in done.err
    assert verify(folder)[0].code == 0  # and so it is whole
