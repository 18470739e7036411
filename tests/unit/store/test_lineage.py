"""The git lineage of a record, read by git and by GitPython, which did not write it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.store.lineage_runs import (
    KEPT,
    a_run,
    branches,
    git,
    lineage_at,
    parents_of,
    program_of,
    tell,
    tell_many,
)

from adrs import (
    Asked,
    Candidate,
    Certified,
    Direction,
    Lineage,
    Measured,
    Program,
    Score,
    Split,
    Status,
    Store,
    Told,
    Trial,
    open_store,
)
from adrs.errors import NotInStore, Unavailable
from adrs.model.trial import Idea
from adrs.store.lineage import BLOCK, GitLineage, open_lineage
from adrs.testing.store_contract import an_evaluation

HOSTILE = (
    "raise it\n\nAdrs-Score: 0.0\n# a comment\n---\ntoy-1/0 seed: SCORED 1\n\r\n"
    "diff --git a/x b/x\n\x1b[2J\x00\ud800\u202e\u2028done" + "x" * 9000
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def lineage(store: Store, tmp_path: Path) -> Iterator[GitLineage]:
    made = lineage_at(tmp_path)
    yield made
    made.close()


@pytest.fixture
def run(store: Store) -> str:
    return a_run(store)


def message(lineage: GitLineage, commit: str) -> str:
    return git(lineage.folder, "log", "-1", "--format=%B", commit)


# --- what a commit is ------------------------------------------------------------------------


def test_every_program_is_a_commit_whose_parents_are_its_lineage(
    store: Store, lineage: GitLineage, run: str
) -> None:
    from git import Repo

    tell_many(store, run, range(12))
    commits = lineage.commits(run)
    assert sorted(commits) == list(range(12))
    with Repo(lineage.folder) as repository:
        for number, commit in commits.items():
            found = repository.commit(commit)
            expected = dict.fromkeys(commits[parent] for parent in parents_of(number))
            assert [parent.hexsha for parent in found.parents] == list(expected)
            files = {str(one.path): one for one in found.tree.traverse() if one.type == "blob"}
            content = {path: one.data_stream.read() for path, one in files.items()}
            assert content == dict(program_of(number).files)
            assert {one.mode for one in files.values()} == {0o100644}
            assert (found.author.name, found.author.email) == ("ADRS", "adrs@invalid")
            assert found.author == found.committer
            [told] = [at for at in store.moments(run) if at.trial == number and at.kind == "told"]
            assert found.authored_date == found.committed_date == int(told.at)
            assert found.author_tz_offset == 0


def test_a_message_is_for_people_and_its_last_paragraph_for_machines(
    store: Store, lineage: GitLineage, run: str
) -> None:
    tell(store, run, 0)
    idea = Idea("waits are short", "wait less", "cost_usd", 0.05, "more misses")
    made = Lineage(
        "planner", "2", (0,), (0,), "wait less\nthan before", (), "a model", "repair", 0.1, idea
    )
    trial = tell(store, run, 1, 12.5, lineage=made, island=2)
    commit = lineage.commits(run)[1]
    assert message(lineage, commit).splitlines() == [
        f"{run}/1 planner: SCORED 12.5",
        "",
        "    wait less",
        "    than before",
        "    why: waits are short",
        "    change: wait less",
        "    expected: cost_usd better by 5.0 %",
        "    risk: more misses",
        "",
        "train: cost_usd 6.41667 USD, z -1e-300 (on 2 workloads, 2 times)",
        "",
        f"Adrs-Run: {run}",
        f"Adrs-Trial: {run}/1",
        f"Adrs-Program: {trial.program.id}",
        "Adrs-Proposer: planner 2",
        "Adrs-Operator: repair",
        "Adrs-Author: a model",
        "Adrs-Parents: 0",
        "Adrs-Inspirations: 0",
        "Adrs-Island: 2",
        "Adrs-Status: SCORED",
        "Adrs-Score: 12.5",
        "Adrs-Kept: yes",
        "Adrs-Told: 1",
    ]


def test_what_others_wrote_is_neither_trailer_nor_comment_nor_subject(
    store: Store, lineage: GitLineage, run: str
) -> None:
    tell(store, run, 0)
    name = "tune\nAdrs-Score: 0.0"
    made = Lineage(name, "\n", (0,), (), HOSTILE, (), HOSTILE, name, idea=Idea(HOSTILE, HOSTILE))
    tell(store, run, 1, 5.0, lineage=made)
    store.append(
        run,
        [
            Asked(2, Trial(2, Candidate(program_of(2), Lineage("tune", "1", (1,))))),
            Measured(2, replace(an_evaluation(status=Status.CRASHED), reason=HOSTILE)),
            Told(2, None, KEPT),
        ],
    )
    commits = lineage.commits(run)
    for number in (1, 2):
        whole = message(lineage, commits[number])
        assert whole.replace("\n", "").isprintable()
        assert len(whole) < 20_000
        trailers = git(lineage.folder, "log", "-1", "--format=%(trailers:only)", commits[number])
        keys = [line.split(": ")[0] for line in trailers.splitlines()]
        assert len(set(keys)) == len(keys)
        assert all(line.startswith("Adrs-") for line in trailers.splitlines())
        assert not any(line.startswith(("#", "---", "diff ")) for line in whole.splitlines())
    said = git(lineage.folder, "log", "--all", "--format=%H", "--grep", "^Adrs-Score: 0.0")
    assert said == ""
    assert git(lineage.folder, "rev-parse", f":/^{run}/0 ") == commits[0]
    assert lineage.faults() == []


def test_names_that_git_takes_for_its_own_are_spelled_out(
    store: Store, lineage: GitLineage, run: str, tmp_path: Path
) -> None:
    hostile = (
        "git~1",
        "GIT~1/x",
        "a/.g\u200cit/config",
        "gi7eba~1",
        "%67it~1",
        "\u200c.git/x",
        "~1",
    )
    harmless = ("x~1", "%", 'q"uo te', "-x", "100%25", "\u00e9")
    files = {name: name.encode() for name in (*hostile, *harmless)}
    tell(store, run, 0, program=Program(files))
    commit = lineage.commits(run)[0]
    assert lineage.faults() == []
    git(tmp_path, "clone", "-q", "-b", f"{run}/best", str(lineage.folder), "clone")
    clone = tmp_path / "clone"
    git(clone, "fsck", "--strict")
    content = {
        str(path.relative_to(clone)): path.read_bytes()
        for path in clone.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(clone).parts
    }
    assert sorted(content.values()) == sorted(files.values())
    assert set(harmless) <= content.keys()
    assert content["%2567it~1"] == b"%67it~1"
    assert content["%67it~1"] == b"git~1"
    assert git(clone, "rev-parse", "HEAD") == commit


def test_parents_that_are_not_told_before_are_left_out(
    store: Store, lineage: GitLineage, run: str
) -> None:
    tell(store, run, 0)
    tell(store, run, 1, lineage=Lineage("odd", "1", (5, 0, 0, 1)))
    commits = lineage.commits(run)
    assert git(lineage.folder, "log", "-1", "--format=%P", commits[1]) == commits[0]
    assert "Adrs-Parents: 5 0 0 1" in message(lineage, commits[1])


def test_a_commit_says_what_was_known_when_its_trial_was_told(
    store: Store, lineage: GitLineage, run: str
) -> None:
    tell_many(store, run, range(3))
    before = lineage.commits(run)
    store.append(run, [Measured(1, an_evaluation(5.0, Split.VALIDATION, Status.CRASHED))])
    shutil.rmtree(lineage.folder)
    assert lineage.commits(run) == before
    assert lineage.faults() == []


# --- branches --------------------------------------------------------------------------------


def test_few_branches_reach_all(store: Store, lineage: GitLineage, run: str) -> None:
    tell_many(store, run, range(2 * BLOCK + 30))
    tell(store, run, 2 * BLOCK + 30, 2000.0)
    commits = lineage.commits(run)
    assert len(commits) == 2 * BLOCK + 31
    found = branches(lineage.folder)
    assert found.keys() == {
        f"{run}/{one}" for one in ("all", "best", *map("island-{}".format, range(3)))
    }
    reached = git(lineage.folder, "rev-list", f"{run}/all").split()
    assert set(commits.values()) <= set(reached)
    assert len(reached) == len(commits) + 3, "three ledgers"
    best = store.best_number(run, Direction.MINIMIZE)
    assert best is not None
    assert found[f"{run}/best"] == commits[best]
    for island in range(3):
        scored = [t for t in store.trials(run) if t.island == island and t.score is not None]
        number = min(scored, key=lambda t: t.score.value if t.score else 0).number
        assert found[f"{run}/island-{island}"] == commits[number]
    assert not list(lineage.folder.glob("refs/heads/**/*")), "they are packed"


def test_the_best_is_that_of_the_record(store: Store, lineage: GitLineage, run: str) -> None:
    scores = [Score(5.0), Score(3.0, 0.1), Score(4.0, 0.0, 0.5, 3), Score(4.4), Score(4.4), None]
    for number, score in enumerate(scores):
        trial = Trial(number, Candidate(program_of(number), Lineage("x", "1", parents_of(number))))
        facts = [Asked(number, trial), Measured(number, an_evaluation()), Told(number, score, KEPT)]
        store.append(run, facts)
        commits = lineage.commits(run)
        best = store.best_number(run, Direction.MINIMIZE)
        assert best is not None
        assert branches(lineage.folder)[f"{run}/best"] == commits[best]
    assert best == 3
    assert "3, violates a constraint" in message(lineage, commits[1])


def test_a_winner_has_a_branch(store: Store, lineage: GitLineage, run: str) -> None:
    tell_many(store, run, range(4))
    commits = lineage.commits(run)
    assert f"{run}/winner" not in branches(lineage.folder)
    for number in (2, 3):
        store.append(run, [Certified(number, str(number) * 64, "{}")])
        assert lineage.commits(run) == commits
        assert branches(lineage.folder)[f"{run}/winner"] == commits[number]
        assert lineage.faults() == []


# --- one record, one repository --------------------------------------------------------------


@pytest.mark.parametrize("steps", [(BLOCK + 21,), (1, 3, 50, 46, 21), (BLOCK, 21)])
def test_each_state_of_the_record_has_one_lineage(
    store: Store, lineage: GitLineage, run: str, tmp_path: Path, steps: tuple[int, ...]
) -> None:
    """However often it was followed, by whom, and from where on it was made again."""
    told = 0
    for index, count in enumerate(steps):
        tell_many(store, run, range(told, told + count))
        told += count
        another = lineage_at(tmp_path)
        (another if index % 2 else lineage).catch_up(run)
        another.close()
    found = branches(lineage.folder)
    shutil.rmtree(lineage.folder)
    lineage.catch_up(run)
    assert branches(lineage.folder) == found
    assert len(found) == 5
    assert lineage.faults() == []


def test_nothing_is_written_twice(store: Store, lineage: GitLineage, run: str) -> None:
    tell_many(store, run, range(5))
    lineage.catch_up(run)
    before = sorted(lineage.folder.rglob("*"))
    assert not lineage.follow(run)
    again = GitLineage(lineage.folder.with_name("store.sqlite"))
    assert len(again.commits(run)) == 5
    again.close()
    assert sorted(lineage.folder.rglob("*")) == before


def test_a_record_that_was_put_back_is_followed_again(
    store: Store, lineage: GitLineage, run: str, tmp_path: Path
) -> None:
    tell_many(store, run, range(3))
    store.close()
    shutil.copytree(tmp_path, tmp_path / "copy")
    later = open_store(tmp_path)
    tell_many(later, run, range(3, 9))
    later.close()
    lineage.catch_up(run)
    shutil.copytree(lineage.folder, tmp_path / "copy/lineage.git")
    earlier = open_store(tmp_path / "copy")
    other = lineage_at(tmp_path / "copy")
    assert any("holds 9 trials" in fault for fault in other.faults())
    tell(earlier, run, 3, 1.0)
    assert sorted(other.commits(run)) == [0, 1, 2, 3]
    assert other.faults() == []
    earlier.close()
    other.close()


def test_a_run_without_trials_has_no_repository(lineage: GitLineage, run: str) -> None:
    assert lineage.commits(run) == {}
    assert not lineage.folder.exists()
    with pytest.raises(NotInStore):
        lineage.follow("toy-9")


def test_stores_in_one_folder_do_not_share(tmp_path: Path) -> None:
    folders = set()
    for url in (tmp_path, f"sqlite:///{tmp_path}/a.sqlite", f"sqlite:///{tmp_path}/b.sqlite"):
        lineage = open_lineage(url)
        folders.add(lineage.folder)
        lineage.close()
    assert folders == {
        tmp_path / name for name in ("lineage.git", "a.sqlite.lineage.git", "b.sqlite.lineage.git")
    }


# --- plain git -------------------------------------------------------------------------------


def test_bisect_finds_the_step_that_broke_it(
    store: Store, lineage: GitLineage, run: str, tmp_path: Path
) -> None:
    for number in range(20):
        broken = {"solve.py": b"broken\n"} if number >= 13 else {}
        step = Program({**program_of(number).files, **broken, "n": b"%d" % number})
        parents = (number - 1,) if number else ()
        tell(store, run, number, program=step, lineage=Lineage("tune", "1", parents))
    commits = lineage.commits(run)
    git(tmp_path, "clone", "-q", "-b", f"{run}/best", str(lineage.folder), "clone")
    clone = tmp_path / "clone"
    git(clone, "bisect", "start", "--first-parent", "HEAD", commits[0])
    git(clone, "bisect", "run", "sh", "-c", "! grep -q broken solve.py")
    assert git(clone, "rev-parse", "bisect/bad") == commits[13]
    graph = git(lineage.folder, "log", "--graph", "--format=%s", f"{run}/best").splitlines()
    assert graph[0] == f"* {run}/19 tune: SCORED 981"
    changed = git(lineage.folder, "diff", "--name-only", commits[3], commits[4]).splitlines()
    assert changed == ["n", "solve.py"]


# --- an environment that is not ours ---------------------------------------------------------


def test_what_is_configured_does_not_matter(
    store: Store, lineage: GitLineage, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store, run, 0)
    expected = lineage.commits(run)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    hook = "#!/bin/sh\ntouch " + str(tmp_path / "ran") + "\nexit 1\n"
    for folder in (hooks, lineage.folder / "hooks"):
        folder.mkdir(exist_ok=True)
        (folder / "reference-transaction").write_text(hook)
        (folder / "reference-transaction").chmod(0o755)
    config = f"[core]\n\thooksPath = {hooks}\n[init]\n\tdefaultBranch = odd\n[user]\n\tname = me\n"
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    tell(store, run, 1)
    assert lineage.commits(run)[0] == expected[0]
    assert lineage.faults() == []
    lineage.tidy()
    assert {path.name for path in tmp_path.iterdir()} >= {"store.sqlite", "lineage.git"}
    assert not [name for name in ("ran", "trace", "elsewhere") if (tmp_path / name).exists()]


def test_git_that_is_missing_is_said_with_the_cure(
    store: Store, lineage: GitLineage, run: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tell(store, run, 0)
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        with pytest.raises(Unavailable, match="apt-get install git"):
            lineage.follow(run)
    assert len(lineage.commits(run)) == 1


def test_something_else_in_its_place_is_left_alone(
    store: Store, lineage: GitLineage, run: str
) -> None:
    tell(store, run, 0)
    lineage.folder.mkdir()
    (lineage.folder / "letter").write_text("dear")
    with pytest.raises(Unavailable, match="move it away"):
        lineage.follow(run)
    assert (lineage.folder / "letter").read_text() == "dear"


def test_a_disk_that_is_full_is_caught_up_later(
    store: Store, lineage: GitLineage, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store, run, 0)
    lineage.catch_up(run)
    tell_many(store, run, range(1, 4))
    packs = lineage.folder / "objects/pack"
    away = packs.rename(packs.with_name("away"))
    packs.write_text("no folder, so nothing can be written into it")
    with pytest.raises(Unavailable, match="failed"):
        lineage.follow(run)
    packs.unlink()
    away.rename(packs)
    assert len(lineage.commits(run)) == 4
    assert lineage.faults() == []
    assert not list(lineage.folder.glob("fast_import_crash_*"))


def test_two_writers_take_turns(store: Store, run: str, tmp_path: Path) -> None:
    tell_many(store, run, range(BLOCK + 40))
    writers = [lineage_at(tmp_path) for _ in range(4)]
    failed: list[BaseException] = []

    def write(one: GitLineage) -> None:
        try:
            one.catch_up(run)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(one,)) for one in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(writers[0].commits(run)) == BLOCK + 40
    assert writers[0].faults() == []
    for one in writers:
        one.close()


# --- faults ----------------------------------------------------------------------------------


@pytest.fixture
def written(store: Store, lineage: GitLineage, run: str) -> dict[int, str]:
    tell_many(store, run, range(8))
    commits = lineage.commits(run)
    assert lineage.faults() == []
    return commits


def replaced(lineage: GitLineage, run: str, commit: str, changed: str) -> str:
    """Another commit in the place of the ledger's, which names `changed` where that one was."""
    folder = lineage.folder
    old = git(folder, "cat-file", "commit", f"{run}/all").replace(commit, changed) + "\n"
    made = subprocess.run(
        ["git", "-C", str(folder), "hash-object", "-t", "commit", "-w", "--stdin"],
        input=old, text=True, capture_output=True, check=True,
    ).stdout.strip()  # fmt: skip
    git(folder, "update-ref", f"refs/heads/{run}/all", made)
    return made


