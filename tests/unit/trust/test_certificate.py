"""What a certificate holds: all that is needed to check a winner, and nothing of the machine."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.trust.winner import (
    FASTER,
    FILES,
    SALT,
    SET,
    SHARES,
    Winner,
    apart,
    evaluation,
    make_task,
    record_winner,
    trial,
    with_own_id,
)

import adrs
from adrs import CertificateChanged, ConfigError
from adrs.trust import Certificate, certificate_schema, parse_certificate

SCHEMA = Path(adrs.__file__).parent / "trust" / "certificate.schema.json"
TELLTALE = "quokka"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Any]:
    """Makes winners with something special about them."""
    opened = []

    def make(folder: str = "toy", **changes: Any) -> Winner:
        task = make_task(tmp_path / folder)
        opened.append(record_winner(tmp_path / "store", task, **changes))
        return opened[-1]

    yield make
    for one in opened:
        one.store.close()


def test_it_says_what_was_measured_on_what(kept: Winner, certificate: Certificate) -> None:
    this = certificate
    assert this.task.digest == kept.task.digest
    decides = {path: sha256(text) for path, text in FILES.items() if path != "checks/notes.txt"}
    assert this.task.files == decides
    assert this.program.files["solve.py"] == sha256(FASTER)
    assert this.program.id == kept.store.trial(kept.run, 1).program.id
    assert (this.winner.program, this.baseline.program) == (this.program.id, kept.task.seed.id)
    assert this.references["steady"].program == kept.task.references["steady"].id
    assert (this.objective.reference, this.objective.min_effect) == ("steady", 0.05)
    assert (this.held_out.salt, this.held_out.workloads, this.held_out.source) == (SALT, SET, "")
    assert this.run.seed == str(2**60 + 1)
    assert [one.trial for one in this.lineage] == [1, 0]
    finding = kept.store.finding(kept.run)
    assert finding is not None
    assert finding.effect is not None
    assert this.finding.effect.value == finding.effect.value
    assert (this.finding.units, this.finding.looks, this.finding.level) == (10, 1, 0.95)
    for ours, theirs in (
        (this.winner, evaluation(SHARES)),
        (this.baseline, evaluation()),
        (this.references["steady"], evaluation([0.9] * 10)),
    ):
        assert this.evaluation(ours).samples == theirs.samples
        assert this.evaluation(ours).isolation == theirs.isolation
    assert this.plain_objective() == kept.task.objective
    assert this.plain_constraints() == kept.task.brief.constraints
    (train,) = this.search
    assert train.winner is not None
    assert train.winner.value == pytest.approx(0.7 * 55.05 * 1.0005)


def test_files_are_told_apart_by_what_they_are_for(certificate: Certificate) -> None:
    kinds = {path: certificate.task.kind(path) for path in certificate.task.files}
    assert kinds == {
        "task.toml": "task",
        "README.md": "task",
        "judge.py": "judge",
        "rules.py": "judge",
        "program/solve.py": "seed",
        "program/.style": "seed",
        "references/steady/solve.py": "reference",
    }


def test_its_id_is_the_hash_of_everything_else(certificate: Certificate) -> None:
    content = json.loads(certificate.canonical())
    claimed = content.pop("id")
    assert claimed == hashlib.sha256(rfc8785.dumps(content)).hexdigest() == certificate.own_id()


def test_it_comes_back_as_it_went_out(certificate: Certificate) -> None:
    assert parse_certificate(certificate.canonical()) == certificate


@settings(max_examples=50)
@given(
    costs=st.lists(st.floats(1e-100, 1e150), min_size=1, max_size=4),
    text=st.text(st.characters(exclude_categories=["Cs"])),
    seed=st.integers(-(10**30), 10**30),
)
def test_any_figure_and_text_comes_back(
    costs: list[float], text: str, seed: int, certificate: Certificate
) -> None:
    made = certificate
    samples = tuple(
        made.winner.samples[0].model_copy(
            update={"metrics": {"cost_usd": cost, text: -cost}, "workload": text, "wall_s": cost}
        )
        for cost in costs
    )
    changed = made.model_copy(
        update={
            "references": {text: made.winner.model_copy(update={"samples": samples})},
            "run": made.run.model_copy(update={"seed": str(seed)}),
        }
    )
    whole = changed.model_copy(update={"id": changed.own_id()})
    assert parse_certificate(whole.canonical()) == whole


def test_the_published_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == certificate_schema(), (
        "write it anew: python -c 'from adrs.trust import certificate_schema; "
        'print(certificate_schema(), end="")\' > adrs/trust/certificate.schema.json'
    )


def test_the_schema_knows_every_field_and_allows_no_other(certificate: Certificate) -> None:
    schema = json.loads(SCHEMA.read_text())
    objects = [schema, *(one for one in schema["$defs"].values() if one.get("type") == "object")]
    assert len(objects) > 15
    assert all(one["additionalProperties"] is False for one in objects)
    assert schema["required"] == list(Certificate.model_fields)


def test_only_a_winner_is_certified(winner: Winner) -> None:
    finding = winner.store.finding(winner.run)
    assert finding is not None
    lost = replace(finding, verdict=adrs.Verdict.NOT_CONFIRMED, reason="too close")
    winner.store.append(winner.run, [adrs.Found(lost)])
    with pytest.raises(ValueError, match="NOT_CONFIRMED"):
        winner.certificate()
    with pytest.raises(adrs.NotInStore):
        replace(winner, run="toy-9").certificate()


def test_a_finding_that_its_samples_do_not_give_is_not_certified(winner: Winner) -> None:
    finding = winner.store.finding(winner.run)
    assert finding is not None
    better = replace(finding, effect=adrs.Interval(0.4, 0.39, 0.41)) if finding.effect else finding
    winner.store.append(winner.run, [adrs.Found(better)])
    with pytest.raises(ValueError, match="effect is 20"):
        winner.certificate()


@pytest.mark.parametrize("path", ["judge.py", "program/solve.py", "references/steady/solve.py"])
def test_a_task_that_was_changed_since_is_not_certified(winner: Winner, path: str) -> None:
    (winner.task.folder / path).write_text("# mended\n")
    with pytest.raises(ConfigError, match="changed since run toy-1 was started"):
        winner.certificate()


def test_a_task_that_is_gone_is_not_certified(winner: Winner) -> None:
    winner.task.folder.rename(winner.task.folder.with_name("elsewhere"))
    with pytest.raises(ConfigError, match="not there any more"):
        winner.certificate()


def test_the_last_finding_is_certified_with_its_own_samples(winner: Winner) -> None:
    """The same held-out set may be looked at more than once."""
    again = evaluation([0.75] * 9 + [0.74])
    finding = adrs.judge_held_out(
        winner.task.objective, winner.task.brief.constraints, evaluation(), again,
        trial=1, salt=SALT, looks=2,
    )  # fmt: skip
    facts = [adrs.Measured(0, evaluation()), adrs.Measured(1, again), adrs.Found(finding)]
    winner.store.append(winner.run, facts)
    certificate = winner.certificate()
    assert certificate.finding.looks == 2
    assert certificate.finding.level == 0.975
    assert certificate.evaluation(certificate.winner).samples == again.samples


def test_real_workloads_are_named_by_their_hash(recorded: Any, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("1,2\n")
    certificate = recorded(settings={"workloads": str(file)}).certificate()
    assert certificate.held_out.source == sha256("1,2\n")
    folder = tmp_path / "traces"
    (folder / "day").mkdir(parents=True)
    sources = set()
    for name in ("a.csv", "day/b.csv"):
        (folder / name).write_text("1,2\n")
        sources.add(recorded(settings={"workloads": str(folder)}).certificate().held_out.source)
    assert len(sources) == 2
    winner = recorded(settings={"workloads": str(tmp_path / "gone.csv")})
    with pytest.raises(ConfigError, match=r"gone\.csv cannot be read"):
        winner.certificate()


def test_accepted_isolation_is_said(recorded: Any) -> None:
    bare = adrs.Isolation("process", adrs.IsolationLevel.PROCESS, {"wall": "so"}, {"seccomp": "no"})
    certificate = recorded(
        best=evaluation(SHARES, isolation=bare), settings={"accept_isolation": "process"}
    ).certificate()
    assert certificate.accepted_isolation == "process"
    assert certificate.winner.isolation.level is adrs.IsolationLevel.PROCESS
    assert "could have changed its own figures" in certificate.how_to_verify


def test_proposers_that_were_not_confined_are_named(recorded: Any) -> None:
    winner = recorded()
    assert winner.certificate().proposer_confined
    unknown = winner.certificate(confined={})
    assert (unknown.proposer_confined, unknown.unconfined) == (False, ("tune",))


def test_a_winner_owes_something_to_whoever_inspired_its_ancestors(recorded: Any) -> None:
    task = make_task(Path(recorded().task.folder))
    programs = [task.seed.replacing({"solve.py": b"# %d\n" % at}) for at in range(5)]
    between = [
        trial(1, programs[1], 0, proposer="agent"),
        trial(2, programs[2], 0, inspirations=(1,)),
        trial(3, programs[3], 2, proposer="mutate"),
    ]
    certificate = recorded(between=between).certificate()
    assert [one.trial for one in certificate.lineage] == [4, 3, 2, 0]
    assert (certificate.proposer_confined, certificate.unconfined) == (False, ("agent",))
    assert "`agent`" in certificate.how_to_verify


def test_a_long_line_of_ancestors_is_cut(recorded: Any) -> None:
    task = make_task(Path(recorded().task.folder))
    between = [
        trial(at, task.seed.replacing({"solve.py": b"# %d\n" % at}), at - 1) for at in range(1, 205)
    ]
    certificate = recorded(between=between).certificate()
    assert [one.trial for one in certificate.lineage] == list(range(205, 5, -1))
    assert certificate.lineage_omitted == 6


def test_nothing_says_where_or_whose_the_machine_is(
    recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "node", lambda: "numbat.example.org")
    monkeypatch.setattr(getpass, "getuser", lambda: "bilby")
    monkeypatch.setenv("HOME", f"/home/{TELLTALE}")
    source = tmp_path / f"{TELLTALE} traces" / "trace.csv"
    source.parent.mkdir()
    source.write_text("1\n")
    certificate = recorded(
        folder=f"{TELLTALE}/of bilby/toy",
        settings={"workloads": str(source)},
        best=evaluation(SHARES, isolation=apart(memory=f"cgroup /sys/fs/{TELLTALE}/x of numbat")),
        description={
            "kernel": "6.1-numbat",
            "python": f"3.11 at file:///opt/{TELLTALE}/bin, GB/s",
            "libraries": {f"pkg @ https://{TELLTALE}@index/simple": f"~/{TELLTALE}"},
            "deep": [{"by": "bilby", "cores": 2**70, "share": 0.5, "turbo": True}],
        },
        lineage={
            "plan": f"read {tmp_path}/{TELLTALE}/of bilby/toy/judge.py and {source}",
            "version": f"1 (/usr/{TELLTALE})",
        },
    ).certificate()
    text = certificate.canonical().decode()
    for word in (TELLTALE, "numbat", "bilby", str(tmp_path), "/home"):
        assert word not in text, word
    assert certificate.lineage[0].plan == "read (path) and (path)"
    assert certificate.fingerprint["python"] == "3.11 at file:(path), GB/s"
    assert certificate.fingerprint["deep"] == [
        {"by": "(name)", "cores": str(2**70), "share": 0.5, "turbo": True}
    ]


def test_a_plan_is_cut(recorded: Any) -> None:
    certificate = recorded(lineage={"plan": "x" * 10_000}).certificate()
    assert len(certificate.lineage[0].plan) == 400


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(extra=1), "schema: extra: Extra inputs"),
        (lambda c: c.update({"\x1b[31m": 1}), "schema: \\x1b[31m: Extra inputs"),
        (lambda c: c["finding"].update(units="10"), "schema: finding.units: Input should be a"),
        (lambda c: c["finding"].update(verdict="REFUSED"), "schema: finding.verdict"),
        (lambda c: c.update(format="adrs-certificate/2"), "schema: format"),
        (lambda c: c.pop("baseline"), "schema: baseline: Field required"),
        (lambda c: c["winner"].update(samples=[]), "schema: winner.samples"),
        (lambda c: c["task"]["files"].update({"../../etc/x": "0" * 64}), "must be relative"),
        (lambda c: c["program"]["files"].update({"/etc/x": "0" * 64}), "must be relative"),
        (lambda c: c["run"].update(name="../../x"), "schema: run.name"),
        (lambda c: c["fingerprint"].update(cores=2**60), "cannot be written as canonical JSON"),
        (lambda c: c["task"]["files"].pop("judge.py"), "do not have the task's digest"),
        (lambda c: c["task"].update(judge="0" * 64), "do not have the judge's digest"),
        (lambda c: c["program"]["files"].update(x="0" * 64), "do not have the program's id"),
        (lambda c: c["winner"].update(program="0" * 64), "of the winner are of another program"),
        (lambda c: c["baseline"].update(program="0" * 64), "are not of the task's seed"),
        (lambda c: c["lineage"].reverse(), "lineage does not start with the winner"),
        (lambda c: c.update(proposer_confined=False), "says that proposers were confined"),
    ],
)
def test_what_does_not_fit_the_schema_or_itself_is_refused(
    certificate: Certificate, change: Any, said: str
) -> None:
    content = json.loads(certificate.canonical())
    change(content)
    try:
        altered = with_own_id(content)
    except rfc8785.CanonicalizationError:
        altered = json.dumps(content).encode()
    with pytest.raises(CertificateChanged) as refused:
        parse_certificate(altered)
    assert any(said in fault for fault in refused.value.changed), refused.value.changed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"id": 1, "id": 1}', "duplicate key"),
        (b'{"id": NaN}', "NaN is no number"),
        (b'{"id": -Infinity}', "Infinity is no number"),
        (b"1" * 5000, "not JSON"),
        (b" " * (16 * 1024 * 1024 + 1), "more than"),
        (b'"\x1b[31m"', "not JSON"),
    ],
)
def test_hostile_json_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(CertificateChanged) as refused:
        parse_certificate(content)
    assert any(said in fault for fault in refused.value.changed), refused.value.changed
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("number", [b"1e999", b"1e151", b"-1e400"])
def test_a_number_without_bounds_is_refused(certificate: Certificate, number: bytes) -> None:
    content = certificate.canonical()
    for name in (b'"cost_usd":', b'"value":'):
        start = content.index(name) + len(name)
        end = start + min(content[start:].index(b","), content[start:].index(b"}"))
        faults = refusal(content[:start] + number + content[end:])
        assert name == b'"value":' or any("samples.0.metrics.cost_usd" in one for one in faults)


def refusal(content: bytes) -> tuple[str, ...]:
    with pytest.raises(CertificateChanged) as refused:
        parse_certificate(content)
    return refused.value.changed


def test_json_that_is_not_canonical_is_refused(certificate: Certificate) -> None:
    spaced = json.dumps(json.loads(certificate.canonical()), sort_keys=True).encode()
    with pytest.raises(CertificateChanged, match="not written as canonical JSON"):
        parse_certificate(spaced)
