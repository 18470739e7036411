"""The ways in which a line of an answer names a file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adrs import Brief, Program

_LONGEST_LINE = 300
_COMMENT = re.compile(r"(#+|//|/\*|<!--|--|;+|%+)[ \t]*")
_ITEM = re.compile(r"([-*+]|\d{1,3}[.)])[ \t]+")
_KEYWORD = re.compile(r"(?:file(?:[ \t]?(?:name|path))?|path|(?P<delete>delete))[ \t]*:", re.I)
_REMARK = re.compile(r"([ \t]+[-–—(]|:[ \t]).*")  # noqa: RUF001 - the dashes that models write
_WITH_EXTENSION = re.compile(r"[\w./\\@+~-]*[\w+~-]\.[A-Za-z_]\w*")
_INFO_BORDER = re.compile(r"[\s:={}\"',]+")


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a line names.

    Attributes:
        announced: it stands behind `FILE:`.
        deleted: it stands behind `DELETE:`.
    """

    path: str
    announced: bool = False
    deleted: bool = False


class Names:
    """Tells names of files from other text, knowing the program and what may be edited.

    Attributes:
        only: the program's one editable file; "" if there are none or several.
    """

    def __init__(self, parent: Program, brief: Brief) -> None:
        self._files = parent.files
        self._brief = brief
        editable = [path for path in parent.files if brief.may_edit(path)]
        self.only = editable[0] if len(editable) == 1 else ""

    def in_line(self, line: str, near: bool = False) -> Named | None:
        """The file that a whole line names, as it is or as a heading, a comment or in bold.

        Args:
            near: whether an edit comes right below. Then an item of a list may be the name, and a
                file that may not be edited is meant, too, so that the refusal can say so.
        """
        if len(line) > _LONGEST_LINE:
            return None
        text = line.replace("`", "").replace("**", "").strip()
        comment = _COMMENT.match(text)
        if comment:
            text = text[comment.end() :].removesuffix("*/").removesuffix("-->")
        heading = comment is not None and comment[0].startswith("#")
        item = _ITEM.match(text) if near or heading else None
        if item:
            text = text[item.end() :]
        keyword = _KEYWORD.match(text)
        if keyword:
            text = text[keyword.end() :]
        text = text.strip(" \t:\"'")
        may_have_remark = heading or keyword or (near and not item)
        if may_have_remark and text not in self._files:
            text = _REMARK.sub("", text)
        path = text.removeprefix("./")
        if not self._is_name(path, near, keyword is not None):
            return None
        deleted = keyword is not None and keyword["delete"] is not None
        return Named(path, announced=keyword is not None and not deleted, deleted=deleted)

    def _is_name(self, path: str, near: bool, keyword: bool) -> bool:
        if path in self._files:
            return True
        if not path or len(path.split()) > 1:
            return False
        like_a_path = _WITH_EXTENSION.fullmatch(path) is not None
        if near:
            return keyword or like_a_path or "/" in path
        return keyword or (like_a_path and self._brief.may_edit(path))

    def in_info(self, info: str) -> str:
        """The file that the text behind an opening code fence names; "" if none."""
        found = ""
        for word in _INFO_BORDER.split(info[:_LONGEST_LINE]):
            path = word.removeprefix("./")
            if path in self._files or _WITH_EXTENSION.fullmatch(path):
                found = path
        return found
