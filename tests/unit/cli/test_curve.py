"""The curve shows where the best changed."""

from adrs.cli._curve import steps

BLANK = "\u2800"


def test_a_step_down_begins_high_and_ends_low() -> None:
    top, bottom = steps([(0, 10.0), (5, 1.0)], end=10, limit=10, width=10, height=2)
    assert BLANK not in top[:5]
    assert set(top[6:]) == {BLANK}
    assert set(bottom[:5]) == {BLANK}
    assert BLANK not in bottom[5:]


def test_what_is_not_known_yet_stays_blank() -> None:
    (line,) = steps([(0, 1.0)], end=5, limit=10, width=10, height=1)
    assert BLANK not in line[:5]
    assert set(line[5:]) == {BLANK}


def test_no_point_is_an_empty_sheet() -> None:
    assert steps([], end=0, limit=10, width=4, height=2) == [BLANK * 4] * 2


def test_more_trials_than_asked_do_not_overflow() -> None:
    assert len(steps([(0, 1.0), (90, 0.5)], end=99, limit=10, width=6, height=1)[0]) == 6
