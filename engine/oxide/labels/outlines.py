"""Outlines: of masks, and of several rings as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide.labels import masks

if TYPE_CHECKING:
    from oxide.labels.geometry import Ring
    from oxide.labels.masks import Mask

Point = tuple[int, int]


def outlines(mask: Mask) -> list[list[float]]:
    """The rings around the pixels of a mask, along their edges, ``[x, y, x, y, ...]``.

    Outer rings run clockwise as one sees it, rings around holes the other way. Filled by the even-odd rule they cover
    the pixels of the mask and no others. Pixels that touch at a corner alone are in rings of their own.
    """
    ways = _edges(mask)
    rings = []
    while ways:
        start, ends = next(iter(ways.items()))
        ring, at, to = [start], start, ends[-1]
        _take(ways, start, to)
        while to != start:
            ring.append(to)
            onward = _right_most(at, to, ways[to])
            _take(ways, to, onward)
            at, to = to, onward
        rings.append([float(number) for point in _corners(ring) for number in point])
    return rings


def _edges(mask: Mask) -> dict[Point, list[Point]]:
    """The edges between mask and background, from each corner to those where one leads: the mask is on the right."""
    import numpy

    pixels = numpy.pad(masks.decode(mask), 1).astype(numpy.int8)
    ways: dict[Point, list[Point]] = {}
    down = numpy.diff(pixels, axis=0)[:, 1:-1]
    for y, x in numpy.argwhere(down).tolist():
        begin, end = ((x, y), (x + 1, y)) if down[y, x] > 0 else ((x + 1, y), (x, y))
        ways.setdefault(begin, []).append(end)
    across = numpy.diff(pixels, axis=1)[1:-1, :]
    for y, x in numpy.argwhere(across).tolist():
        begin, end = ((x, y + 1), (x, y)) if across[y, x] > 0 else ((x, y), (x, y + 1))
        ways.setdefault(begin, []).append(end)
    return ways


def _take(ways: dict[Point, list[Point]], start: Point, end: Point) -> None:
    ways[start].remove(end)
    if not ways[start]:
        del ways[start]


def _right_most(came_from: Point, at: Point, choices: Sequence[Point]) -> Point:
    x, y = at[0] - came_from[0], at[1] - came_from[1]
    return max(choices, key=lambda to: x * (to[1] - at[1]) - y * (to[0] - at[0]))


def _corners(ring: list[Point]) -> list[Point]:
    """A ring without the points in the middle of a straight line."""
    return [
        point
        for before, point, after in zip(ring[-1:] + ring[:-1], ring, ring[1:] + ring[:1], strict=True)
        if before[0] != after[0] and before[1] != after[1]
    ]


def joined(rings: Sequence[Ring]) -> list[float]:
    """Several rings as one: each is reached from the first point and left again along the same line.

    By the even-odd rule it covers what the rings cover, since a line that is passed twice has no inside.
    """
    first, *others = [list(ring) for ring in rings]
    whole = list(first)
    for ring in others:
        whole += [*first[:2], *ring, *ring[:2]]
    return [*whole, *first[:2]] if others else whole
