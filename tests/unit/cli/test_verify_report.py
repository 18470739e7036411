"""The report for build servers."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from adrs import ConfigError
from adrs.cli._checked import Checked, show_checked
from adrs.cli._junit import Case, Outcome, unless_done, write_junit
from adrs.cli._screen import Screen
from adrs.errors import NotInStore
from adrs.model.verdict import Interval
from adrs.model.verification import Standing, Verification

HOSTILE = "a\x00\x1b[2J\ud800\ufffe<&>\"']]>\U0001f600\tb"


def written(folder: Path, *cases: Case) -> ET.Element:
    file = folder / "report.xml"
    write_junit(file, "adrs verify", cases)
    assert [path.name for path in folder.iterdir()] == ["report.xml"]
    return ET.parse(file).getroot()


def test_every_case_is_counted_by_how_it_ended(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        Case("one", "toy", Outcome.PASSED, seconds=1.5, properties={"units": "12"}),
        Case("two", "toy", Outcome.FAILURE, "CHANGED", "a file", "the file x", 2.0),
        Case("three", "", Outcome.ERROR, "ConfigError", "no task"),
    )
    suite = root.find("testsuite")
    assert root.tag == "testsuites"
    assert suite is not None
    for element in (root, suite):
        assert element.attrib == {
            "name": "adrs verify",
            "tests": "3",
            "failures": "1",
            "errors": "1",
            "time": "3.500",
        }
    one, two, three = suite.findall("testcase")
    assert (one.get("classname"), one.get("name"), one.get("time")) == ("toy", "one", "1.500")
    properties = one.findall("properties/property")
    assert [(p.get("name"), p.get("value")) for p in properties] == [("units", "12")]
    assert one.find("failure") is None
    assert one.find("error") is None
    failure = two.find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "CHANGED", "message": "a file"}
    assert failure.text == "the file x"
    assert three.find("error") is not None


def test_what_xml_cannot_carry_is_left_out(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        Case(HOSTILE, HOSTILE, Outcome.FAILURE, HOSTILE, HOSTILE, HOSTILE, 0.0, {HOSTILE: HOSTILE}),
    )
    expected = "a[2J<&>\"']]>\U0001f600\tb"
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.text == expected
    assert failure.get("message") == expected


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text("old")
    assert written(tmp_path).get("tests") == "0"


def test_where_no_report_can_be_is_said_at_once(tmp_path: Path) -> None:
    for file, words in {"none/report.xml": "there is no folder", "": "that is a folder"}.items():
        with pytest.raises(ConfigError, match=words), unless_done(tmp_path / file, "adrs verify"):
            pytest.fail("nothing is done before")


def test_nothing_is_left_of_an_earlier_report(tmp_path: Path) -> None:
    """A build that keeps its folders would upload last night's, which was green."""
    file = tmp_path / "report.xml"
    for error, kind, why in (
        (ConfigError("no winner \x1b[2J"), "ConfigError", "no winner [2J"),
        (KeyboardInterrupt(), "Unfinished", "it was interrupted or killed"),
    ):
        file.write_text("<testsuites/>")
        with pytest.raises(type(error)), unless_done(file, "adrs verify"):
            raise error
        found = ET.parse(file).getroot().find("testsuite/testcase/error")
        assert found is not None
        assert (found.get("type"), found.get("message")) == (kind, why)


def test_what_went_wrong_first_is_said_even_if_no_report_of_it_can_be_made(tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()

    def work() -> None:
        with unless_done(place / "report.xml", "adrs verify"):
            shutil.rmtree(place)
            raise NotInStore("no run")

    with pytest.raises(NotInStore, match="no run"):
        work()


def test_the_table_fits_a_narrow_terminal_and_who_judged_is_said_below(
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = ".adrs/winners/spot_single-1-7"
    this = Verification(
        "0" * 64, place, "spot_single", Standing.DOES_NOT_HOLD, "far below",
        judge="bundled", signature="by \x1b[2Jus", effect=Interval(-0.1234, -0.1456, -0.1078),
        surroundings=("another CPU model: \x1b[2Jfast",),
    )  # fmt: skip
    show_checked(Screen(), [Checked(this)])
    header, row, *below = capsys.readouterr().out.strip().splitlines()
    assert header.index("certificate") <= 60
    assert row.startswith("DOES_NOT_HOLD")
    assert row.endswith(place)
    assert r"  note: another CPU model: \x1b[2Jfast" in below
    assert r"  judge: bundled, signature: by \x1b[2Jus, took 0 s" in below
