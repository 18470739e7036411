"""A forger who makes new ids is found by the samples."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from unit.trust.winner import (
    SALT,
    SHARES,
    Winner,
    evaluation,
    forged,
    make_task,
    record_winner,
    with_own_id,
)

import adrs
from adrs import CertificateChanged
from adrs.trust import Certificate, figures_fault, parse_certificate

Content = dict[str, Any]


def test_a_certificate_agrees_with_its_samples(certificate: Certificate) -> None:
    assert figures_fault(certificate) == []


def test_the_order_of_samples_decides_nothing(certificate: Certificate) -> None:
    def shuffle(content: Content) -> None:
        for name in ("winner", "baseline"):
            random.shuffle(content[name]["samples"])

    assert figures_fault(forged(certificate, shuffle)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda c: c["finding"]["effect"].update(value=0.5, low=0.45, high=0.55),
            "samples: effect is 20.1 % [18.6 %, 21.6 %] by its own samples, not 50 % [45 %, 55 %]",
        ),
        (lambda c: c["finding"]["effect"].update(low=0.19), "not 20.1 % [19 %, 21.6 %]"),
        (lambda c: c["finding"]["effect"].update(high=None), "not 20.1 % [18.6 %, unknown]"),
        (lambda c: c["finding"].update(best=None), "the winner's cost_usd is 44 ["),
        (lambda c: c["finding"]["baseline"].update(value=66.0), "the baseline's cost_usd is 55.1"),
        (lambda c: c["finding"].update(units=20), "are of 10 independent units, not 20"),
        (lambda c: c["finding"].update(level=0.9), "after 1 looks the level is 0.95, not 0.9"),
        (lambda c: c["finding"].update(looks=3), "after 3 looks the level is 0.983333, not 0.95"),
        (lambda c: c["objective"].update(min_effect=0.25), "by themselves they make NOT_CONFIRMED"),
        (lambda c: c["winner"]["isolation"]["enforced"].pop("seccomp"), "they make REFUSED"),
        (lambda c: c["baseline"]["isolation"].update(level="shared"), "they make REFUSED"),
        (
            lambda c: c["winner"]["samples"][0]["metrics"].update(missed=1.0),
            "violates the constraint on missed",
        ),
        (
            lambda c: c["objective"]["constraints"][0].update(at_least=1.0),
            "violates the constraint on missed",
        ),
        (
            lambda c: c["objective"]["constraints"][0].update(metric="x"),
            "names a metric that is not declared",
        ),
        (lambda c: c["objective"].update(unit="EUR"), "is not the metric that it names"),
        (
            lambda c: c["winner"]["samples"][3]["metrics"].update(extra=1.0),
            "the winner has others than the declared metrics",
        ),
        (
            lambda c: c["references"]["steady"]["samples"][3]["metrics"].pop("missed"),
            "the reference steady has others than the declared metrics",
        ),
        (
            lambda c: c["references"]["steady"]["samples"][3].update(workload="x"),
            "the reference steady was measured on other workloads",
        ),
        (
            lambda c: c["winner"]["samples"][3].update(status="CRASHED", metrics={}),
            "the winner is not SCORED on every workload",
        ),
        (
            lambda c: c["winner"]["samples"].append(c["winner"]["samples"][0]),
            "the winner has two of one workload and repeat",
        ),
        (
            lambda c: c["winner"]["samples"][0].update(unit="unit-7"),
            "the winner has one workload in two units",
        ),
        (lambda c: c["winner"]["samples"].pop(), "effect is 20.0917 %"),
        (
            lambda c: c["winner"].update(samples=c["winner"]["samples"][:-2]),
            "were not measured on the same workloads and units",
        ),
        (lambda c: c["objective"].update(direction="maximize"), "is not the metric that it names"),
    ],
)
def test_what_does_not_follow_from_the_samples_is_said(
    certificate: Certificate, change: Callable[[Content], object], said: str
) -> None:
    faults = figures_fault(forged(certificate, change))
    assert any(said in fault for fault in faults), faults


def test_units_that_are_merged_or_split_are_seen(certificate: Certificate) -> None:
    def merge(content: Content) -> None:
        for name in ("winner", "baseline"):
            for sample in content[name]["samples"]:
                sample["unit"] = "one" if sample["unit"] in ("unit-1", "unit-2") else sample["unit"]
        for sample in content["references"].pop("steady")["samples"]:
            sample.clear()

    faults = figures_fault(forged(certificate, merge))
    assert "samples: they are of 9 independent units, not 10" in faults


def test_any_changed_sample_is_seen(certificate: Certificate) -> None:
    random_state = random.Random()
    for _ in range(20):
        name = random_state.choice(("winner", "baseline"))
        at = random_state.randrange(20)
        factor = random_state.choice((0.999, 1.0001, 1.1, 0.5))

        def nudge(content: Content, name: str = name, at: int = at, factor: float = factor) -> None:
            content[name]["samples"][at]["metrics"]["cost_usd"] *= factor

        faults = figures_fault(forged(certificate, nudge))
        assert any("effect is" in fault for fault in faults), (name, at, factor)
        assert any(f"the {name}'s cost_usd is" in fault for fault in faults), (name, at, factor)


def test_figures_close_to_the_largest_are_weighed_without_a_crash(certificate: Certificate) -> None:
    def enlarge(content: Content) -> None:
        for at, sample in enumerate(content["winner"]["samples"]):
            sample["metrics"]["cost_usd"] = (-1) ** at * 1e150

    assert figures_fault(forged(certificate, enlarge)) != []


@pytest.fixture
def ratios(tmp_path: Path) -> Iterator[Winner]:
    """A winner by the geometric mean of ratios."""
    task = make_task(tmp_path / "toy")
    toml = task.folder / "task.toml"
    toml.write_text(
        toml.read_text().replace("min_effect", 'aggregate = "geomean_ratio"\nmin_effect')
    )
    made = record_winner(tmp_path / "store", adrs.load_task(task.folder))
    yield made
    made.store.close()


def test_ratios_are_made_again_too(ratios: Winner) -> None:
    certificate = ratios.certificate()
    assert figures_fault(certificate) == []
    assert "| cost_usd, relative to the seed | seed | winner |" in certificate.how_to_verify
    effect = certificate.finding.effect
    assert effect.low is not None
    assert effect.high is not None
    width = effect.high - effect.low

    def shift(content: Content, by: float) -> None:
        content["finding"]["effect"]["low"] += by * width

    assert figures_fault(forged(certificate, lambda content: shift(content, 0.001))) != []


def test_the_last_digit_of_a_sample_draws_no_other_resamples(ratios: Winner) -> None:
    """Logarithms differ there from one processor to the next."""

    def nudge(content: Content) -> None:
        for sample in content["winner"]["samples"]:
            value = sample["metrics"]["cost_usd"]
            sample["metrics"]["cost_usd"] = math.nextafter(value, math.inf)

    assert figures_fault(forged(ratios.certificate(), nudge)) == []


def test_a_reference_that_failed_is_no_fault(winner: Winner) -> None:
    crashed = evaluation([0.9] * 10)
    last = replace(crashed.samples[4], status=adrs.Status.CRASHED, metrics={}, reason="why")
    crashed = replace(crashed, status=adrs.Status.CRASHED, samples=(*crashed.samples[:4], last))
    winner.store.append(winner.run, [adrs.Measured("steady", crashed)])
    certificate = winner.certificate()
    assert figures_fault(certificate) == []
    assert certificate.references["steady"].samples[-1].status is adrs.Status.CRASHED
    assert "`steady`" not in certificate.how_to_verify


def test_the_level_is_that_of_all_looks(winner: Winner) -> None:
    finding = adrs.judge_held_out(
        winner.task.objective, winner.task.brief.constraints, evaluation(), evaluation(SHARES),
        trial=1, salt=SALT, looks=7,
    )  # fmt: skip
    winner.store.append(winner.run, [adrs.Found(finding)])
    assert figures_fault(winner.certificate()) == []


ODD = [
    None, True, 0, -1, 2**53, 2**70, 1e150, -1e150, 5e-324, 1e308, 0.5, "", "\x00", "../../x",
    [], {}, [1], {"a": 1}, "WINNER", "maximize", "geomean_ratio", "process", "\u202e", "0" * 64,
]  # fmt: skip


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys if isinstance(node, dict | list) else ():
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def test_a_forged_word_in_a_verdict_has_no_power_over_a_terminal(certificate: Certificate) -> None:
    def forge(content: Content) -> None:
        content["finding"]["shares"] = "\u202e"
        for sample in content["winner"]["samples"]:
            sample["metrics"]["cost_usd"] *= 100

    faults = figures_fault(forged(certificate, forge))
    assert any("units share \\u202e" in fault for fault in faults)
    assert all(fault.isprintable() for fault in faults)


def test_no_forgery_does_more_harm_than_to_be_refused(certificate: Certificate) -> None:
    chance = random.Random()
    weighed = 0
    for _ in range(400):
        content = certificate.model_dump(mode="json")
        for _ in range(chance.choice((1, 1, 2))):
            holder, key = chance.choice(list(places(content)))
            with suppress(LookupError):
                holder[key] = chance.choice(ODD)
        try:
            this = parse_certificate(with_own_id(content))
        except (CertificateChanged, rfc8785.CanonicalizationError):
            continue
        weighed += 1
        assert all(fault.isprintable() for fault in figures_fault(this))
    assert weighed > 10
