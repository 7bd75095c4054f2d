"""XML read in pieces, and written in pieces.

Documents that declare entities are refused at the line where they do: a few of them expand to gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from oxide.errors import NotFound
from oxide.formats.base import wrong

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 1 << 16
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Element:
    """An element with all that is in it. ``line`` is where it begins."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find(self, *names: str) -> Element | None:
        """The first element along a way of names."""
        at: Element | None = self
        for name in names:
            at = next((child for child in at.children if child.name == name), None) if at else None
        return at

    def text_of(self, *names: str) -> str | None:
        """The text of the first element along a way of names, without the space around it; ``None`` without any."""
        found = self.find(*names)
        return (found.text.strip() or None) if found else None


class _Builder:
    """Elements of one depth, complete; what is around them only in passing."""

    def __init__(self, source: Path, depth: int) -> None:
        self.source, self.depth = source, depth
        self.root: str | None = None
        self.ready: list[Element] = []
        self.open: list[Element] = []
        self.level = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._refuse

    @property
    def place(self) -> str:
        return f"line {self.parser.CurrentLineNumber}"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self.root is None:
            self.root = name
        if self.level >= self.depth:
            element = Element(name, attributes, self.parser.CurrentLineNumber)
            if self.open:
                self.open[-1].children.append(element)
            self.open.append(element)
        self.level += 1

    def _end(self, name: str) -> None:
        self.level -= 1
        if self.open:
            element = self.open.pop()
            if not self.open:
                self.ready.append(element)

    def _text(self, text: str) -> None:
        if self.open:
            self.open[-1].text += text

    def _refuse(self, name: str, *_: object) -> None:
        raise wrong(self.source, self.place, f"the entity '{name}' is declared, which is not accepted here")


def elements(source: Path, root: str, depth: int) -> Iterator[Element]:
    """The elements at a depth of a document (0: its root), one after the other; only one is in memory.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no well-formed XML, declares an entity, or its root has another name.
    """
    builder = _Builder(source, depth)
    try:
        stream = source.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{source}'", hint="name a file", path=str(source)) from error
    with stream:
        more = True
        while more:
            chunk = stream.read(CHUNK)
            more = bool(chunk)
            try:
                builder.parser.Parse(chunk, not more)
            except expat.ExpatError as error:
                what = expat.ErrorString(error.code)
                raise wrong(source, f"line {error.lineno}", f"this is no XML: {what}") from error
            except (LookupError, UnicodeError) as error:
                raise wrong(source, builder.place, f"its encoding cannot be read: {error}") from error
            if builder.root not in (None, root):
                raise wrong(source, builder.place, f"the document is '{builder.root}', not '{root}'")
            yield from builder.ready
            builder.ready.clear()


class Writer:
    """A document written as it comes. Characters that XML cannot hold become U+FFFD."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._open: list[str] = []
        stream.write('<?xml version="1.0" encoding="utf-8"?>\n')

    def start(self, name: str, attributes: Mapping[str, str] | None = None) -> None:
        """Begin an element that holds others."""
        self._stream.write(f"{self._indent}<{name}{_written(attributes)}>\n")
        self._open.append(name)

    def end(self) -> None:
        """End the element that was begun last."""
        name = self._open.pop()
        self._stream.write(f"{self._indent}</{name}>\n")

    def leaf(self, name: str, text: str | None = None, attributes: Mapping[str, str] | None = None) -> None:
        """An element with text alone, or with nothing."""
        if text is None:
            self._stream.write(f"{self._indent}<{name}{_written(attributes)}/>\n")
        else:
            held = escape(clean(text), {"\r": "&#13;"})
            self._stream.write(f"{self._indent}<{name}{_written(attributes)}>{held}</{name}>\n")

    def value(self, name: str, value: Any) -> None:
        """An element for each name of nested objects, with the text of what is no object."""
        if not isinstance(value, dict):
            self.leaf(name, str(value))
            return
        self.start(name)
        for inner, each in value.items():
            self.value(inner, each)
        self.end()

    @property
    def _indent(self) -> str:
        return "  " * len(self._open)


def _written(attributes: Mapping[str, str] | None) -> str:
    return "".join(f" {name}={quoteattr(clean(value))}" for name, value in (attributes or {}).items())


def clean(text: str) -> str:
    """Text with U+FFFD for what XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)
