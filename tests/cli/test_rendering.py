"""Text and JSON of hand-made results."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import samples
from oxide.types import (
    AddResult,
    Conflict,
    FileChanges,
    FileEntry,
    FsckResult,
    GcResult,
    Holder,
    OperationEntry,
    Problem,
    Skipped,
    TableChanges,
    Untracked,
    Usage,
)
from oxide_cli.commands.add import summary
from oxide_cli.commands.cat import split_place
from oxide_cli.commands.doctor import report_lines
from oxide_cli.commands.du import usage_lines
from oxide_cli.commands.fsck import fsck_lines
from oxide_cli.commands.gc import gc_lines
from oxide_cli.commands.ls import listing_lines
from oxide_cli.commands.sql import table_lines
from oxide_cli.rendering import records
from oxide_cli.rendering.changes import changed_names, conflict_lines, diff_lines, row_lines, stat_lines
from oxide_cli.rendering.log import commit_line, commit_lines, operation_lines
from oxide_cli.rendering.status import porcelain_lines, status_lines
from oxide_cli.rendering.text import count, display_width, duration, plain, quote_path, size

CONFLICT = Conflict(
    "files",
    "images/cat.jpg",
    "content",
    ("content_id",),
    {"content_id": "1"},
    {"content_id": "2"},
    {"content_id": "3"},
    "images/cat.jpg",
)
CELLS = Conflict("splits", "65f1", "cells", ("label",), {"label": "cat"}, {"label": "dog"}, None, None)


def test_status_of_a_clean_tree() -> None:
    assert list(status_lines(samples.CLEAN, plain)) == [
        "On branch main -> ab28049e028d2a00",
        "",
        "Nothing to commit, the working copy is clean",
    ]


def test_status_before_the_first_commit() -> None:
    assert list(status_lines(samples.CLEAN._replace(head=None), plain)) == [
        "On branch main -> no commit yet",
        "",
        'Nothing to commit yet (use "oxide add PATH..." to start)',
    ]


def test_status_with_everything_to_say() -> None:
    status = samples.CLEAN._replace(
        staged=FileChanges(["new.jpg"], ["edited.csv"], ["gone.jpg"], [("a.jpg", "b.jpg")]),
        tables={"annotations": TableChanges(12, 3, 0)},
        modified=["images/labels/labels.txt"],
        removed=["lost.jpg"],
        untracked=[Untracked("notes.txt", 1), Untracked("images/", 2133), Untracked("one/", 1)],
        skipped=[Skipped("pipe", "a named pipe")],
        empty_folders=["empty"],
        conflicts=[CONFLICT],
        merging=[samples.identifier("c")],
        upstream="origin/main",
        ahead=2,
        behind=0,
    )
    assert "\n".join(status_lines(status, plain)) == (
        """\
On branch main -> ab28049e028d2a00
Your branch is ahead of origin/main by 2 commits (use "oxide push")

Merging cccccccccccccccc:
  (use "oxide merge --continue" to conclude it, "oxide merge --abort" to go back)

Conflicts to resolve:
  (use "oxide resolve PATH --ours|--theirs|--base" to take a side, or edit and "oxide add PATH"; then
  "oxide commit" to conclude, or "oxide merge --abort" to go back)
  conflict:  images/cat.jpg (content)

Changes to be committed:
  (use "oxide commit -m TEXT" to record them, "oxide restore --staged PATH..." to unstage)
  added:     new.jpg
  modified:  edited.csv
  removed:   gone.jpg
  renamed:   a.jpg -> b.jpg
  annotations:  12 added, 3 modified

Modified files:
  (use "oxide add PATH..." to stage, "oxide restore PATH..." to discard)
  modified:  images/labels/labels.txt

Removed files:
  (use "oxide rm PATH..." to stage, "oxide restore PATH..." to bring back)
  removed:   lost.jpg

Untracked files:
  (use "oxide add PATH..." to stage)
  images/ with untracked 2133 files
  notes.txt
  one/ with untracked 1 file

Skipped files:
  (they cannot be versioned; see the reason, or name them in .oxideignore)
  pipe: a named pipe

