"""Code fences."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Fence:
    """An open code fence.

    Attributes:
        indent: characters of white space before the opening fence.
        path: the file that the line above or the text behind the fence names; "" if none.
        has_blocks: it holds SEARCH/REPLACE blocks, so it is no file's content.
        nested: another fence seems to open inside.
    """

    mark: str
    indent: int
    info: str
    path: str = ""
    lines: list[str] = field(default_factory=list)
    has_blocks: bool = False
    nested: bool = False

    def is_closed_by(self, other: Fence) -> bool:
        return self._could_hold(other) and not other.info

    def is_nested_by(self, other: Fence) -> bool:
        return self._could_hold(other) and bool(other.info)

    def _could_hold(self, other: Fence) -> bool:
        return other.mark.startswith(self.mark) and other.indent <= self.indent + 3

    @property
    def filled(self) -> bool:
        return any(line.strip() for line in self.lines)

    @property
    def content(self) -> tuple[str, ...]:
        """The lines without the indentation of the fence."""
        return tuple(
            line[min(self.indent, len(line) - len(line.lstrip(" \t"))) :] for line in self.lines
        )


def fence_in(line: str) -> Fence | None:
    """The fence that a line is, if it is one."""
    text = line.lstrip(" \t")
    if not text.startswith(("```", "~~~")):
        return None
    info = text.lstrip(text[0])
    if text[0] == "`" and "`" in info:
        return None  # code within a line of text
    return Fence(text[: len(text) - len(info)], len(line) - len(text), info.strip())