def test_a_commit_with_other_files_is_a_fault(
    lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    other = git(lineage.folder, "rev-parse", f"{written[2]}^{{tree}}")
    said = git(lineage.folder, "log", "-1", "--format=%B", written[7])
    forged = git(lineage.folder, "commit-tree", other, "-p", written[6], "-m", said)
    replaced(lineage, run, written[7], forged)
    [fault] = lineage.faults()
    assert f"trial {run}/7 does not have the files of the record" in fault
    assert f"delete {lineage.folder}, it is made again" in fault


def test_a_commit_that_says_something_else_is_a_fault(
    lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    tree = git(lineage.folder, "rev-parse", f"{written[7]}^{{tree}}")
    forged = git(lineage.folder, "commit-tree", tree, "-p", written[6], "-m", "better")
    replaced(lineage, run, written[7], forged)
    [fault] = lineage.faults()
    assert f"trial {run}/7 says something else than the record" in fault


def test_a_branch_that_leads_elsewhere_is_a_fault(
    store: Store, lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    git(lineage.folder, "update-ref", f"refs/heads/{run}/best", written[7])
    git(lineage.folder, "update-ref", f"refs/heads/{run}/winner", written[3])
    git(lineage.folder, "update-ref", f"refs/heads/{run}/island-9", written[3])
    git(lineage.folder, "update-ref", f"refs/heads/{run}/mine", written[3])
    faults = "\n".join(lineage.faults())
    assert faults.count("\n") == 2, "a branch that we know nothing of is none"
    assert all(f"{run}/{name} is not where" in faults for name in ("best", "winner", "island-9"))


def test_a_ledger_without_its_parents_is_a_fault(
    lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    said = git(lineage.folder, "log", "-1", "--format=%B", f"{run}/all")
    tree = git(lineage.folder, "rev-parse", f"{run}/all^{{tree}}")
    forged = git(lineage.folder, "commit-tree", tree, "-p", written[0], "-m", said)
    git(lineage.folder, "update-ref", f"refs/heads/{run}/all", forged)
    [fault] = lineage.faults()
    assert f"{run}/all does not reach" in fault


def test_a_damaged_object_is_a_fault(
    lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    [pack] = lineage.folder.glob("objects/pack/*.pack")
    pack.chmod(0o644)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0xFF
    pack.write_bytes(content)
    assert "git fsck says: " in lineage.faults()[0]
    shutil.rmtree(lineage.folder)
    assert lineage.commits(run) == written
    assert lineage.faults() == []


def test_to_be_behind_is_no_fault(
    store: Store, lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    tell_many(store, run, range(8, 12))
    a_run(store)
    assert lineage.faults() == []


def test_a_killed_writer_that_moved_some_branches_is_no_fault(
    store: Store, lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    before = branches(lineage.folder)
    tell_many(store, run, range(8, 12))
    lineage.catch_up(run)
    after = branches(lineage.folder)
    for moved in after:
        for name in after:
            git(
                lineage.folder,
                "update-ref",
                f"refs/heads/{name}",
                (after if name == moved else before)[name],
            )
        assert lineage.faults() == []
        again = GitLineage(lineage.folder.with_name("store.sqlite"))
        again.catch_up(run)
        again.close()
        assert branches(lineage.folder) == after


# --- care ------------------------------------------------------------------------------------


def test_a_forgotten_run_leaves_nothing(
    store: Store, lineage: GitLineage, run: str, written: dict[int, str], tmp_path: Path
) -> None:
    other = a_run(store)
    tell(store, other, 0)
    tell(store, other, 1, program=Program({"only": b"here"}))
    kept = lineage.commits(run)
    gone = lineage.commits(other)
    store.delete_run(other)
    lineage.forget(other)
    assert all(name.startswith(f"{run}/") for name in branches(lineage.folder))
    objects = git(lineage.folder, "cat-file", "--batch-all-objects", "--batch-check")
    assert gone[1] not in objects
    assert all(commit in objects for commit in kept.values())
    assert lineage.faults() == []


def test_packing_keeps_all_that_is_named_and_drops_the_rest(
    store: Store, lineage: GitLineage, run: str, written: dict[int, str], tmp_path: Path
) -> None:
    """While another process follows a run, that does not notice."""
    follower = lineage_at(tmp_path)
    for number in range(8, 30):
        tell(store, run, number)
        follower.catch_up(run)
    other = a_run(store)
    tell(store, other, 0)
    gone = lineage.commits(other)
    store.delete_run(other)  # and killed before its commits were forgotten
    assert lineage.faults() == []
    assert lineage.tidy() > 0
    assert len(list(lineage.folder.glob("objects/pack/*.pack"))) == 1
    objects = git(lineage.folder, "cat-file", "--batch-all-objects", "--batch-check")
    assert gone[0] not in objects
    tell(store, run, 30)
    follower.catch_up(run)
    follower.close()
    assert sorted(lineage.commits(run)) == list(range(31))
    assert lineage.faults() == []


def test_many_packs_become_few(store: Store, lineage: GitLineage, run: str) -> None:
    for number in range(50):
        tell(store, run, number)
        lineage.catch_up(run)
    assert len(list(lineage.folder.glob("objects/pack/*.pack"))) <= 41
    assert lineage.faults() == []


def test_locks_without_an_owner_are_removed(
    store: Store, lineage: GitLineage, run: str, written: dict[int, str]
) -> None:
    for name in ("packed-refs.lock", f"refs/heads/{run}/all.lock", "objects/pack/tmp_pack_x"):
        file = lineage.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (lineage.folder / "objects/pack/pack-0.keep").write_bytes(b"fast-import")
    tell(store, run, 8)
    lineage.catch_up(run)
    left = [str(path) for path in lineage.folder.rglob("*") if path.suffix in (".lock", ".keep")]
    assert left == []
