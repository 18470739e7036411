import asyncio
import inspect
import sys
from pathlib import Path

import pytest

import adrs
from adrs import Plugin, PluginError, installed_plugins, load_task
from adrs.plugins import _METHODS, GROUPS, load, task_folder
from adrs.testing.fakes import Silent

SANDBOX = """
class Cage:
    name = "cage"
    async def probe(self): ...
    async def open(self, room): ...

class Hole:
    async def probe(self): ...

def make_cage(): return Cage()
LIMIT = 3
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is installed from; nothing else has entry points of the group sandboxes."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, distribution: str, entry_points: str, **modules: str) -> None:
    info = site / f"{distribution}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(entry_points)
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)


def refused(group: str, name: str) -> str:
    with pytest.raises(PluginError) as caught:
        load(group, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_installed_is_listed_without_importing_it(site: Path) -> None:
    install(
        site, "cages", "[adrs.sandboxes]\ncage = cages_a:Cage\n", cages_a="raise SystemExit('no')"
    )
    assert Plugin("adrs.sandboxes", "cage", "cages_a:Cage", "cages", "1.5") in installed_plugins()
    assert {plugin.group for plugin in installed_plugins("adrs.sandboxes")} == {"adrs.sandboxes"}
    assert "cages_a" not in sys.modules


def test_a_class_and_a_function_load(site: Path) -> None:
    install(
        site,
        "cages",
        "[adrs.sandboxes]\ncage = cages_b:Cage\nmade = cages_b:make_cage\n",
        cages_b=SANDBOX,
    )
    assert load("adrs.sandboxes", "cage")().name == "cage"
    assert load("adrs.sandboxes", "made")().name == "cage"


def test_what_a_module_prints_is_no_answer_of_ours(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        site, "loud", "[adrs.sandboxes]\nloud = loud_a:Cage\n", loud_a=f"print('ho')\n{SANDBOX}"
    )
    load("adrs.sandboxes", "loud")
    assert capsys.readouterr() == ("", "ho\n")


def test_what_has_lost_its_metadata_is_listed_without_a_name(site: Path) -> None:
    (site / "lost-1.dist-info").mkdir()
    (site / "lost-1.dist-info/entry_points.txt").write_text("[adrs.sandboxes]\nlost = lost:Cage\n")
    assert Plugin("adrs.sandboxes", "lost", "lost:Cage", "unknown", "") in installed_plugins()


def test_entry_points_that_are_no_text_are_told_from_where(site: Path) -> None:
    install(site, "cages", "")
    (site / "cages-1.5.dist-info/entry_points.txt").write_bytes(b"\xff")
    with pytest.raises(PluginError, match=r"of cages 1\.5 is no text .* remove cages"):
        installed_plugins()


def test_an_unknown_name_gets_the_nearest_and_the_list(site: Path) -> None:
    install(site, "cages", "[adrs.sandboxes]\ncage = cages_c:Cage\n", cages_c=SANDBOX)
    said = refused("adrs.sandboxes", "caeg")
    assert "adrs.sandboxes has no 'caeg'; did you mean 'cage'? installed: " in said
    assert "'adrs.pets' is not a group of plug-ins" in refused("adrs.pets", "cat")


def test_a_name_that_two_distributions_claim(site: Path) -> None:
    install(site, "cages", "[adrs.sandboxes]\ncage = cages_d:Cage\n", cages_d=SANDBOX)
    install(site, "zoo", "[adrs.sandboxes]\ncage = cages_d:Cage\n")
    said = refused("adrs.sandboxes", "cage")
    assert (
        said
        == "adrs.sandboxes 'cage' is claimed by cages 1.5 and by zoo 1.5; uninstall all but one"
    )
    claims = [one for one in installed_plugins("adrs.sandboxes") if one.name == "cage"]
    assert [(one.distribution, one.error) for one in claims] == [("cages", said), ("zoo", said)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("cages_e:Cage", "does not load: RuntimeError: one two; reinstall or remove cages"),
        ("cages_absent:Cage", "does not load: ModuleNotFoundError: No module named 'cages_absent'"),
        ("cages_f:Absent", "does not load: AttributeError"),
        ("cages_f:LIMIT", "must be a class or a function, not int"),
        ("cages_f:Hole", "must have the methods probe, open; Hole lacks open"),
    ],
)
def test_what_is_broken_says_why(site: Path, value: str, said: str) -> None:
    install(
        site,
        "cages",
        f"[adrs.sandboxes]\ncage = {value}\n",
        cages_e="raise RuntimeError('one\\ntwo')",
        cages_f=SANDBOX,
    )
    assert said in refused("adrs.sandboxes", "cage")
    (found,) = (one for one in installed_plugins("adrs.sandboxes") if one.name == "cage")
    assert found.error == ""
    (checked,) = (
        one for one in installed_plugins("adrs.sandboxes", check=True) if one.name == "cage"
    )
    assert said in checked.error


def test_an_installed_task_is_found_without_importing_it(site: Path) -> None:
    install(site, "queues", "[adrs.tasks]\nqueue = queue_tasks.queue\nlost = queue_tasks.lost\n")
    folder = site / "queue_tasks" / "queue"
    (folder / "program").mkdir(parents=True)
    (site / "queue_tasks" / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "README.md").write_text("Serve.")
    (folder / "judge.py").write_text("")
    (folder / "program" / "policy.py").write_text("")
    (folder / "task.toml").write_text(
        '[task]\nname = "queue"\ntitle = "Serve"\n'
        '[program]\neditable = ["*.py"]\nentry = "policy"\n'
        '[objective]\nmetric = "p99"\n'
        '[[metric]]\nname = "p99"\ndirection = "minimize"\nunit = "ms"\n'
    )
    assert task_folder("queue") == folder
    assert load_task("queue").folder == folder
    with pytest.raises(PluginError, match="must name a folder inside an installed package"):
        task_folder("lost")
    errors = {one.name: one.error for one in installed_plugins("adrs.tasks", check=True)}
    assert errors["queue"] == ""
    assert "reinstall queues" in errors["lost"]


def test_the_methods_that_are_asked_for_are_those_of_the_ports() -> None:
    ports = {
        "adrs.proposers": adrs.Proposer,
        "adrs.evaluators": adrs.Evaluator,
        "adrs.sandboxes": adrs.Sandbox,
        "adrs.archives": adrs.Archive,
        "adrs.executors": adrs.Executor,
        "adrs.models": adrs.ModelServer,
    }
    for group, port in ports.items():
        methods = {name for name, _ in inspect.getmembers(port, inspect.isfunction)}
        assert {name for name in methods if not name.startswith("_")} == set(_METHODS[group])
    assert len(GROUPS) == 8


def test_a_proposer_must_say_whether_it_is_confined(site: Path, tmp_path: Path) -> None:
    """A certificate depends on it, so it is asked for before the search."""
    source = (
        "class Sly:\n    name = 'sly'\n    version = '1'\n"
        "    async def propose(self, context): ...\n    def observe(self, trial): ...\n"
    )
    install(site, "slies", "[adrs.proposers]\nsly = slies_a:Sly\n", slies_a=source)
    task = load_task(Path(__file__).parents[2] / "tasks" / "spot_single")
    settings = adrs.RunSettings(task=str(task.folder), trials=1, proposers=("sly",))
    store = adrs.open_store(tmp_path / "store")
    run = adrs.new_run(store, task, settings).name
    with pytest.raises(
        PluginError, match=r"sly must have name, version, confined .* and waits_for"
    ):
        asyncio.run(adrs.assemble(store, run, Silent()))
    store.close()
