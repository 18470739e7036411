"""What git makes of content: ids, known before git is asked, and a form that every git accepts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

IDENTITY = "ADRS <adrs@invalid>"

_WITHOUT_WIDTH = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GITS_OWN = re.compile(r"\.git|(?:g[0-9a-z]*)?~[0-9]")
_ESCAPED = re.compile(r"%[0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Commit:
    """A commit as git stores it.

    Attributes:
        files: path to the id of the file's content.
        parents: their ids.
        at: author's and committer's time, seconds since 1970, in UTC.
        fresh: content by id, as far as no earlier commit brought it along.
    """

    files: Mapping[str, str]
    parents: Sequence[str]
    at: int
    message: str
    fresh: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def tree(self) -> str:
        """The id of its tree."""
        return _tree_id(self.files)

    @cached_property
    def id(self) -> str:
        """What git calls it."""
        identity = f"{IDENTITY} {self.at} +0000"
        lines = [
            f"tree {self.tree}",
            *(f"parent {parent}" for parent in self.parents),
            f"author {identity}",
            f"committer {identity}",
            "",
            self.message,
        ]
        return _object_id("commit", "\n".join(lines).encode())


def blob_id(content: bytes) -> str:
    """What git calls the content of a file."""
    return _object_id("blob", content)


def accepted(path: str) -> str:
    """A path that git takes on every system; different paths stay different.

    Git refuses what some file system would take for `.git`: "git~1" is short for it on one, and
    characters without width do not count on another. The first character of such a part is spelled
    out, and of parts that look spelled out already.
    """
    if "~" not in path and "%" not in path and path.isascii():
        return path  # `check_path` has refused the rest
    return "/".join(map(_accepted_part, path.split("/")))


def branch_of(run: str) -> str:
    """The folder of a run's branches."""
    spelled = re.sub(r"[^A-Za-z0-9_-]", lambda found: _spelled(found[0]), run)
    return _spelled("-") + spelled[1:] if spelled.startswith("-") else spelled


def _accepted_part(part: str) -> str:
    plain = _WITHOUT_WIDTH.sub("", part).lower()
    if _GITS_OWN.match(plain) or _ESCAPED.match(part):
        return _spelled(part[0]) + part[1:]
    return part


def _spelled(character: str) -> str:
    return "".join(f"%{byte:02x}" for byte in character.encode())


def _tree_id(files: Mapping[str, str]) -> str:
    entries: list[tuple[bytes, bytes, str]] = []
    folders: dict[str, dict[str, str]] = {}
    for path, blob in files.items():
        name, below, rest = path.partition("/")
        if below:
            folders.setdefault(name, {})[rest] = blob
        else:
            entries.append((name.encode(), b"100644", blob))
    for name, inside in folders.items():
        entries.append((name.encode() + b"/", b"40000", _tree_id(inside)))
    content = b"".join(
        mode + b" " + name.removesuffix(b"/") + b"\0" + bytes.fromhex(entry)
        for name, mode, entry in sorted(entries)
    )
    return _object_id("tree", content)


def _object_id(kind: str, content: bytes) -> str:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content).hexdigest()  # noqa: S324 - git's name for it
