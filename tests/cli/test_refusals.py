"""What verbs refuse, and what they say where they cannot do all of it."""

from __future__ import annotations

import pytest
from test_end_to_end import Place, diverge, empty, place

__all__ = ["empty", "place"]  # fixtures


def test_resolve_takes_one_side(place: Place) -> None:
    diverge(place)
    place("merge", "experiment", code=6)
    said = place("resolve", "notes.txt", "--ours", "--theirs", code=2)
    assert "one side" in said.err
    assert len(place("conflicts", "--json").json) == 1


def test_a_malformed_author_goes_before_everything(place: Place) -> None:
    assert "Name <mail>" in place("commit", "-m", " ", "--author", "bad", code=2).err
    assert "Name <mail>" in place("commit", "--author", "bad", code=2).err


@pytest.mark.parametrize("value", ["", " "])
def test_a_setting_cannot_be_empty(place: Place, value: str) -> None:
    assert "cannot be empty" in place("config", "user.name", value, code=2).err


def test_a_name_is_a_branch_or_a_tag(place: Place) -> None:
    place("tag", "v1")
    assert place("tag", "main", "--json", code=1).error["code"] == "already_exists"
    assert place("branch", "v1", "--json", code=1).error["code"] == "already_exists"
    assert place("checkout", "-b", "v1", "--json", code=1).error["code"] == "already_exists"
    assert [tag["name"] for tag in place("tag", "--json").json] == ["v1"]
    assert [branch["name"] for branch in place("branch", "--json").json] == ["main"]
