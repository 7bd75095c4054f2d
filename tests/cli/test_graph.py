"""The drawing beside ``oxide log --graph``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from oxide_cli.rendering.graph import Graph, shown_parents

History = list[tuple[str, list[str]]]


def drawn(history: History) -> str:
    graph = Graph()
    return "\n".join(line for name, parents in history for line in graph.draw(name, parents).beside([name]))


def test_a_line_of_commits_is_a_column() -> None:
    assert drawn([("c", ["b"]), ("b", ["a"]), ("a", [])]) == "* c\n* b\n* a"


def test_a_merge_opens_a_lane_and_the_common_ancestor_closes_it() -> None:
    assert drawn([("m", ["a", "b"]), ("b", ["r"]), ("a", ["r"]), ("r", [])]).split("\n") == [
        "*  m",
        "|\\",
        "| * b",
        "* | a",
        "|/",
        "* r",
    ]


def test_merges_within_merges() -> None:
    history: History = [
        ("m", ["x", "c"]),
        ("x", ["a", "b"]),
        ("c", ["b"]),
        ("b", ["r"]),
        ("a", ["r"]),
        ("r", []),
    ]
    assert drawn(history).split("\n") == [
        "*  m",
        "|\\",
        "* |  x",
        "|\\ \\",
        "| | * c",
        "| |/",
        "| * b",
        "* | a",
        "|/",
        "* r",
    ]


def test_two_branches_that_merged_each_other() -> None:
    history: History = [("m", ["a", "b"]), ("n", ["a", "b"]), ("a", ["r"]), ("b", ["r"]), ("r", [])]
    assert drawn(history).split("\n") == [
        "*  m",
        "|\\",
        "| | * n",
        "| |/",
        "|/|",
        "* | a",
        "| * b",
        "|/",
        "* r",
    ]


def test_lanes_move_together_when_one_ends() -> None:
    history: History = [("t", ["p"]), ("u", ["q"]), ("v", ["s"]), ("p", ["s"]), ("s", []), ("q", [])]
    assert drawn(history).split("\n") == [
        "* t",
        "| * u",
        "| | * v",
        "* | | p",
        " \\| |",
        "  |\\|",
        " / /",
        "| * s",
        "* q",
    ]


def test_text_of_several_lines_stands_beside_lanes() -> None:
    graph = Graph()
    lines = graph.draw("m", ["a", "b"]).beside(["commit m", "Author", "", "    message", ""])
    assert lines == ["*   commit m", "|\\  Author", "| |", "| |     message", "| |"]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Commits, newest first; parents come later in the list."""
    length = draw(st.integers(1, 14))
    history: History = []
    for at in range(length):
        later = [str(number) for number in range(at + 1, length)]
        parents = draw(st.lists(st.sampled_from(later), max_size=3, unique=True)) if later else []
        history.append((str(at), parents))
    return history


@given(histories())
def test_every_parent_is_reached_by_following_the_lines_down(history: History) -> None:
    graph = Graph()
    rows: list[str] = []
    row_of: dict[str, int] = {}
    for name, parents in history:
        drawing = graph.draw(name, parents)
        row_of[name] = len(rows)
        rows += [drawing.commit, *drawing.edges]
    for name, parents in history:
        reached = stars_below(rows, row_of[name])
        assert {row_of[parent] for parent in parents} <= reached


def stars_below(rows: list[str], start: int) -> set[int]:
    """Rows of the commits at the ends of all lines that leave the commit in row ``start``."""
    at = {rows[start].index("*")}
    found: set[int] = set()
    for number in range(start + 1, len(rows)):
        row = rows[number]

        def mark(column: int, row: str = row) -> str:
            return row[column] if 0 <= column < len(row) else " "

        following: set[int] = set()
        for column in at:
            if mark(column) == "*":
                found.add(number)
                continue
            following |= {column} if mark(column) == "|" else set()
            following |= {column + 2} if mark(column + 1) == "\\" else set()
            following |= {column - 2} if mark(column - 1) == "/" else set()
        at = following
    return found


def test_a_log_that_leaves_commits_out_joins_what_it_shows() -> None:
    history: History = [("e", ["d", "c"]), ("d", ["b"]), ("c", ["b"]), ("b", ["a"]), ("a", [])]
    assert shown_parents(history, {"e", "c", "a"}) == {"e": ["a", "c"], "c": ["a"], "a": []}
