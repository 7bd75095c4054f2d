"""Pairing the members of two sets so that what the pairs are worth is as much as can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

Pair = tuple[int, int]


def best_pairs(worth: Mapping[Pair, float]) -> list[Pair]:
    """Pairs (left, right) of which no member is in two, with the greatest sum of worth, in order.

    ``worth`` holds what each pair that may be made is worth, more than 0. The Hungarian method with potentials and
    shortest augmenting paths (Kuhn 1955, Munkres 1957; in this form Jonker and Volgenant 1987), for each set of members
    that hang together: n of them take n cubed steps, so that many small sets are cheap.
    """
    pairs: list[Pair] = []
    for lefts, rights in _connected(worth):
        if len(lefts) > len(rights):
            flipped = {(right, left): value for (left, right), value in worth.items()}
            pairs += [(left, right) for right, left in _assign(flipped, rights, lefts)]
        else:
            pairs += _assign(worth, lefts, rights)
    return sorted(pairs)


def _connected(worth: Mapping[Pair, float]) -> list[tuple[list[int], list[int]]]:
    """Members that pairs connect, as (lefts, rights)."""
    rights_of: dict[int, list[int]] = defaultdict(list)
    lefts_of: dict[int, list[int]] = defaultdict(list)
    for left, right in worth:
        rights_of[left].append(right)
        lefts_of[right].append(left)
    sets = []
    waiting = set(rights_of)
    while waiting:
        lefts, rights, front = set(), set(), [waiting.pop()]
        while front:
            left = front.pop()
            lefts.add(left)
            for right in rights_of[left]:
                if right not in rights:
                    rights.add(right)
                    front += [other for other in lefts_of[right] if other not in lefts]
        waiting -= lefts
        sets.append((sorted(lefts), sorted(rights)))
    return sets


def _assign(worth: Mapping[Pair, float], lefts: list[int], rights: list[int]) -> list[Pair]:
    """The best pairs of one set, with no more lefts than rights. What may not be paired is worth 0, and left out."""
    import numpy

    cost = numpy.zeros((len(lefts), len(rights)))
    place = {right: at for at, right in enumerate(rights)}
    for row, left in enumerate(lefts):
        for right in rights:
            cost[row, place[right]] = -worth.get((left, right), 0.0)
    count = len(rights)
    row_potential, potential = numpy.zeros(len(lefts)), numpy.zeros(count)
    holder = numpy.full(count, -1)  # the row that a column is given to
    for start in range(len(lefts)):
        distance = numpy.full(count, numpy.inf)
        came_from = numpy.full(count, -1)
        used = numpy.zeros(count, dtype=bool)
        row, column = start, -1
        while True:  # grow the tree of shortest paths until it reaches a column that nobody has
            through = cost[row] - row_potential[row] - potential + (0.0 if column < 0 else distance[column])
            shorter = ~used & (through < distance)
            distance[shorter] = through[shorter]
            came_from[shorter] = column
            column = int(numpy.where(used, numpy.inf, distance).argmin())
            if holder[column] < 0:
                break
            used[column] = True
            row = int(holder[column])
        reached = distance[column]
        row_potential[start] += reached
        row_potential[holder[used]] += reached - distance[used]
        potential[used] -= reached - distance[used]
        while column >= 0:  # hand the columns along the path on
            previous = int(came_from[column])
            holder[column] = start if previous < 0 else holder[previous]
            column = previous
    given = [(lefts[int(row)], rights[at]) for at, row in enumerate(holder) if row >= 0]
    return [pair for pair in given if pair in worth]
