"""Merges of files: what merges by itself, what is a conflict, and how it ends."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oxide import Repository, errors
from oxide.settings import Settings
from support import AUTHOR, names, snapshot, tree, write


def commit(repo: Repository, message: str = "a commit", **files: str | None) -> str:
    """Commit files given as ``path=content`` (``None`` removes); ``__`` in a name stands for ``/``."""
    for name, content in files.items():
        path = name.replace("__", "/")
        if content is None:
            (repo.root / path).unlink()
        else:
            write(repo.root, path, content)
    repo.add(["."])
    return repo.commit(message).id


def forked(repo: Repository, **files: str | None) -> Repository:
    """A first commit with these files, `left` checked out and `right` at the same commit."""
    commit(repo, "base", **files)
    repo.create_branch("right")
    repo.checkout("left", create=True)
    return repo


def items(repo: Repository, revision: str = "HEAD") -> dict[str, str]:
    return {entry.path: entry.item_id for entry in repo.ls(revision, recursive=True)}


def texts(repo: Repository, revision: str = "HEAD") -> dict[str, str]:
    return {path: node.content.decode() for path, node in snapshot(repo, revision).items()}


# -- items and renames -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["mv on disk", "oxide mv"])
def test_a_rename_keeps_the_item(repo: Repository, how: str) -> None:
    commit(repo, old="content", other="other")
    before = items(repo)
    if how == "oxide mv":
        repo.move(["old"], "new")
    else:
        os.rename(repo.root / "old", repo.root / "new")
        repo.add(["."])
    assert names(repo.status().staged) == {"renamed": [("old", "new")]}
    repo.commit("renamed")
    assert items(repo) == {"new": before["old"], "other": before["other"]}
    assert names(repo.diff("HEAD~1", "HEAD").files) == {"renamed": [("old", "new")]}


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_resolved_conflict_keeps_what_is_known_of_the_item(repo: Repository, side: str) -> None:
    forked(repo, old="content")
    commit(repo, new="from left")
    repo.checkout("right")
    commit(repo, new="from right")
    assert [conflict.reason for conflict in repo.merge("left").conflicts] == ["added"]
    assert repo.diff_rows("items", "right", None) == []
    repo.resolve(["new"], side)
    repo.commit("merged")
    assert repo.diff_rows("items", {"ours": "right", "theirs": "left"}[side], "HEAD") == []


def test_staged_work_never_gives_a_committed_file_another_item(repo: Repository) -> None:
    forked(repo, old="content")
    files = [f"file{number}" for number in range(8)]

    def add_one_by_one() -> None:  # each call draws its own ids, of which the smaller would win a merge
        for name in files:
            write(repo.root, name, f"the content of {name}")
            repo.add([name])

    add_one_by_one()
    repo.commit("on left")
    committed = items(repo)
    repo.checkout("right")
    add_one_by_one()
    repo.stash_push()
    add_one_by_one()
    repo.checkout("left")
    assert repo.status().clean and items(repo) == committed
    repo.stash_pop()
    assert repo.status().clean and items(repo) == committed


def test_an_edit_keeps_the_item_and_a_new_file_gets_its_own(repo: Repository) -> None:
    commit(repo, file="one")
    before = items(repo)["file"]
    commit(repo, file="two", another="new")
    assert items(repo)["file"] == before != items(repo)["another"]


def test_items_are_ordered_by_time_and_then_by_path(repo: Repository) -> None:
    commit(repo, b="b", a="a", c="c")
    found = items(repo)
    assert found["a"] < found["b"] < found["c"]
    assert all(len(item) == 24 for item in found.values())


def test_several_renames_pair_by_base_name(repo: Repository) -> None:
    commit(repo, x__one="same", x__two="same")
    before = items(repo)
    (repo.root / "y").mkdir()
    os.rename(repo.root / "x/one", repo.root / "y/one")
    os.rename(repo.root / "x/two", repo.root / "y/two")
    repo.add(["."])
    repo.commit("moved")
    assert items(repo) == {"y/one": before["x/one"], "y/two": before["x/two"]}


def test_a_copy_is_a_new_item(repo: Repository) -> None:
    commit(repo, original="content")
    commit(repo, copy="content")
    found = items(repo)
    assert found["original"] != found["copy"]


def test_mv_and_edit_in_one_commit_is_one_item(repo: Repository) -> None:
    commit(repo, old="one")
    before = items(repo)["old"]
    repo.move(["old"], "new")
    write(repo.root, "new", "two")
    repo.add(["."])
    repo.commit("renamed and edited")
    assert items(repo) == {"new": before}


@pytest.mark.parametrize("rename_on", ["left", "right"])
def test_a_rename_on_one_side_and_an_edit_on_the_other_merge(repo: Repository, rename_on: str) -> None:
    forked(repo, old="one", same="same")
    before = items(repo)["old"]
    for branch in ("left", "right"):
        repo.checkout(branch)
        if branch == rename_on:
            repo.move(["old"], "new")
            repo.commit("rename")
        else:
            commit(repo, "edit", old="two")
    assert repo.merge("left").kind == "merged"
    assert texts(repo) == {"new": "two", "same": "same"}
    assert items(repo)["new"] == before
    assert {path: node.content for path, node in tree(repo.root).items()} == {"new": b"two", "same": b"same"}
    assert repo.status().clean


def test_a_renamed_folder_and_edits_in_it_merge(repo: Repository) -> None:
    forked(repo, old__a="a", old__b="b")
    os.rename(repo.root / "old", repo.root / "new")
    commit(repo, "rename the folder")
    repo.checkout("right")
    commit(repo, "edit and add", old__a="changed", old__c="new file")
    repo.merge("left")
    assert texts(repo) == {"new/a": "changed", "new/b": "b", "old/c": "new file"}


def test_one_file_renamed_differently_on_both_sides_is_a_conflict(repo: Repository) -> None:
    forked(repo, file="content")
    repo.move(["file"], "mine")
    repo.commit("mine")
    repo.checkout("right")
    repo.move(["file"], "yours")
    repo.commit("yours")
    result = repo.merge("left")
    assert [(conflict.reason, conflict.name) for conflict in result.conflicts] == [("path", "yours")]
    repo.resolve(["yours"], "theirs")
    repo.commit(None)
    assert texts(repo) == {"mine": "content"}


def test_a_rename_and_a_removal_are_a_conflict(repo: Repository) -> None:
    forked(repo, file="content", other="x")
    repo.move(["file"], "renamed")
    repo.commit("rename")
    repo.checkout("right")
    commit(repo, "remove", file=None)
    result = repo.merge("left")
    assert [conflict.reason for conflict in result.conflicts] == ["removed"]


# -- without conflict --------------------------------------------------------------------------------------------------
def test_changes_of_different_files_merge(repo: Repository) -> None:
    forked(repo, a="a", b="b", c="c")
    left = commit(repo, "left", a="left", new__left="left")
    repo.checkout("right")
    right = commit(repo, "right", b="right", c=None)
    result = repo.merge("left")
    assert result.kind == "merged" and result.commit.parents == (right, left)
    assert texts(repo) == {"a": "left", "b": "right", "new/left": "left"}
    assert repo.status().clean


def test_content_and_executable_bit_merge_as_cells(repo: Repository) -> None:
    forked(repo, file="one")
    (repo.root / "file").chmod(0o755)
    commit(repo, "executable")
    repo.checkout("right")
    commit(repo, "content", file="two")
    assert repo.merge("left").kind == "merged"
    assert snapshot(repo)["file"].content == b"two" and snapshot(repo)["file"].executable


def test_the_same_path_with_the_same_content_on_both_sides_is_one_item(repo: Repository) -> None:
    forked(repo, base="base")
    commit(repo, "left", new="same")
    repo.checkout("right")
    commit(repo, "right", new="same")
    smaller = min(items(repo, "left")["new"], items(repo, "right")["new"])
    assert repo.merge("left").kind == "merged"
    assert items(repo)["new"] == smaller


def test_the_same_edit_on_both_sides_merges(repo: Repository) -> None:
    forked(repo, file="one", gone="x")
    commit(repo, "left", file="two", gone=None)
    repo.checkout("right")
    commit(repo, "right", file="two", gone=None)
    assert repo.merge("left").kind == "merged"
    assert texts(repo) == {"file": "two"}


def test_fast_forward_moves_the_branch_and_no_ff_makes_a_commit(repo: Repository) -> None:
    forked(repo, file="one")
    left = commit(repo, "left", file="two")
    repo.checkout("right")
    assert repo.merge("left").kind == "fast-forward"
    assert repo.resolve_revision("HEAD") == left
    assert repo.merge("left").kind == "up-to-date"
    repo.undo()
    result = repo.merge("left", no_ff=True)
    assert result.kind == "merged" and len(result.commit.parents) == 2
    assert texts(repo) == {"file": "two"}


# -- conflicts ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def conflicted(repo: Repository) -> Repository:
    """On `right`, in the middle of merging `left`: `both` changed twice, `edited` removed there, `removed` removed
    here, `added` new on both."""
    forked(repo, both="base", edited="base", removed="base", quiet="base")
    commit(repo, "left", both="left", edited=None, removed="left", added="left", quiet="left")
    repo.checkout("right")
    commit(repo, "right", both="right", edited="right", removed=None, added="right")
    assert repo.merge("left").kind == "conflicts"
    return repo


def test_conflicts_are_listed_with_reason_and_sides(conflicted: Repository) -> None:
    found = {conflict.name: conflict for conflict in conflicted.conflicts()}
    assert {name: conflict.reason for name, conflict in found.items()} == {
        "added": "added",
        "both": "content",
        "edited": "removed",
        "removed": "removed",
    }
    assert all(conflict.table == "files" for conflict in found.values())
    assert (found["edited"].theirs, found["removed"].ours, found["added"].base) == (None, None, None)
    assert found["both"].ours["size"] == len("right")
    assert conflicted.status().conflicts == conflicted.conflicts()
    assert conflicted.status().merging == [conflicted.resolve_revision("left")]


def test_our_version_stands_in_the_tree_until_it_is_resolved(conflicted: Repository) -> None:
    found = {path: node.content.decode() for path, node in tree(conflicted.root).items()}
    assert found == {"added": "right", "both": "right", "edited": "right", "quiet": "left"}


def test_commit_is_refused_until_all_is_resolved(conflicted: Repository) -> None:
    with pytest.raises(errors.InConflict) as caught:
        conflicted.commit("too early")
    assert caught.value.paths == ["added", "both", "edited", "removed"]
    assert [conflict.name for conflict in conflicted.resolve(["both", "added"], "theirs")] == ["edited", "removed"]
    with pytest.raises(errors.InConflict):
        conflicted.merge_continue()
    assert conflicted.resolve(["edited", "removed"], "ours") == []
    made = conflicted.merge_continue()
    assert len(made.parents) == 2
    assert texts(conflicted) == {"both": "left", "added": "left", "edited": "right", "quiet": "left"}
    assert conflicted.status().clean and conflicted.status().merging == []
    assert conflicted.fsck(data=True).ok


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("ours", {"both": "right", "edited": "right", "added": "right", "quiet": "left"}),
        ("theirs", {"both": "left", "removed": "left", "added": "left", "quiet": "left"}),
        ("base", {"both": "base", "edited": "base", "removed": "base", "quiet": "left"}),
    ],
)
def test_each_side_can_be_taken(conflicted: Repository, side: str, expected: dict[str, str]) -> None:
    conflicted.resolve(["added", "both", "edited", "removed"], side)
    assert {path: node.content.decode() for path, node in tree(conflicted.root).items()} == expected
    conflicted.commit("resolved")
    assert texts(conflicted) == expected


def test_abort_brings_everything_back(conflicted: Repository) -> None:
    conflicted.resolve(["both"], "theirs")
    conflicted.merge_abort()
    assert texts(conflicted) == {path: node.content.decode() for path, node in tree(conflicted.root).items()}
    assert conflicted.status().clean
    with pytest.raises(errors.NothingToDo):
        conflicted.merge_abort()


def test_a_resolution_by_hand_is_taken_by_add(conflicted: Repository) -> None:
    write(conflicted.root, "both", "by hand")
    conflicted.add(["both"])
    assert "both" not in [conflict.name for conflict in conflicted.conflicts()]
    conflicted.resolve(["added", "edited", "removed"], "ours")
    conflicted.commit("by hand")
    assert texts(conflicted)["both"] == "by hand"


def test_a_second_merge_and_a_checkout_are_refused_in_the_middle_of_one(conflicted: Repository) -> None:
    for call in (
        lambda: conflicted.merge("left"),
        lambda: conflicted.checkout("left"),
        lambda: conflicted.stash_push(),
    ):
        with pytest.raises(errors.OxideError):
            call()
    assert len(conflicted.conflicts()) == 4


def test_resolving_what_is_no_conflict_says_so(conflicted: Repository) -> None:
    with pytest.raises(errors.OxideError):
        conflicted.resolve(["quiet"], "ours")
    with pytest.raises(errors.InvalidInput):
        conflicted.resolve(["both"], "mine")


def test_a_file_against_a_folder_is_a_conflict(repo: Repository) -> None:
    forked(repo, base="base")
    commit(repo, "a folder", place__inner="left")
    repo.checkout("right")
    commit(repo, "a file", place="right")
    result = repo.merge("left")
    assert result.kind == "conflicts" and {conflict.reason for conflict in result.conflicts} == {"folder"}
    assert (repo.root / "place").read_text() == "right"
    repo.merge_abort()
    assert texts(repo) == {"base": "base", "place": "right"} and repo.status().clean


# -- symmetry ----------------------------------------------------------------------------------------------------------
EDITS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["one", "two", "three", None])), max_size=4
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(left=EDITS, right=EDITS)
def test_merging_either_way_gives_equal_roots_and_mirrored_conflicts(
    tmp_path_factory: pytest.TempPathFactory, left: list[tuple[str, str | None]], right: list[tuple[str, str | None]]
) -> None:
    repo = Repository.init(tmp_path_factory.mktemp("merge"), settings=Settings(None, dict(AUTHOR)))
    forked(repo, a="one", b="one", c="unique content")
    for branch, edits in (("left", left), ("right", right)):
        repo.checkout(branch)
        for path, content in edits:
            if content is None:
                (repo.root / path).unlink(missing_ok=True)
            else:
                write(repo.root, path, f"{content} {path}")
        repo.add(["."])
        repo.commit(branch, allow_empty=True)

    def merged(ours: str, theirs: str) -> tuple[object, list[object]]:
        repo.checkout(ours)
        result = repo.merge(theirs, no_ff=True)
        sides = [
            (conflict.name, conflict.reason, conflict.base, {"ours": conflict.ours, "theirs": conflict.theirs})
            for conflict in result.conflicts
        ]
        tables = {name: root for name, (_, root) in result.commit.tables.items()} if result.commit else None
        repo.undo(force=True)
        return tables, sides

    one, one_conflicts = merged("left", "right")
    other, other_conflicts = merged("right", "left")
    assert one == other
    mirrored = [
        (name, reason, base, {"ours": sides["theirs"], "theirs": sides["ours"]})
        for name, reason, base, sides in other_conflicts
    ]
    assert one_conflicts == mirrored


# -- several bases -----------------------------------------------------------------------------------------------------
def test_criss_cross_histories_merge(repo: Repository) -> None:
    """Each branch merged the other's first change, then went on: there are two merge bases."""
    forked(repo, a="a", b="b", c="c", d="d")
    left = commit(repo, "left 1", a="left")
    repo.checkout("right")
    right = commit(repo, "right 1", b="right")
    repo.merge(left)
    commit(repo, "right 2", c="right")
    repo.checkout("left")
    repo.merge(right)
    commit(repo, "left 2", d="left")
    assert repo.merge("right").kind == "merged"
    assert texts(repo) == {"a": "left", "b": "right", "c": "right", "d": "left"}


