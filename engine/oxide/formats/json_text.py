"""Large JSON read one element at a time: memory holds the largest element, not the file."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from oxide import _core
from oxide.errors import InvalidInput, NotFound
from oxide.formats.base import wrong

CHUNK = 1 << 20
LARGEST_ELEMENT = 1 << 28
"""Characters that one element may have: what is longer is no list of many small things."""
LARGEST_END = 1 << 22
"""Bytes at the end of a file that are looked through for its last member."""
_CUT = 16
"""A failure this near to the end of what was read so far is a value that goes on in what comes next."""
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_SPACE = re.compile(r"[ \t\n\r]*")


def open_source(source: Path) -> BinaryIO:
    """A file that an import reads. Raises NotFound, InvalidInput."""
    try:
        return source.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{source}'", hint="name the file to import", path=str(source)) from error
    except OSError as error:
        raise InvalidInput(f"'{source}' cannot be read: {error.strerror}", hint="name a file", path=str(source)) from (
            error
        )


def refuse_constant(name: str) -> NoReturn:
    """JSON has no NaN and no infinity."""
    raise ValueError(f"{name} is no number in JSON")


def document(source: Path) -> Any:
    """What a whole file says, in memory; a mark of UTF-8 at the start is no part of it.

    Raises:
        InvalidInput: it is no JSON in UTF-8, with the line and column.
        NotFound: there is no such file.
    """
    with open_source(source) as file:
        data = file.read()
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise wrong(source, f"byte {error.start}", "this is no UTF-8") from error
    except json.JSONDecodeError as error:
        raise wrong(source, f"line {error.lineno}, column {error.colno}", f"this is no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise wrong(source, "the file", f"this is no JSON: {why}") from error


def members(source: Path, lists: Collection[str]) -> Iterator[tuple[str, int, Any]]:
    """The elements of some lists of the object that a file holds, as (name of the list, index, element), in the order
    of the file. Everything else in it must be JSON and is passed over.

    Raises:
        InvalidInput: it is no JSON in UTF-8, no object, or one of these is no list; with line and column or pointer.
        NotFound: there is no such file.
    """
    with open_source(source) as file:
        text = _Text(source, file)
        text.expect("{", "the file")
        if text.take("}"):
            return text.end()
        while True:
            name = text.value("a name")
            if not isinstance(name, str):
                text.fail("a name is a text")
            text.expect(":", f"/{name}")
            if name in lists:
                yield from ((name, index, element) for index, element in _elements(text, name))
            else:
                text.value(f"/{name}")
            if text.take("}"):
                return text.end()
            text.expect(",", f"/{name}")


def _elements(text: _Text, name: str) -> Iterator[tuple[int, Any]]:
    if not text.take("["):
        text.fail(f"/{name} is no list")
    if text.take("]"):
        return
    index = 0
    while True:
        for element in text.objects():
            yield index, element
            index += 1
        yield index, text.value(f"/{name}/", index)
        if not text.passes_comma():
            if text.take("]"):
                return
            text.expect(",", f"/{name}/{index}")
        index += 1


def last_list(source: Path, name: str) -> list[Any]:
    """The list that is the last member of the object that a file holds, if it has that name and is near the end.

    It is read from the end of the file, so that what stands before it need not be read twice. As but one brace follows,
    it is a member of the outermost object, provided that the whole is JSON. Of everything else: an empty list.
    """
    with open_source(source) as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - LARGEST_END))
        end = file.read()
    start = end.rfind(b'"' + name.encode() + b'"')
    if start < 0:
        return []
    try:
        text = end[start:].decode("utf-8").partition(":")[2].lstrip()
        found, at = json.JSONDecoder(parse_constant=refuse_constant).raw_decode(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and text[at:].strip() == "}" else []


class _Text:
    """A file's text: the piece in memory, and how much of the file lies before it."""

    def __init__(self, source: Path, file: BinaryIO) -> None:
        self._source = source
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._scan = json.JSONDecoder(parse_constant=refuse_constant).raw_decode
        self._bytes = 0
        self._lines = 0
        self._column = 0
        self._text = ""
        self._at = 0
        self._ended = False

    def _more(self, length: int = CHUNK) -> bool:
        """Read on. ``False`` at the end of the file."""
        if self._ended:
            return False
        chunk = self._file.read(length)
        self._ended = not chunk
        held = self._decoder.getstate()[0]
        try:
            decoded = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            offset = self._bytes - len(held if isinstance(held, bytes) else b"") + error.start
            raise wrong(self._source, f"byte {offset}", "this is no UTF-8") from error
        self._bytes += len(chunk)
        passed = self._text[: self._at]
        lines = passed.count("\n")
        self._lines += lines
        self._column = len(passed) - passed.rfind("\n") - 1 if lines else self._column + len(passed)
        self._text = self._text[self._at :] + decoded
        self._at = 0
        return bool(decoded) or not self._ended

    def _peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> bool:
        """Pass over a character if it is next."""
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def passes_comma(self) -> bool:
        """Pass over a comma with the space around it, where all of it is in memory."""
        found = _COMMA.match(self._text, self._at)
        if found is None:
            return False
        self._at = found.end()
        return True

    def expect(self, character: str, after: str) -> None:
        """Pass over the character that must be next."""
        if not self.take(character):
            found = self._peek()
            self.fail(f"'{character}' belongs here, at {after}, not " + (f"'{found}'" if found else "the end"))

    def value(self, pointer: str, index: int | None = None) -> Any:
        """The next value, the one of a list with that index."""
        if self._at == len(self._text) or self._text[self._at] in " \t\r\n":
            self._peek()
        pointer = pointer if index is None else f"{pointer}{index}"
        length = CHUNK
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - _CUT or error.msg.startswith("Unterminated string")
                if not cut or self._ended:
                    self._at = error.pos
                    self.fail(f"this is no JSON, at {pointer}: {error.msg}")
            except (ValueError, RecursionError) as error:
                why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
                raise wrong(self._source, pointer, why) from error
            else:
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value
            if len(self._text) > LARGEST_ELEMENT:
                raise wrong(self._source, pointer, f"this value is longer than {LARGEST_ELEMENT:,} characters")
            self._more(length)
            length = max(CHUNK, len(self._text))

    def objects(self) -> list[dict[str, Any]]:
        """The elements of a list that are next, in memory, and followed by another one; as many as are read at once."""
        found: list[dict[str, Any]] = []
        if self._text.isascii():
            found, self._at = _core.json_objects(self._text, self._at)
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self._peek():
            self.fail("something follows the end of the JSON")

    def fail(self, why: str) -> NoReturn:
        """The failure at this place."""
        passed = self._text[: self._at]
        lines = passed.count("\n")
        column = len(passed) - passed.rfind("\n") - 1 if lines else self._column + len(passed)
        raise wrong(self._source, f"line {self._lines + lines + 1}, column {column + 1}", why)
