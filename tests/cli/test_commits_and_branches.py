"""Commits and branches: commit, log, show, diff, blame, branch, checkout, merge, tag, revert, stash, undo."""

from __future__ import annotations

import re

from installed import Place, diverge

# -- commit, log, show, diff, blame ------------------------------------------------------------------------------------


def test_commit_needs_a_message_and_something_to_commit(place: Place) -> None:
    assert "oxide commit -m" in place("commit", code=2).err
    said = place("commit", "-m", "Nothing", code=1)
    assert said.err.startswith("error: ")
    assert "hint: " in said.err
    place("commit", "--allow-empty", "-m", "Nothing")


def test_commit_of_everything_by_another_author_then_amended(place: Place) -> None:
    place.write("notes.txt", "second")
    place.write("untracked.txt", "x")
    place("commit", "-a", "-m", "Second", "--author", "Grace <grace@example.org>")
    entry = place("log", "-n", "1", "--json").json[0]
    assert entry["author"] == {"name": "Grace", "email": "grace@example.org"}
    assert place("status", "--porcelain").out == "?? untracked.txt\n"
    place("add", ".")
    place("commit", "--amend")
    amended = place("log", "--json").json
    assert [entry["message"].strip() for entry in amended] == ["Second", "First version"]
    assert place("cat", "HEAD:untracked.txt").out == "x"
    assert len(place("-q", "commit", "--amend", "-m", "Renamed").out.strip()) == 64


