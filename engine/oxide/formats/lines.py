"""Text read line by line, in UTF-8 and nothing else."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from oxide.formats.base import wrong
from oxide.formats.json_text import open_source

LONGEST = 1 << 28
"""Bytes that a line may have."""


def lines(source: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, from 1; a mark of UTF-8 at the start is no part of them.

    Raises:
        InvalidInput: a line is not UTF-8, with the byte's offset in the file, or too long.
        NotFound: there is no such file.
    """
    with open_source(source) as file:
        offset, number = 0, 0
        while line := file.readline(LONGEST):
            number += 1
            if len(line) >= LONGEST:
                raise wrong(source, f"line {number}", f"it is longer than {LONGEST:,} bytes")
            start = len(codecs.BOM_UTF8) if number == 1 and line.startswith(codecs.BOM_UTF8) else 0
            try:
                text = line[start:].decode("utf-8")
            except UnicodeDecodeError as error:
                at = offset + start + error.start
                hint = "write the file again in UTF-8; nothing was imported"
                raise wrong(source, f"line {number}, byte {at} of the file", "this is no UTF-8", hint) from error
            offset += len(line)
            yield number, text
