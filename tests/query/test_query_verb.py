"""``oxide query`` as it is typed: changes, with and without the flags of a listing, and queries like options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Oxide, with_pictures

NAMES = ["cats/a.jpg", "cats/b.jpg", "dogs/c.jpg"]


@pytest.fixture
def oxide(tmp_path: Path) -> Oxide:
    found = with_pictures(tmp_path / "pets", tmp_path / "home", NAMES)
    found("commit", "-m", "Pets")
    return found


def listed(oxide: Oxide) -> list[str]:
    return oxide("query", "").out.splitlines()


def test_a_change_takes_no_flags_of_a_listing(oxide: Oxide) -> None:
    for change in ({"delete": True}, {"update": {"metadata": {"user": {"a": 1}}}}):
        query = json.dumps({"filter": {"dir": "/cats"}, **change})
        for flags in (["--count"], ["-0"], ["--limit", "1"], ["--after", "x"], ["--count", "--dry-run"]):
            assert oxide("query", query, *flags, code=2).err
        oxide("query", query, "--explain")
    assert listed(oxide) == NAMES and oxide("query", "metadata.a:1", "--count").out == "0\n"


def test_a_change_is_shown_done_and_undone(oxide: Oxide) -> None:
    delete = json.dumps({"filter": {"dir": "/cats"}, "delete": True})
    assert "would remove 2 items" in oxide("query", delete, "--dry-run").out and listed(oxide) == NAMES
    assert "removed 2 items" in oxide("query", delete).out and listed(oxide) == NAMES[2:]
    oxide("undo")
    update = json.dumps({"filter": {"dir": "/cats"}, "update": {"metadata": {"user": {"a": 1}}}})
    assert "would change 2 items" in oxide("query", update, "-n").out
    assert oxide("query", update, "--json").json == {"changed": 2}
    assert listed(oxide) == NAMES and oxide("query", "metadata.a:1").out.splitlines() == NAMES[:2]


def test_a_query_may_begin_with_a_negation(oxide: Oxide) -> None:
    assert oxide("query", "-path:cats/*").out.splitlines() == NAMES[2:]
    assert oxide("query", "--count", "-name:(a.jpg, b.jpg)", "--at", "HEAD").out == "1\n"
    assert oxide("query", "-(name:a.jpg OR name:b.jpg)", "-0").out == "dogs/c.jpg\0"
    assert oxide("query", "-count(label:cat)>=1", "--limit", "1").out == "cats/a.jpg\n"
    assert oxide("query", "--", "-cats").out.splitlines() == NAMES[2:]
    assert "No such option" in oxide("query", "-x", code=2).err


def test_a_file_of_an_editor_that_marks_its_beginning(oxide: Oxide, tmp_path: Path) -> None:
    (tmp_path / "pets" / "filter.json").write_text('{"name": "a.jpg"}', encoding="utf-8-sig")
    assert oxide("query", "@filter.json").out == "cats/a.jpg\n"


def test_pages_follow_a_cursor_whatever_changed_meanwhile(oxide: Oxide) -> None:
    for name, number in zip(NAMES, (2, 3, 1), strict=True):
        oxide("metadata", "set", name, f"n={number}")
    ordered = ["cats/b.jpg", "cats/a.jpg", "dogs/c.jpg"]
    by_n = ["query", "metadata.n>0", "--sort", "metadata.n:desc", "--limit", "1"]
    said = oxide(*by_n)
    found = said.out.splitlines()
    while "--after" in said.err:
        oxide("metadata", "set", found[-1], "n=9")  # rows behind the cursor stay where they are
        cursor = said.err.split("--after", 1)[1].split()[0]
        said = oxide(*by_n, "--after", cursor)
        found += said.out.splitlines()
    assert found == ordered
    first = oxide("query", "all()", "--sort", "dir:desc", "--sort", "name", "--limit", "2", "--json").json
    assert [each["path"] for each in first["items"]] == ["dogs/c.jpg", "cats/a.jpg"] and first["next"]
    rest = oxide("query", "all()", "--sort", "dir:desc", "--sort", "name", "--after", first["next"], "--json").json
    assert [each["path"] for each in rest["items"]] == ["cats/b.jpg"] and rest["next"] is None
    assert oxide("query", "all()", "--after", first["next"], code=2).err  # of another order
    assert oxide("query", "all()", "--after", "nonsense", code=2).err
