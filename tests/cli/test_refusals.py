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


def test_dry_runs_refuse_what_the_verbs_refuse(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("notes.txt", "second")
    place.commit("Second")
    place("checkout", "main")
    place.write("notes.txt", "precious")
    before, operations = place.files(), place("operations", "--json").json
    for verb in (["rm"], ["restore"], ["restore", "--source", "experiment"]):
        refused = place(*verb, "notes.txt", "--json", code=6).error
        assert place(*verb, "notes.txt", "--dry-run", "--json", code=6).error == refused
    for verb in ("checkout", "switch"):
        refused = place(verb, "experiment", "--json", code=6).error
        assert place(verb, "experiment", "--dry-run", "--json", code=6).error == refused
    assert place("rm", "--cached", "--dry-run", "notes.txt").out == "would remove notes.txt\n"
    assert place("rm", "--force", "--dry-run", "notes.txt").out == "would remove notes.txt\n"
    assert place("restore", "--force", "--dry-run", "notes.txt").out == "would restore notes.txt\n"
    assert place("checkout", "--force", "--dry-run", "experiment").out == "would write notes.txt\n"
    assert place("checkout", "-b", "main", "--dry-run", code=1).out == ""
    assert (place.files(), place("operations", "--json").json) == (before, operations)


def test_dry_runs_name_what_would_move(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("new.txt", "new")
    (place.root / "notes.txt").unlink()
    place.commit("Second")
    assert place("checkout", "main", "--dry-run").out == "would write notes.txt\nwould remove new.txt\n"
    moved = place("checkout", "main", "--dry-run", "--json").json
    assert (moved["written"], moved["removed"], moved["dry_run"]) == (["notes.txt"], ["new.txt"], True)
    said = place("restore", "--source", "main", "--dry-run", ".")
    assert said.out == "would restore notes.txt\nwould remove new.txt\n"
    place("rm", "--cached", "new.txt")
    assert place("restore", "--staged", "--dry-run", ".").out == "would unstage new.txt\n"


def test_force_promises_no_undo_of_what_is_stored_nowhere(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("notes.txt", "second")
    place.commit("Second")
    assert "undo with: oxide undo" in place("checkout", "--force", "main").err
    place.write("notes.txt", "precious")
    assert "undo with" not in place("checkout", "--force", "experiment").err
