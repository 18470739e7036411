"""What verifying brought: for people, for scripts, for build servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from adrs.cli._junit import Case, Outcome
from adrs.cli._screen import Piece, Screen
from adrs.cli._text import bounds, duration, harmless, percent, significant
from adrs.errors import AdrsError
from adrs.model.verdict import Interval
from adrs.model.verification import Standing, Verification

_STYLE = {
    Standing.HOLDS: "bold green",
    Standing.DOES_NOT_HOLD: "bold red",
    Standing.CHANGED: "bold red",
    Standing.INCONCLUSIVE: "bold yellow",
}
# The longest comes last, where a narrow terminal may cut it: it is written out below.
_HEADERS = ("standing", "effect", "task", "certificate")
_SHOWN_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Checked:
    """A certificate that was checked.

    Attributes:
        earlier: standings of the attempts before this one, and how often each came.
    """

    verification: Verification
    earlier: Mapping[Standing, int] = field(default_factory=dict)

    @property
    def attempt(self) -> int:
        """Counts the attempts at this certificate, from 1."""
        return sum(self.earlier.values()) + 1


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A certificate that could not be checked.

    Attributes:
        place: where it is, as the user named it.
    """

    place: str
    error: AdrsError
    seconds: float = 0.0


Result = Checked | Unchecked


def exit_status(results: Sequence[Result], allow_inconclusive: bool) -> int:
    """The gravest of all: 3 nothing can be measured here, 2 unusable, 1 a fault, 0 all hold."""
    statuses = [
        result.error.exit_status
        if isinstance(result, Unchecked)
        else int(_fails(result.verification.standing, allow_inconclusive))
        for result in results
    ]
    return max(statuses)


def _fails(standing: Standing, allow_inconclusive: bool) -> bool:
    if standing is Standing.INCONCLUSIVE:
        return not allow_inconclusive
    return standing is not Standing.HOLDS


def show_checked(screen: Screen, results: Sequence[Result]) -> None:
    """Writes a table of all, then the reasons of each."""
    screen.line("")
    screen.table(_HEADERS, [_row(result) for result in results])
    for result in results:
        screen.line("")
        if isinstance(result, Unchecked):
            screen.line((harmless(result.place), "bold"), ("  not checked", "bold red"))
            screen.line(f"  {harmless(str(result.error), 2000)}")
        else:
            _show(screen, result)
    screen.line("")
    counts = Counter(
        "not checked" if isinstance(result, Unchecked) else result.verification.standing.value
        for result in results
    )
    found = "1 certificate" if len(results) == 1 else f"{len(results)} certificates"
    screen.line(f"{found}: {', '.join(f'{count} {name}' for name, count in counts.items())}")


def _show(screen: Screen, checked: Checked) -> None:
    this = checked.verification
    screen.line((harmless(this.place), "bold"), "  ", (this.standing.value, _STYLE[this.standing]))
    for change in this.changed[:_SHOWN_CHANGES]:
        screen.line(f"  not as certified: {harmless(change, 500)}")
    if len(this.changed) > _SHOWN_CHANGES:
        screen.line(f"  and {len(this.changed) - _SHOWN_CHANGES} more")
    if not this.changed:
        screen.line(f"  {harmless(this.reason, 1000)}")
    for words in this.surroundings:
        screen.line((f"  note: {harmless(words, 300)}", "dim"))
    who = [f"judge: {this.judge}"] if this.judge else []
    if this.signature:
        who.append(f"signature: {harmless(this.signature, 200)}")
    who.append(f"took {duration(this.wall_s)}")
    screen.line((f"  {', '.join(who)}", "dim"))
    if checked.earlier:
        before = ", ".join(f"{count} {name}" for name, count in checked.earlier.items())
        words = f"  attempt {checked.attempt} of this certificate: {before} before"
        screen.line((words, "dim"))


def _row(result: Result) -> list[Piece]:
    if isinstance(result, Unchecked):
        return [("not checked", "bold red"), "-", "-", harmless(result.place)]
    this = result.verification
    return [
        (this.standing.value, _STYLE[this.standing]),
        _effect(this.effect),
        harmless(this.task, 40) or "-",
        harmless(this.place),
    ]


def _effect(effect: Interval | None) -> str:
    if effect is None:
        return "-"
    if effect.low is None or effect.high is None:
        return percent(effect.value)
    return f"{percent(effect.value)} [{percent(effect.low)}, {percent(effect.high)}]"


def as_plain(results: Sequence[Result], status: int) -> dict[str, object]:
    """The one JSON object."""
    checked = [result for result in results if isinstance(result, Checked)]
    failed = [result for result in results if isinstance(result, Unchecked)]
    return {
        "certificates": [
            {**asdict(one.verification), "attempt": one.attempt, "earlier": dict(one.earlier)}
            for one in checked
        ],
        "errors": [
            {"place": one.place, "error": str(one.error), "exit_status": one.error.exit_status}
            for one in failed
        ],
        "exit_status": status,
    }


def as_cases(results: Sequence[Result], allow_inconclusive: bool) -> list[Case]:
    """One case a certificate, as a build server counts them."""
    return [_case(result, allow_inconclusive) for result in results]


def _case(result: Result, allow_inconclusive: bool) -> Case:
    if isinstance(result, Unchecked):
        error = str(result.error)
        kind = type(result.error).__name__
        return Case(result.place, "adrs.verify", Outcome.ERROR, kind, error, error, result.seconds)
    this = result.verification
    fails = _fails(this.standing, allow_inconclusive)
    return Case(
        name=this.place,
        group=f"adrs.verify.{this.task}" if this.task else "adrs.verify",
        outcome=Outcome.FAILURE if fails else Outcome.PASSED,
        kind=this.standing.value if fails else "",
        message=this.reason,
        details="\n".join(this.changed) or this.reason,
        seconds=this.wall_s,
        properties=_properties(result),
    )


def _properties(checked: Checked) -> dict[str, str]:
    this = checked.verification
    found = {
        "standing": this.standing.value,
        "reason": this.reason,
        "certificate": this.certificate,
        "judge": this.judge,
        "signature": this.signature,
        "attempt": str(checked.attempt),
        "salt": this.salt,
        "workloads": this.workloads,
        "fingerprint": this.fingerprint,
    }
    if this.units:
        found |= {"units": str(this.units), "level": f"{this.level:g}"}
    for name, interval in (
        ("effect", this.effect),
        ("baseline", this.baseline),
        ("best", this.best),
    ):
        if interval is not None:
            ends = bounds(interval.low, interval.high)
            found[name] = f"{significant(interval.value)} {ends}".strip()
    return {name: value for name, value in found.items() if value}