def test_unrelated_histories_do_not_merge_silently_wrong(repo: Repository) -> None:
    commit(repo, "first", a="a")
    repo.create_branch("old")
    repo.commit("another root", amend=True)
    commit(repo, "second", b="b")
    try:
        repo.merge("old")
    except errors.OxideError as error:
        assert str(error)
    else:
        assert texts(repo) == {"a": "a", "b": "b"}


# -- revert and cherry-pick --------------------------------------------------------------------------------------------
def test_revert_takes_one_change_back_and_keeps_later_ones(repo: Repository) -> None:
    commit(repo, a="one", gone="here")
    changed = commit(repo, a="two", new="new", gone=None)
    commit(repo, later="later")
    result = repo.revert(changed)
    assert result.kind == "merged" and len(result.commit.parents) == 1
    assert texts(repo) == {"a": "one", "gone": "here", "later": "later"}
    assert repo.status().clean


def test_revert_of_the_first_commit_and_of_a_revert(repo: Repository) -> None:
    first = commit(repo, a="one")
    commit(repo, b="two")
    repo.revert(first)
    assert texts(repo) == {"b": "two"}
    repo.revert("HEAD")
    assert texts(repo) == {"a": "one", "b": "two"}


def test_revert_that_collides_with_a_later_change_is_a_conflict(repo: Repository) -> None:
    commit(repo, a="one")
    changed = commit(repo, a="two")
    commit(repo, a="three")
    assert [conflict.name for conflict in repo.revert(changed).conflicts] == ["a"]
    repo.resolve(["a"], "theirs")
    made = repo.commit("reverted by hand")
    assert len(made.parents) == 1 and texts(repo) == {"a": "one"}