Empty folders:
  (folders are versioned through their files)
  empty"""
    )


def test_long_sections_say_how_much_is_left_out() -> None:
    status = samples.CLEAN._replace(modified=[f"{number:05}.jpg" for number in range(12431)])
    lines = list(status_lines(status, plain))
    assert lines[4:6] == ["  modified:  00000.jpg", "  modified:  00001.jpg"]
    assert lines[-1] == "  … 12,411 more (use --all)"
    assert len(lines) == 4 + 20 + 1
    assert len(list(status_lines(status, plain, everything=True))) == 4 + 12431


def test_porcelain_is_two_letters_and_a_path() -> None:
    status = samples.CLEAN._replace(
        staged=FileChanges(["added", "twice"], ["staged"], ["dropped"], [("from", "to")]),
        tables={"annotations": TableChanges(1, 0, 0)},
        modified=["changed", "twice", "images/cat.jpg"],
        removed=["missing"],
        untracked=[Untracked("new/", 3), Untracked("line\nbreak", 1)],
        conflicts=[CONFLICT, CELLS],
        skipped=[Skipped("pipe", "a named pipe")],
    )
    assert list(porcelain_lines(status)) == [
        "A  added",
        " M changed",
        "D  dropped",
        "UU images/cat.jpg",
        " D missing",
        "M  staged",
        "R  from -> to",
        "AM twice",
        "UU splits:65f1",
        "T  annotations",
        '?? "line\\nbreak"',
        "?? new/",
        "!! pipe",
    ]


def test_status_json_has_the_promised_keys() -> None:
    status = samples.CLEAN._replace(
        staged=FileChanges(["b", "a"], [], [], [("old", "new")]),
        tables={"annotations": TableChanges(1, 2, 3)},
        untracked=[Untracked("images/", 2133)],
    )
    value = json.loads(json.dumps(records.status(status)))
    assert {"branch", "head", "staged", "modified", "removed", "untracked", "conflicts", "ahead", "behind"} <= set(
        value
    )
    assert value["staged"] == {
        "added": ["a", "b"],
        "modified": [],
        "removed": [],
        "renamed": [["old", "new"]],
        "tables": {"annotations": {"added": 1, "modified": 2, "removed": 3}},
    }
    assert value["untracked"] == [{"path": "images/", "files": 2133}]


def test_diff_as_text() -> None:
    assert "\n".join(diff_lines(samples.DIFF, plain)) == (
        """\
+ b.jpg
+ images/new.jpg
~ labels.csv
- old.jpg
renamed a.jpg -> z.jpg

2 files added, 1 modified, 1 removed, 1 renamed
annotations: 12 added, 3 modified"""
    )


def test_diff_by_folder_and_by_name() -> None:
    assert "\n".join(stat_lines(samples.DIFF)) == (
        """\
./       +1 ~1 -1 renamed 1
images/  +1