def test_log(place: Place) -> None:
    place.write("images/cat.jpg", "second cat")
    place.commit("Second cat\n\nA better one.")
    assert place("log").text == (
        "commit <id> (main)\nAuthor: Ada <ada@example.org>\nDate:   <time>\n\n    Second cat\n\n    A better one.\n\n"
        "commit <id>\nAuthor: Ada <ada@example.org>\nDate:   <time>\n\n    First version\n\n"
    )
    assert place("log", "--oneline", "-n", "1").text == "<id> (main) Second cat\n"
    assert place("log", "--oneline", "--", "notes.txt").text == "<id> First version\n"
    assert place("log", "--oneline", "--", "images").text == "<id> (main) Second cat\n<id> First version\n"
    entries = place("log", "--json").json
    assert [entry["branches"] for entry in entries] == [["main"], []]
    assert entries[0]["parents"] == [entries[1]["id"]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", entries[0]["time"])
    assert set(entries[0]) >= {"id", "parents", "author", "time", "message", "branches", "tags"}


def test_log_as_a_graph(place: Place) -> None:
    diverge(place)
    place("merge", "experiment", code=6)
    place("resolve", "notes.txt", "--ours")
    place("merge", "--continue")
    lines = place("log", "--graph", "--oneline").text.splitlines()
    assert lines[0].startswith("*  <id> (main) ")
    assert lines[1] == "|\\"
    assert lines[-2:] == ["|/", "* <id> First version"]
    assert sorted(re.sub(r"^[*|\\/ ]+", "", line) for line in lines[2:4]) == ["<id> (experiment) Theirs", "<id> Ours"]


def test_show_and_diff(place: Place) -> None:
    place.write("images/cat.jpg", "second cat")
    place.write("new.txt", "new")
    (place.root / "images/dog.jpg").unlink()
    assert place("diff").out == "~ images/cat.jpg\n- images/dog.jpg\n\n1 file modified, 1 removed\n"
    place.commit("Second")
    body = "~ images/cat.jpg\n- images/dog.jpg\n+ new.txt\n\n1 file added, 1 modified, 1 removed\n"
    assert place("show").text == (
        f"commit <id> (main)\nAuthor: Ada <ada@example.org>\nDate:   <time>\n\n    Second\n\n{body}"
    )
    assert place("diff", "HEAD~1", "HEAD").out == body
    assert place("diff", "HEAD~1..HEAD").out == body
    assert place("diff", "HEAD~1..HEAD", "--name-only").out == "images/cat.jpg\nimages/dog.jpg\nnew.txt\n"
    assert place("diff", "HEAD~1..HEAD", "--stat").out == (
        "./       +1\nimages/  ~1 -1\n\n1 file added, 1 modified, 1 removed\n"
    )
    assert place("diff", "HEAD~1..HEAD", "--", "images").out.endswith("\n1 file modified, 1 removed\n")
    assert place("diff", "HEAD~1..HEAD", "--json").json == {
        "files": {"added": ["new.txt"], "modified": ["images/cat.jpg"], "removed": ["images/dog.jpg"], "renamed": []},
        "tables": {},
    }
    assert set(place("show", "--json").json) >= {"id", "message", "files", "tables"}
    place("diff", "--exit-code")
    place("diff", "HEAD~1", "HEAD", "--exit-code", code=1)


def test_blame(place: Place) -> None:
    place.write("images/cat.jpg", "second cat")
    place.commit("Second")
    assert place("blame", "images/cat.jpg").text == "<id>  modified  <time>  Ada  images/cat.jpg  Second\n"
    entry = place("blame", "notes.txt", "--json").json[0]
    assert (entry["path"], entry["change"], entry["commit"]["message"].strip()) == (
        "notes.txt",
        "added",
        "First version",
    )


# -- branches, checkout, merge -----------------------------------------------------------------------------------------


def test_branches(place: Place) -> None:
    assert place("branch", "experiment").text == "Created branch experiment -> <id>\n"
    assert place("branch").text == "  experiment  <id>\n* main        <id>\n"
    listed = place("branch", "--json").json
    assert [(entry["name"], entry["current"], entry["upstream"]) for entry in listed] == [
        ("experiment", False, None),
        ("main", True, None),
    ]
    place("branch", "experiment", code=1)
    said = place("branch", "-d", "experiment")
    assert said.out == "Deleted branch experiment\n"
    assert "oxide undo" in said.err
    place("undo")
    assert len(place("branch", "--json").json) == 2


def test_checkout_there_and_back(place: Place) -> None:
    before = place.files()
    assert place("checkout", "-b", "experiment").text.startswith("On branch experiment -> <id>\n")
    place.write("frames/1.png", "frame")
    place.write("notes.txt", "other")
    place.commit("Frames")
    kept = (place.root / "images/cat.jpg").stat().st_mtime_ns
    said = place("checkout", "main")
    assert said.text == "On branch main -> <id>\n1 file written, 1 removed\n"
    assert place.files() == before
    assert not (place.root / "frames").exists()
    assert (place.root / "images/cat.jpg").stat().st_mtime_ns == kept
    place("switch", "experiment")
    assert place.read("frames/1.png") == "frame"
    said = place("checkout", "main~0")
    assert said.text.startswith("On no branch, detached -> <id>\n")
    place("switch", "HEAD", code=1)


def test_checkout_never_overwrites(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("notes.txt", "committed")
    place.write("new.txt", "committed")
    place.commit("Experiment")
    place("checkout", "main")
    place.write("notes.txt", "precious")
    place.write("new.txt", "precious")
    said = place("checkout", "experiment", code=6)
    assert "notes.txt" in said.err
    assert "new.txt" in said.err
    assert "hint: " in said.err
    assert place("checkout", "experiment", "--json", code=6).error["paths"] == ["new.txt", "notes.txt"]
    assert (place.read("notes.txt"), place.read("new.txt")) == ("precious", "precious")
    place("checkout", "--force", "experiment")
    assert (place.read("notes.txt"), place.read("new.txt")) == ("committed", "committed")


def test_mistyped_branches_get_a_suggestion(place: Place) -> None:
    place("branch", "experiment")
    said = place("checkout", "experimnt", code=1)
    assert "did you mean 'experiment'?" in said.err
    assert place("checkout", "experimnt", "--json", code=1).error["code"] == "unknown_revision"
    assert "oxide restore notes.txt" in place("checkout", "notes.txt", code=1).err


def test_merge_that_moves_forward_and_one_that_has_nothing_to_do(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("new.txt", "new")
    place.commit("New")
    place("checkout", "main")
    assert place("merge", "experiment").text == "1 file written\nFast-forward to <id>\n"
    assert place("merge", "experiment").text == "Already up to date\n"
    place("undo")
    assert not (place.root / "new.txt").exists()
    place("merge", "--no-ff", "-m", "Both", "experiment")
    assert len(place("log", "-n", "1", "--json").json[0]["parents"]) == 2


def test_conflicts_from_merge_to_commit(place: Place) -> None:
    diverge(place)
    said = place("merge", "experiment", code=6)
    assert "notes.txt" in said.out
    assert "oxide conflicts" in said.err
    assert "oxide resolve PATH --ours" in said.err
    status = place("status").text
    assert "Conflicts to resolve:\n" in status
    assert "  conflict:  notes.txt (content)\n" in status
    assert "Merging <id>:" in status
    assert place("status", "--porcelain").out.splitlines()[0].startswith(("UU notes.txt", "A  theirs.txt"))
    listed = place("conflicts", "--json").json
    assert [(entry["table"], entry["name"], entry["reason"]) for entry in listed] == [("files", "notes.txt", "content")]
    assert {"base", "ours", "theirs"} <= set(listed[0])
    assert place("conflicts").out.startswith("notes.txt: both sides changed its content\n")
    place("commit", "-m", "Too early", code=6)
    said = place("resolve", "notes.txt", "--theirs")
    assert said.out == "All conflicts are decided\n"
    assert "oxide merge --continue" in said.err
    assert place.read("notes.txt") == "theirs"
    place("merge", "--continue", "-m", "Both")
    entry = place("log", "-n", "1", "--json").json[0]
    assert entry["message"].strip() == "Both"
    assert len(entry["parents"]) == 2
    assert {"ours.txt", "theirs.txt"} <= set(place.files())


def test_merge_that_is_given_up(place: Place) -> None:
    diverge(place)
    before = place.files()
    place("merge", "experiment", code=6)
    place("merge", "--abort")
    assert place.files() == before
    assert place("status", "--json").json["conflicts"] == []
    place("merge", "--continue", code=1)


def test_tags(place: Place) -> None:
    assert place("tag", "v1.0").text == "Created tag v1.0 -> <id>\n"
    assert place("tag").text == "v1.0  <id>\n"
    assert place("tag", "--json").json[0]["name"] == "v1.0"
    assert place("log", "--json").json[0]["tags"] == ["v1.0"]
    place("tag", "-d", "v1.0")
    assert place("tag").out == ""
    place("show", "v1.0", code=1)


def test_revert_and_cherry_pick(place: Place) -> None:
    before = place.files()
    place("checkout", "-b", "experiment")
    place.write("new.txt", "new")
    place.commit("New")
    place("revert", "HEAD")
    assert place.files() == before
    place("checkout", "main")
    place("cherry-pick", "experiment~1")
    assert place.read("new.txt") == "new"
    assert place("log", "-n", "1", "--json").json[0]["message"].strip() == "New"


def test_stash(place: Place) -> None:
    before = place.files()
    place.write("notes.txt", "half done")
    said = place("stash", "-m", "half of the notes")
    assert "half of the notes" in said.out
    assert "oxide stash pop" in said.err
    assert place.files() == before
    assert place("stash", "list", "--json").json[0]["message"] == "half of the notes"
    place("stash", "pop")
    assert place.read("notes.txt") == "half done"
    assert place("stash", "list").out == ""
    place("stash")
    place("stash", "drop", "stash@{0}")
    place("stash", "pop", code=1)


def test_undo_and_redo(place: Place) -> None:
    place.write("notes.txt", "second")
    second = place.commit("Second")
    said = place("undo")
    assert said.out.startswith("Undid operation ")
    assert place("log", "--json").json[0]["id"] != second
    assert "oxide redo" in said.err
    place("redo")
    assert place("log", "--json").json[0]["id"] == second
    entries = place("operations", "--json").json
    assert [entry["number"] for entry in entries] == sorted((entry["number"] for entry in entries), reverse=True)
    assert sum(entry["current"] for entry in entries) == 1
    assert len(place("operations", "-n", "2").out.splitlines()) == 2