def test_cherry_pick_brings_one_change_with_its_item(repo: Repository) -> None:
    forked(repo, a="one", b="one")
    commit(repo, "not wanted", b="left")
    picked = commit(repo, "wanted", a="left", new="new")
    repo.checkout("right")
    result = repo.cherry_pick(picked)
    assert "wanted" in result.commit.message
    assert texts(repo) == {"a": "left", "b": "one", "new": "new"}
    assert items(repo)["new"] == items(repo, "left")["new"]


@pytest.mark.parametrize("verb", ["revert", "cherry_pick"])
def test_a_merge_commit_is_refused_by_name(repo: Repository, verb: str) -> None:
    forked(repo, a="a")
    commit(repo, left="left")
    repo.checkout("right")
    commit(repo, right="right")
    merged = repo.merge("left").commit.id
    before = tree(repo.root)
    with pytest.raises(errors.OxideError, match="merge"):
        getattr(repo, verb)(merged)
    assert tree(repo.root) == before and repo.status().clean


def test_a_change_that_is_there_already_is_not_committed_again(repo: Repository) -> None:
    forked(repo, a="one")
    picked = commit(repo, a="two")
    repo.checkout("right")
    commit(repo, a="two")
    before = repo.resolve_revision("HEAD")
    try:
        result = repo.cherry_pick(picked)
    except errors.NothingToDo:
        pass
    else:
        assert result.kind == "up-to-date"
    assert repo.resolve_revision("HEAD") == before


def test_blame_names_the_commit_that_last_changed_a_file(repo: Repository) -> None:
    commit(repo, "added", old="one", kept="one")
    edited = commit(repo, "edited", old="two", kept="three")
    repo.move(["old"], "new")
    renamed = repo.commit("renamed").id
    assert [(entry.path, entry.commit.id, entry.change) for entry in repo.blame("new")] == [("new", renamed, "renamed")]
    assert [(entry.commit.id, entry.change) for entry in repo.blame("kept")] == [(edited, "modified")]