2 files added, 1 modified, 1 removed, 1 renamed
annotations: 12 added, 3 modified"""
    )
    assert changed_names(samples.DIFF) == ["b.jpg", "images/new.jpg", "labels.csv", "old.jpg", "z.jpg"]


def test_diff_json() -> None:
    assert records.diff(samples.DIFF)["files"] == {
        "added": ["b.jpg", "images/new.jpg"],
        "modified": ["labels.csv"],
        "removed": ["old.jpg"],
        "renamed": [["a.jpg", "z.jpg"]],
    }


def test_rows_show_the_cells_that_changed() -> None:
    rows: list[dict[str, object]] = [
        {"key": "01", "before": None, "after": {"label": "cat", "score": None}},
        {"key": "02", "before": {"label": "cat", "x": 1}, "after": {"label": "dog", "x": 1}},
        {"key": "03", "before": {"label": "cat"}, "after": None},
    ]
    assert list(row_lines(rows, plain)) == ["+ 01  label: cat", "~ 02  label: cat -> dog", "- 03  label: cat"]
    files: list[dict[str, object]] = [{"key": "6120", "before": None, "after": {"path": "a b", "size": 1}}]
    assert list(row_lines(files, plain, "files")) == ["+ a b  size: 1"]


def test_conflicts_show_the_three_values() -> None:
    assert list(conflict_lines([CELLS, CONFLICT], plain)) == [
        "images/cat.jpg: both sides changed its content",
        "  content_id: base 1, ours 2, theirs 3",
        "splits:65f1: both sides changed the same cells",
        "  label: base cat, ours dog, theirs removed",
    ]


def test_commits_as_text() -> None:
    entry = samples.entry("a", "b", "c", branches=("main",), tags=("v1",))
    assert commit_lines(entry, plain) == [
        "commit aaaaaaaaaaaaaaaa (main, tag: v1)",
        "Merge:  bbbbbbbbbbbbbbbb cccccccccccccccc",
        "Author: Ada <ada@example.org>",
        "Date:   2026-03-01 14:05:09 +0100",
        "",
        "    Add cats",
        "",
        "    From the garden.",
        "",
    ]
    assert commit_line(entry, plain) == "aaaaaaaaaaaaaaaa (main, tag: v1) Add cats"


def test_log_json_has_the_promised_keys() -> None:
    value = records.log_entry(samples.entry("a", "b", branches=("main",)))
    assert value["id"] == "a" * 64
    assert value["parents"] == ["b" * 64]
    assert value["author"] == {"name": "Ada", "email": "ada@example.org"}
    assert value["time"] == "2026-03-01T14:05:09+01:00"
    assert (value["branches"], value["tags"]) == (["main"], [])


def test_operations_mark_where_the_repository_stands() -> None:
    entries = [
        OperationEntry(10, "", "commit", "Add cats", samples.TIME, samples.ADA, True),
        OperationEntry(9, "", "init", "", samples.TIME, samples.ADA, False),
    ]
    assert operation_lines(entries) == [
        "*  10  2026-03-01 14:05:09 +0100  commit  Ada  Add cats",
        "    9  2026-03-01 14:05:09 +0100  init    Ada",
    ]


def test_summary_of_an_addition() -> None:
    result = AddResult(["a"] * 2130, ["b"] * 3, [], [], [], [], [], 1_200_000_000, [])
    assert summary(result, 2.0) == "Staged 2,133 files: 2,130 added, 3 modified (1.2 GB, 600.0 MB/s)"
    assert summary(result._replace(added=[], modified=[]), 1.0).startswith("Nothing to stage")


def test_listing() -> None:
    entries = [
        FileEntry("images", "folder", 14, False, "", "", "", *[None] * 10),
        FileEntry("run.sh", "file", 12, True, "1", "2", "3", *[None] * 10),
        FileEntry("latest", "link", 1500, False, "1", "2", "3", *[None] * 10),
    ]
    assert listing_lines(entries) == [
        "  14 B  folder      images/",
        "  12 B  executable  run.sh",
        "1.5 kB  link        latest",
    ]


def test_usage_fsck_gc_and_doctor() -> None:
    assert usage_lines(Usage("a" * 64, 2, 3000, 2000, {"packs": 1, "total_bytes": 2100})) == [
        "Revision aaaaaaaaaaaaaaaa: 2 files",
        "  all files            3.0 kB",
        "  equal contents once  2.0 kB",
        "Store (.oxide)",
        "  packs             1",
        "  total bytes  2.1 kB",
    ]
    problem = Problem("ab12", "content", "its bytes are damaged", "oxide fsck --repair", False)
    assert fsck_lines(FsckResult(False, {"commits": 1200}, [problem]), plain) == [
        "content ab12: its bytes are damaged",
        "  oxide fsck --repair",
        "checked 1,200 commits",
        "1 problem left",
    ]
    holders = [
        Holder("branch", "main", "", 4000),
        Holder("branch", "side", "", 1000),
        Holder("repository", "", "", 10),
        Holder("undo", "12", "branch -d x", 900),
        Holder("undo", "", "7 more", 100),
        Holder("session", "4711", "", 200),
    ]
    assert gc_lines(GcResult(5000, {"undo": 1000, "stash": 0, "session": 200}, 250, 50, 200, 0, 0, holders), True) == [
        "in use                             5.0 kB",
        "  branch main                      4.0 kB",
        "  branch side                      1.0 kB",
        "kept for undo                      1.0 kB",
        "  operation 12 (branch -d x)        900 B",
        "not needed, in reach of a process   200 B",
        "  process 4711                      200 B",
        "would be freed now                   50 B",
        "nothing was changed",
    ]
    assert gc_lines(GcResult(5000, {}, 50, 50, 0, 2, 1, []), False)[-1] == (
        "freed 50 B: 2 objects, 1 pack rewritten or removed"
    )
    report: dict[str, object] = {
        "file_system": {"reflink": True, "free_bytes": 2000},
        "settings": [{"key": "a", "value": "1"}, "x"],
        "empty": [],
        "remote": None,
    }
    assert list(report_lines(report)) == [
        "file system:",
        "  reflink: yes",
        "  free bytes: 2.0 kB",
        "settings:",
        "  - key: a",
        "    value: 1",
        "  - x",
        "empty: none",
        "remote: unknown",
    ]


def test_sql_tables() -> None:
    assert table_lines(["label", "n"], [("cat", 12), (None, 3)], None) == [
        "label   n",
        "─────  ──",
        "cat    12",
        "NULL    3",
        "(2 rows)",
    ]
    assert table_lines(["label", "n"], [("cat", 12), (None, 3)], None, 80) == table_lines(
        ["label", "n"], [("cat", 12), (None, 3)], None
    )
    assert table_lines(["n"], [(1,), (2,)], 1)[-1] == "… more rows: the first 1 are shown (use --csv, --json or LIMIT)"


@pytest.mark.parametrize("width", [1, 3, 9, 10, 11, 17, 40, 60, 61, 200])
def test_sql_tables_are_cut_to_the_width_of_a_terminal(width: int) -> None:
    names = ["id", "a long name of a column", "n", "wide"]
    rows: list[tuple[object, ...]] = [("x" * 50, "y" * 30, 12, "日本" * 20), ("x", "é" * 80, 3, "e\u0301" * 50)]
    lines = table_lines(names, rows, None, width)
    assert all(display_width(line) <= max(width, 3) for line in lines[:4])
    assert ("…" in lines[2]) == (width < 200) and lines[-1] == "(2 rows)"
    assert ("more column" in lines[-2]) == (width < 15)


def test_sql_tables_lose_no_more_than_they_must() -> None:
    lines = table_lines(["a", "b"], [("x" * 10, "y" * 30)], None, 30)
    assert lines[2] == f"{'x' * 10}  {'y' * 17}…"


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("main:a/b.jpg", ("main", "a/b.jpg")),
        ("a/b.jpg", ("HEAD", "a/b.jpg")),
        ("main@{2026-01-01 10:00}:a:b", ("main@{2026-01-01 10:00}", "a:b")),
        (":a", ("HEAD", "a")),
    ],
)
def test_places(place: str, parts: tuple[str, str]) -> None:
    assert split_place(place) == parts


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("images/cat 1.jpg", "images/cat 1.jpg"),
        ("Köln/猫.jpg", "Köln/猫.jpg"),
        ("line\nbreak", '"line\\nbreak"'),
        ('tab\t"x"', '"tab\\t\\"x\\""'),
        ('"quoted', '"\\"quoted"'),
        ("bell\x07\x1b[31m", '"bell\\a\\033[31m"'),
        ("caf\uf7e9.jpg", '"caf\\351.jpg"'),
        ("caf\udce9.jpg", '"caf\\351.jpg"'),
        ("back\\slash", "back\\slash"),
    ],
)
def test_odd_names_cannot_break_or_fake_a_line(path: str, quoted: str) -> None:
    assert quote_path(path) == quoted


def test_numbers_as_people_read_them() -> None:
    assert [size(value) for value in (0, 999, 1000, 999_999, 1_234_567, 5e15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.0 MB",
        "1.2 MB",
        "5.0 PB",
    ]
    assert [duration(value) for value in (0.4, 59, 61, 3700)] == ["0 s", "59 s", "1 min 1 s", "1 h 1 min"]
    assert (count(1, "file"), count(12411, "file"), count(2, "branch", "branches")) == (
        "1 file",
        "12,411 files",
        "2 branches",
    )


def test_times_are_rfc_3339() -> None:
    moment = samples.commit("a")._replace(time=datetime(2026, 1, 2, tzinfo=UTC))
    assert records.commit(moment)["time"] == "2026-01-02T00:00:00+00:00"
