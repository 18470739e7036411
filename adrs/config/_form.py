"""Strict reading of TOML tables into frozen records.

A table is described by a dataclass: its fields are the keys, their types what is expected, and
their defaults what may be left out.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from adrs.errors import ConfigError

R = TypeVar("R")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    known = list(known)
    folded = [one for one in known if one.casefold() == name.casefold()]
    found = folded or difflib.get_close_matches(name, known, 1)
    return found[0] if found else None


def shown(value: object) -> str:
    """A value as it would be written in TOML, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True, slots=True)
class Form:
    """One table of a TOML file.

    Attributes:
        title: the table as messages call it, "[limits]" or "[[metric]] 2".
    """

    file: Path
    title: str
    values: Mapping[str, object]

    def into(self, record: type[R]) -> R:
        """Makes the record of this table's keys.

        Raises:
            ConfigError: a key that the record does not have.
            ConfigError: a required key is absent.
            ConfigError: a value of the wrong type.
        """
        kinds = get_type_hints(record)
        declared = {one.name: one for one in fields(record)}  # type: ignore[arg-type]
        for key in self.values:
            if key not in declared:
                raise self._unknown(key, declared)
        for key, one in declared.items():
            required = one.default is MISSING and one.default_factory is MISSING
            if required and key not in self.values:
                cure = _cure(key, kinds[key])
                raise ConfigError(f"{self.file}: {self.title} needs {key!r}; {cure}")
        return record(**{key: self._read(key, kinds[key]) for key in self.values})

    def require(self, holds: bool, key: str, expected: str) -> None:
        """Raises ConfigError, which tells what is expected of `key`, unless it holds."""
        if not holds:
            raise self.error(key, f"must be {expected}, not {shown(self.values.get(key))}")

    def require_positive(self, record: object, *keys: str) -> None:
        """Raises ConfigError unless the numbers under `keys` are above zero."""
        for key in keys:
            self.require(getattr(record, key) > 0, key, "above 0")

    def require_known(self, key: str, name: str, known: Collection[str], noun: str) -> None:
        """Raises ConfigError unless `name`, written under `key`, is one of the known nouns."""
        if name in known:
            return
        meant = nearest(name, known)
        listed = ", ".join(known) or "none"
        hint = f"did you mean {meant!r}?" if meant else f"there is: {listed}"
        raise self.error(key, f"names {noun} {name!r}, which does not exist; {hint}")

    def error(self, key: str, fault: str) -> ConfigError:
        """Makes the error that tells what is wrong with `key`."""
        return ConfigError(f"{self.file}: {self.title} {key} {fault}")

    def _unknown(self, key: str, declared: Collection[str]) -> ConfigError:
        meant = nearest(key, declared)
        hint = f"did you mean {meant!r}?" if meant else f"it may have {', '.join(declared)}"
        return ConfigError(f"{self.file}: {self.title} has no key {key!r}; {hint}")

    def _read(self, key: str, kind: Any) -> object:
        if isinstance(kind, UnionType):
            kind = next(one for one in get_args(kind) if one is not NoneType)
        value = self.values[key]
        if kind is float and type(value) is int:
            return float(value)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return self._choose(key, value, kind)
        if kind == Mapping[str, object]:
            if isinstance(value, dict):
                return value
        elif kind == tuple[str, ...]:
            if isinstance(value, list) and all(type(one) is str and one for one in value):
                return tuple(value)
        elif type(value) is kind and not (isinstance(value, float) and not math.isfinite(value)):
            return value
        expected, cure = _EXPECTED[kind], _cure(key, kind, value)
        raise self.error(key, f"must be {expected}, not {shown(value)}; {cure}")

    def _choose(self, key: str, value: object, kind: type[StrEnum]) -> StrEnum:
        for choice in kind:
            if choice == value:
                return choice
        meant = nearest(str(value), kind)
        hint = f"; did you mean {shown(meant)}?" if meant else ""
        expected = " or ".join(shown(choice) for choice in kind)
        raise self.error(key, f"must be {expected}, not {shown(value)}{hint}")


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file whose tables are all known."""

    file: Path
    tables: Mapping[str, object]

    @classmethod
    def read(cls, file: Path, known: Collection[str]) -> Document:
        """Reads a file that may have the `known` tables and nothing else.

        Raises:
            ConfigError: it cannot be read, or is not TOML.
            ConfigError: a table that is not known.
        """
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file} is not UTF-8; save it as UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{file} is not TOML: {error}") from error
        for name in tables:
            if name not in known:
                meant = nearest(name, known)
                hint = f"did you mean [{meant}]?" if meant else f"it may have {', '.join(known)}"
                raise ConfigError(f"{file} has no table [{name}]; {hint}")
        return cls(file, tables)

    def table(self, name: str) -> Form:
        """A table; an absent one has no keys.

        Raises:
            ConfigError: it is not one table.
        """
        values = self.tables.get(name, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{self.file}: {name} must be one table; write [{name}]")
        return Form(self.file, f"[{name}]", values)

    def array(self, name: str) -> list[Form]:
        """The tables of an array, numbered from 1 in messages; an absent one is empty.

        Raises:
            ConfigError: it is not an array of tables.
        """
        values = self.tables.get(name, [])
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise ConfigError(f"{self.file}: {name} must be an array of tables; write [[{name}]]")
        return [
            Form(self.file, f"[[{name}]] {number}", one) for number, one in enumerate(values, 1)
        ]


_EXPECTED: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    tuple[str, ...]: "a list of non-empty texts",
    Mapping[str, object]: "a table",
}
_EXAMPLE: Mapping[Any, str] = {
    str: '"..."',
    bool: "true",
    int: "1",
    float: "1.0",
    tuple[str, ...]: '["..."]',
    Mapping[str, object]: "{ ... }",
}


def _cure(key: str, kind: Any, value: object = None) -> str:
    example = _EXAMPLE.get(kind, '"..."')
    if kind == tuple[str, ...] and isinstance(value, str):
        example = f"[{shown(value)}]"
    elif kind in (int, float) and isinstance(value, str):
        try:
            kind(value)
        except ValueError:
            pass
        else:
            example = value
    elif kind is bool and str(value).lower() in ("true", "false"):
        example = str(value).lower()
    elif kind is str and value is not None:
        example = f'"{value}"'
    return f"write {key} = {example}"
