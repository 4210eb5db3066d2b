"""A YAML text as values that know where they stand, so that every complaint names file, path and line.

The text is read with the rules of PyYAML's safe loader, with four differences: a key given twice is an error, keys
are text as written (``189:`` and ``on:`` too), ``10:20`` is text and not a number to the base of 60, and what aliases
expand to is bounded. Text may refer to the environment: ``${NAME}``; ``$${`` stands for a plain ``${``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from mdio.exceptions import ConfigError, MDIOError

__all__ = ["Document", "KeyPath", "Place", "dotted"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead to a value, e.g. ``("runs", 1, "output", "chunks")``."""

_LIMIT: Final = 100_000  # values in a document; a few nested aliases can stand for billions
_SECRET: Final = 4  # shortest text from the environment that is kept out of messages
_REFERENCE: Final = re.compile(r"\$(\$?)\{([^{}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was given.

    Parameters
    ----------
    origin
        Name of the file, or the option of the command line.
    line
        1-based line of the file.
    """

    origin: str
    line: int | None = None


def dotted(path: KeyPath) -> str:
    """Return a path as people write it, e.g. ``runs[1].output.chunks``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


class Document:
    """The values of a YAML text and their places.

    Parameters
    ----------
    text
        The YAML text; bytes in UTF-8 or UTF-16.
    name
        Name of the file, for messages.

    Raises
    ------
    ConfigError
        It is not YAML, has a key twice, a tag beyond those of plain values, or more than 100,000 values.
    """

    def __init__(self, text: str | bytes, name: str) -> None:
        self.name = name
        self.values: Any = None
        self._places: dict[KeyPath, Place] = {(): Place(name)}
        self._expanded: dict[str, str] = {}
        self.values = _Builder(self, text, Place(name, 1)).build(())

    @classmethod
    def read(cls, file: str | os.PathLike[str]) -> Document:
        """Return the document in a local file.

        Raises
        ------
        ConfigError
            There is no such file, it cannot be read, or it is not what the class demands.
        """
        name = os.fspath(file)
        try:
            text = Path(name).read_bytes()
        except OSError as error:
            raise ConfigError(f"{name}: {error.strerror or error}", hint="mdio config init writes one") from None
        return cls(text, name)

    def put(self, path: KeyPath, text: str, origin: str) -> None:
        """Give the value at a path anew, as YAML text or else as it is; mappings on the way there are made.

        Raises
        ------
        ConfigError
            The path leads through something that is no mapping, or to an item that a list does not have.
        """
        for other in [other for other in self._places if other[: len(path)] == path]:
            del self._places[other]
        try:
            value = _Builder(self, text, Place(origin)).build(path)
        except ConfigError:  # e.g. *.sgy, which to YAML is an alias
            value = text
        self._places[path] = Place(origin)
        holder = self.values
        for depth, part in enumerate(path):
            last = depth == len(path) - 1
            if isinstance(part, str) and isinstance(holder, dict):
                if last:
                    holder[part] = value
                elif holder.get(part) is None:
                    holder[part] = {}
            elif isinstance(part, int) and isinstance(holder, list) and part < len(holder):
                if last:
                    holder[part] = value
            else:
                what = f"no item {part}" if isinstance(part, int) else f"no key {part!r}"
                raise self.error(path, f"{dotted(path[:depth]) or 'the file'} has {what}")
            if not last:
                holder = holder[part]

    def expand(self) -> None:
        """Replace references to the environment in all text.

        Raises
        ------
        ConfigError
            A variable is not set, or a reference is not of the form ``${NAME}``; values are never shown.
        """
        self.values = self._expand(self.values, ())

    def _expand(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self._expand(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._expand(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _REFERENCE.sub(lambda match: self._variable(match, path), value)
        return value

    def _variable(self, match: re.Match[str], path: KeyPath) -> str:
        escaped, name, closed = match.groups()
        if escaped:
            return match.group()[1:]
        if not closed or not _NAME.fullmatch(name):
            raise self.error(path, "a reference to the environment that is not of the form ${NAME}", hint="$${ is ${")
        value = os.environ.get(name)
        if value is None:
            raise self.error(path, f"the environment variable {name} is not set", hint=f"export {name}=…")
        if len(value) >= _SECRET:
            self._expanded[value] = name
        return value

    def place(self, path: KeyPath) -> Place:
        """Return where the value at a path was given; for one that was not, where it should be."""
        while path not in self._places:
            path = path[:-1]
        return self._places[path]

    def error(
        self,
        path: KeyPath,
        message: str,
        *,
        hint: str = "",
        kind: type[MDIOError] = ConfigError,
        line: int | None = None,
    ) -> MDIOError:
        """Return an error about the value at a path, of any kind, that names file, path and line.

        Values that came from the environment are shown by the name of the variable.
        """
        for value, name in sorted(self._expanded.items(), key=lambda item: -len(item[0])):
            message, hint = (text.replace(value, f"${{{name}}}") for text in (message, hint))
        place = self.place(path)
        located = ConfigError(message, path=dotted(path), line=line or place.line, hint=hint)
        located.message = f"{place.origin}: {located.message}"
        located.args = (located.message,)
        return located if kind is ConfigError else kind(located.message, hint=hint)

    def _note(self, path: KeyPath, place: Place) -> None:
        self._places[path] = place


class _Builder:
    """Makes values from the nodes of one YAML text and notes their places."""

    def __init__(self, document: Document, text: str | bytes, start: Place) -> None:
        self._document = document
        self._text = text
        self._start = start
        self._count = 0
        self._open: set[int] = set()

    def build(self, path: KeyPath) -> Any:
        try:
            self._loader = yaml.SafeLoader(self._text)
            node = self._loader.get_single_node()
            return None if node is None else self._value(node, path)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = Place(self._start.origin, mark.line + 1 if mark and self._start.line else None)
            raise self._refuse(path, where, f"not YAML: {error.problem or error.context}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = getattr(error, "reason", "")
            raise self._refuse(path, self._start, f"not YAML text: {reason or type(error).__name__}") from None
        except RecursionError:
            raise self._refuse(path, self._start, "nested too deeply") from None

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._count += 1
        if self._count > _LIMIT:
            raise self._refuse(path, self._place(node), f"more than {_LIMIT} values")
        if isinstance(node, yaml.ScalarNode):
            if node.tag in (f"{_TAG}int", f"{_TAG}float") and ":" in node.value:
                return node.value
            try:
                return self._loader.construct_object(node)
            except ValueError as error:  # e.g. a date with a thirteenth month
                raise self._refuse(path, self._place(node), f"{node.value!r}: {error}") from None
        if id(node) in self._open:
            raise self._refuse(path, self._place(node), "an alias that contains itself")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return self._sequence(node, path)
        finally:
            self._open.discard(id(node))
        raise self._refuse(path, self._place(node), f"the tag {node.tag.replace(_TAG, '!!')} is not for run files")

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            self._document._note((*path, index), self._place(item))
            values.append(self._value(item, (*path, index)))
        return values

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values = {}
        for key, (key_node, item) in self._entries(node, path).items():
            self._document._note((*path, key), self._place(key_node))
            values[key] = self._value(item, (*path, key))
        return values

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the entries of a mapping, those merged with ``<<`` behind its own."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, item in node.value:
            place = self._place(key_node)
            if key_node.tag == f"{_TAG}merge":
                for other in self._merged(item, path, place):
                    merged = {**other, **merged}
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_TAG}null":
                raise self._refuse(path, place, "a key that is not text")
            key = key_node.value
            if key in own:
                first = self._place(own[key][0]).line
                seen = f"; the first is in line {first}" if first else ""
                raise self._refuse((*path, key), place, f"given twice{seen}", hint="remove one of the two")
            own[key] = key_node, item
        return {**own, **{key: pair for key, pair in merged.items() if key not in own}}

    def _merged(
        self, node: yaml.Node, path: KeyPath, place: Place
    ) -> Iterator[Mapping[str, tuple[yaml.Node, yaml.Node]]]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for part in parts:
            self._count += 1
            if not isinstance(part, yaml.MappingNode) or id(part) in self._open or self._count > _LIMIT:
                raise self._refuse(path, place, "<< takes a mapping, or a list of them")
            self._open.add(id(part))
            try:
                yield self._entries(part, path)
            finally:
                self._open.discard(id(part))

    def _place(self, node: yaml.Node) -> Place:
        line = node.start_mark.line + 1 if self._start.line and node.start_mark else None
        return Place(self._start.origin, line)

    def _refuse(self, path: KeyPath, place: Place, message: str, *, hint: str = "") -> MDIOError:
        self._document._note(path, place)
        return self._document.error(path, message, hint=hint)
