"""What verbs refuse, and what they say where they cannot do all of it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from installed import Place, diverge
from oxide_cli import main, opening


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


def test_skipped_files_are_never_passed_over(place: Place) -> None:
    os.mkfifo(place.root / "pipe")
    assert "!! pipe\n" in place("status", "--porcelain").out
    said = place("status").text
    assert "Skipped files:" in said
    assert "clean" not in said
    (place.root / "notes.txt").unlink()
    os.mkfifo(place.root / "notes.txt")
    place.write("images/cat.jpg", "second")
    said_of_all = place("commit", "-am", "Second", code=9)
    assert "warning: skipped notes.txt: " in said_of_all.err
    assert place("log", "--json").json[0]["message"] == "Second"


def test_conflicts_of_every_verb_name_the_commands(place: Place) -> None:
    diverge(place)
    place("cherry-pick", "experiment", code=6)
    said = place("status").text
    assert "Conflicts to resolve:\n" in said
    for command in ("oxide resolve PATH --ours|--theirs|--base", "oxide commit", "oxide merge --abort"):
        assert f'"{command}"' in said
    place("merge", "--abort")
    place.write("notes.txt", "shelved")
    place("stash")
    place.write("notes.txt", "other")
    place.commit("Other")
    place("stash", "pop", code=6)
    assert "Conflicts to resolve:\n" in place("status").text


def test_diff_takes_no_word_that_is_nothing(place: Place) -> None:
    (place.root / "images/cat.jpg").unlink()
    for words in (["nope"], ["notes.txt", "nope"], ["HEAD", "HEAD", "nope"], ["images/cat.jpg", "notes.txt", "nope"]):
        said = place("diff", *words, code=2)
        assert "nope" in said.err.splitlines()[0]
    assert place("diff", "images/cat.jpg", "--name-only").out == "images/cat.jpg\n"
    assert place("diff", "HEAD", "notes.txt", "images/cat.jpg", "--name-only").out == "images/cat.jpg\n"


def test_rows_of_files_are_named_by_their_path(place: Place) -> None:
    place.write("new name.txt", "new")
    place("add", ".")
    assert place("diff", "--rows", "files").out.startswith("+ new name.txt  ")


class LatePlan:
    """A plan that is carried out whole, and only then notices Ctrl-C."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plan, name)

    def apply(self, *arguments: Any, **options: Any) -> None:
        self.plan.apply(*arguments, **options)
        raise KeyboardInterrupt


class LateWorkingCopy:
    """A working copy with such plans."""

    def __init__(self, working_copy: Any) -> None:
        self.working_copy = working_copy

    def __getattr__(self, name: str) -> Any:
        return getattr(self.working_copy, name)

    def plan(self, *arguments: Any, **options: Any) -> LatePlan:
        return LatePlan(self.working_copy.plan(*arguments, **options))


def test_an_interruption_that_comes_too_late_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place("checkout", "-b", "experiment")
    place.write("new.txt", "new")
    place.commit("Second")
    monkeypatch.chdir(place.root)
    repository: Any = opening.open_repository()
    repository.working_copy = LateWorkingCopy(repository.working_copy)
    monkeypatch.setattr(opening, "open_repository", lambda: repository)
    assert main.run(["checkout", "main"]) == 130
    assert "error: interrupted, but the checkout was finished\n" in capfd.readouterr().err
    assert place("status", "--porcelain").out == ""
    assert not (place.root / "new.txt").exists()


def test_refusals_of_queries_read_like_all_others(place: Place) -> None:
    assert place("sql", "DELETE FROM files", code=2).err.startswith("error: a query can only SELECT; ")
    assert place("sql", "SELECT * FROM missing", code=2).err.startswith("error: there is no table missing")
