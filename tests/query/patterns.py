"""Patterns of texts, matched the plain way: by the set of places that the pattern may have come to."""

from __future__ import annotations

from collections.abc import Callable

Accepts = Callable[[str], bool]
Piece = Accepts | None
"""What one character must be; ``None`` is any run of characters."""


def has_run(value: str) -> bool:
    r"""Whether a bare text is a pattern: it has a ``*`` that is not written ``\*``."""
    return "*" in value.replace("\\*", "")


def unescaped(value: str) -> str:
    r"""The text that a bare text without runs means: ``\*`` is a star."""
    return value.replace("\\*", "*")


def matches_value(pattern: str, text: str) -> bool:
    r"""Whether a text has a pattern in which only ``*`` is special."""
    pieces: list[Piece] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("\\*", at):
            pieces.append("*".__eq__)
            at += 1
        else:
            pieces.append(None if pattern[at] == "*" else pattern[at].__eq__)
        at += 1
    return _matches(pieces, text)


def matches_glob(pattern: str, text: str) -> bool:
    r"""Whether a text has a pattern with ``*``, ``?``, ``[abc]`` and ``[!a-z]``; ``\*`` is a star."""
    pieces: list[Piece] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("\\*", at):
            pieces.append("*".__eq__)
            at += 1
        elif character == "[":
            end = pattern.index("]", at + (3 if pattern[at + 1] == "!" else 2))
            pieces.append(_one_of(pattern[at + 1 : end]))
            at = end
        elif character == "?":
            pieces.append(lambda _: True)
        else:
            pieces.append(None if character == "*" else character.__eq__)
        at += 1
    return _matches(pieces, text)


def _one_of(inside: str) -> Accepts:
    if inside.startswith("!"):
        within = _one_of(inside[1:])
        return lambda character: not within(character)
    ranges = []
    while inside:
        if len(inside) > 2 and inside[1] == "-":
            ranges.append((inside[0], inside[2]))
            inside = inside[3:]
        else:
            ranges.append((inside[0], inside[0]))
            inside = inside[1:]
    return lambda character: any(first <= character <= last for first, last in ranges)


def _matches(pieces: list[Piece], text: str) -> bool:
    places = _past_runs(pieces, {0})
    for character in text:
        further = set()
        for place in places:
            if place < len(pieces):
                piece = pieces[place]
                if piece is None:
                    further.add(place)
                elif piece(character):
                    further.add(place + 1)
        places = _past_runs(pieces, further)
    return len(pieces) in places


def _past_runs(pieces: list[Piece], places: set[int]) -> set[int]:
    """A run may be empty: who stands before one stands behind it too."""
    found = set(places)
    for place in sorted(places):
        while place < len(pieces) and pieces[place] is None:
            place += 1
            found.add(place)
    return found
