"""Patterns of texts as SQL that takes time in proportion to the text."""

from __future__ import annotations

import re
from collections.abc import Callable

from oxide.query.values import Piece, pieces


def glob_sql(expression: str, pattern: str, parameter: Callable[[object], str]) -> str:
    """A condition that a text has a pattern: a plain comparison where that is enough, else RE2."""
    found = pieces(pattern)
    literal = "".join(piece[1:] for piece in found if isinstance(piece, str) and piece.startswith("="))
    plain = [piece for piece in found if not isinstance(piece, str) or not piece.startswith("=")]
    if not plain:
        return f"{expression} = {parameter(literal)}"
    if found == ["*"]:
        return f"{expression} IS NOT NULL"
    if plain == ["*"] and found[-1] == "*":
        return f"starts_with({expression}, {parameter(literal)})"
    if plain == ["*"] and found[0] == "*":
        return f"suffix({expression}, {parameter(literal)})"
    if plain == ["*", "*"] and found[0] == found[-1] == "*":
        return f"contains({expression}, {parameter(literal)})"
    return f"regexp_full_match({expression}, {parameter(''.join(map(_regular, found)))}, 's')"


def _regular(piece: Piece) -> str:
    if isinstance(piece, tuple):
        ranges = "".join(f"{_code(first)}-{_code(last)}" for first, last in piece[1] if first <= last)
        return f"[{'' if piece[0] else '^'}{ranges}]" if ranges else "[^\\x{0}-\\x{10FFFF}]" if piece[0] else "."
    return {"*": ".*", "?": "."}.get(piece) or re.escape(piece[1:])


def _code(character: str) -> str:
    return f"\\x{{{ord(character):x}}}"
