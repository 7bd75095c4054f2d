"""The history as lines of ASCII art beside the log.

A lane is a column that waits for one commit. A commit takes its lane's place; its parents take lanes, new ones or those
that already wait for them, and edges are drawn row by row, a column at most in each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Edge = tuple[int, int]


class Drawing:
    """What stands left of one commit's text: its line, rows that lead to the next commit, the prefix of rows after."""

    def __init__(self, commit: str, edges: list[str], after: str) -> None:
        self.commit = commit
        self.edges = edges
        self.after = after

    def beside(self, text: Sequence[str]) -> list[str]:
        """The drawing with lines of text to its right."""
        rows = [self.commit, *self.edges]
        rows += [self.after] * (len(text) - len(rows))
        width = max(len(row) for row in rows)
        lines = [*text, *[""] * (len(rows) - len(text))]
        return [f"{row.ljust(width)} {line}".rstrip() for row, line in zip(rows, lines, strict=True)]


class Graph:
    """Lanes of a history that is read from the newest commit on, children before parents."""

    def __init__(self) -> None:
        self._lanes: list[str] = []

    def draw(self, identifier: str, parents: Sequence[str]) -> Drawing:
        """The next commit."""
        lanes = self._lanes
        if identifier not in lanes:
            lanes = [*lanes, identifier]
        at = lanes.index(identifier)
        commit = _row({2 * column: "*" if column == at else "|" for column in range(len(lanes))})

        fresh = [parent for parent in dict.fromkeys(parents) if parent not in lanes]
        after = [*lanes[:at], *fresh, *lanes[at + 1 :]]
        place = {lane: column for column, lane in enumerate(after)}
        others = [(column, place[lane]) for column, lane in enumerate(lanes) if column != at]
        own = [(at, place[parent]) for parent in dict.fromkeys(parents)]
        if not fresh and any(to > at for _, to in own):
            # The lane closes: lanes to its right move left while its own edge goes right: the edge first.
            straight = [(column, column) for column, _ in others]
            edges = _rows([*straight, *((at, lanes.index(parent)) for parent in dict.fromkeys(parents))]) + _rows(
                others
            )
        else:
            edges = _rows([*others, *own])
        self._lanes = after
        return Drawing(commit, edges, _row({2 * column: "|" for column in range(len(after))}))


def _rows(edges: Iterable[Edge]) -> list[str]:
    """Rows that move every edge from its column to its target, a column in each row."""
    edges = sorted(set(edges))
    length = max((abs(to - start) for start, to in edges), default=0)
    rows = []
    for step in range(length):
        marks: dict[int, str] = {}
        for start, to in edges:
            position = _toward(start, to, step)
            following = _toward(start, to, step + 1)
            marks[position + following] = "|" if following == position else "\\" if following > position else "/"
        rows.append(_row(marks))
    return rows


def _toward(start: int, to: int, steps: int) -> int:
    return min(start + steps, to) if to >= start else max(start - steps, to)


def _row(marks: Mapping[int, str]) -> str:
    return "".join(marks.get(column, " ") for column in range(max(marks, default=-1) + 1))


def shown_parents(history: Iterable[tuple[str, Sequence[str]]], shown: set[str]) -> dict[str, list[str]]:
    """For a log that leaves commits out: of each shown commit the nearest ancestors that are shown.

    ``history`` is the whole history, newest first.
    """
    nearest: dict[str, list[str]] = {}
    parents_of_shown: dict[str, list[str]] = {}
    for identifier, parents in reversed(list(history)):
        visible = list(dict.fromkeys(ancestor for parent in parents for ancestor in nearest.get(parent, [])))
        if identifier in shown:
            parents_of_shown[identifier] = visible
            nearest[identifier] = [identifier]
        else:
            nearest[identifier] = visible
    return parents_of_shown
