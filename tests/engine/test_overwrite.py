"""Work that is stored nowhere is never overwritten unasked, whatever the verb and whatever stands in the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from oxide import Repository, errors
from support import link, names, tree, write


@pytest.fixture
def two(repo: Repository) -> Repository:
    """On `main`: `same`, `file` and `gone`; on `other`: `file` changed, `gone` removed, `new/file` and `flat` added."""
    write(repo.root, "same", "same")
    write(repo.root, "file", "on main")
    write(repo.root, "gone", "only on main")
    repo.add(["."])
    repo.commit("main")
    repo.checkout("other", create=True)
    write(repo.root, "file", "on other")
    (repo.root / "gone").unlink()
    write(repo.root, "new/file", "only on other")
    write(repo.root, "flat", "only on other")
    repo.add(["."])
    repo.commit("other")
    repo.checkout("main")
    return repo


def modified(root: Path) -> list[str]:
    write(root, "file", "unsaved work")
    return ["file"]


def modified_where_it_would_be_removed(root: Path) -> list[str]:
    write(root, "gone", "unsaved work")
    return ["gone"]


def untracked_in_the_way(root: Path) -> list[str]:
    write(root, "flat", "untracked work")
    return ["flat"]


def folder_in_the_way(root: Path) -> list[str]:
    write(root, "flat/inner", "untracked work")
    return ["flat", "flat/inner"]


def file_where_a_folder_must_be(root: Path) -> list[str]:
    write(root, "new", "untracked work")
    return ["new"]


def linked_folder_in_the_way(root: Path) -> list[str]:
    write(root.parent, "outside/file", "somebody else's")
    link(root, "new", "../outside")
    return ["new", "new/file"]


def link_instead_of_the_file(root: Path) -> list[str]:
    (root / "file").unlink()
    link(root, "file", "same")
    return ["file"]


def executable_and_modified(root: Path) -> list[str]:
    write(root, "file", "unsaved work", executable=True)
    return ["file"]


LOCAL_WORK = [
    modified,
    modified_where_it_would_be_removed,
    untracked_in_the_way,
    folder_in_the_way,
    file_where_a_folder_must_be,
    linked_folder_in_the_way,
    link_instead_of_the_file,
    executable_and_modified,
]

MOVES: dict[str, Callable[[Repository], object]] = {
    "checkout": lambda repo: repo.checkout("other"),
    "checkout of a commit": lambda repo: repo.checkout(repo.resolve_revision("other")),
    "merge": lambda repo: repo.merge("other"),
    "merge without fast-forward": lambda repo: repo.merge("other", no_ff=True),
    "cherry-pick": lambda repo: repo.cherry_pick("other"),
}


def assert_refused(repo: Repository, call: Callable[[], object], paths: list[str]) -> errors.WouldOverwrite:
    """Refused, one of ``paths`` listed in the error and in its text, and nothing on disk or in the view moved."""
    before, view = tree(repo.root), (repo.status(), repo.branches(), [entry.id for entry in repo.operations()])
    with pytest.raises(errors.WouldOverwrite) as caught:
        call()
    error = caught.value
    assert set(error.paths) & set(paths), error.paths
    assert set(error.paths) <= set(paths) | {path + "/" for path in paths}, "nothing is listed that is not in the way"
    assert error.hint and error.exit_code == 6
    assert tree(repo.root) == before
    assert (repo.status(), repo.branches(), [entry.id for entry in repo.operations()]) == view
    return error


@pytest.mark.parametrize("verb", MOVES)
@pytest.mark.parametrize("work", LOCAL_WORK, ids=lambda work: work.__name__)
def test_moving_over_unsaved_work_is_refused(two: Repository, work: Callable[[Path], list[str]], verb: str) -> None:
    paths = work(two.root)
    assert_refused(two, lambda: MOVES[verb](two), paths)


@pytest.mark.parametrize("work", LOCAL_WORK, ids=lambda work: work.__name__)
def test_checkout_with_force_proceeds(two: Repository, work: Callable[[Path], list[str]]) -> None:
    work(two.root)
    two.checkout("other", force=True)
    found = {path: node.content for path, node in tree(two.root).items()}
    assert found == {"same": b"same", "file": b"on other", "new/file": b"only on other", "flat": b"only on other"}
    assert two.status().clean
    outside = two.root.parent / "outside/file"
    assert not outside.exists() or outside.read_text() == "somebody else's", "nothing was written through the link"


def test_an_executable_bit_is_not_set_back_unasked(two: Repository) -> None:
    (two.root / "file").chmod(0o755)
    assert two.status().modified == ["file"]
    assert_refused(two, lambda: two.restore(["file"]), ["file"])
    write(two.root, "flat", "only on other", executable=True)  # as `other` has it but for the bit
    assert_refused(two, lambda: two.checkout("other"), ["file", "flat"])
    two.restore(["file"], force=True)
    assert two.status().modified == []
    two.checkout("other", force=True)
    assert two.status().clean


def test_staged_changes_that_would_be_lost_refuse_a_checkout_and_force_drops_them(two: Repository) -> None:
    write(two.root, "file", "staged work")
    two.add(["file"])
    assert_refused(two, lambda: two.checkout("other"), ["file"])
    two.checkout("other", force=True)
    assert (two.root / "file").read_text() == "on other"
    assert two.status().clean


def test_a_file_that_is_staged_and_changed_again_refuses(two: Repository) -> None:
    write(two.root, "file", "staged work")
    two.add(["file"])
    write(two.root, "file", "later work")
    assert_refused(two, lambda: two.checkout("other"), ["file"])
    write(two.root, "file", "on main")  # the disk is back, but what is staged still differs
    assert_refused(two, lambda: two.checkout("other"), ["file"])


def test_staged_and_unsaved_changes_elsewhere_are_carried_over(two: Repository) -> None:
    write(two.root, "same", "staged on main")
    write(two.root, "brand new", "staged on main")
    two.add(["."])
    write(two.root, "loose", "untracked")
    two.checkout("other")
    assert names(two.status().staged) == {"added": ["brand new"], "modified": ["same"]}
    assert [entry.path for entry in two.status().untracked] == ["loose"]
    two.checkout("main")
    assert (two.root / "same").read_text() == "staged on main"


def test_unsaved_changes_that_a_checkout_does_not_touch_stay(two: Repository) -> None:
    write(two.root, "same", "unsaved")
    two.checkout("other")
    assert (two.root / "same").read_text() == "unsaved"
    assert two.status().modified == ["same"]


def test_an_untracked_file_that_already_has_the_content_is_no_obstacle(two: Repository) -> None:
    write(two.root, "flat", "only on other")
    two.checkout("other")
    assert two.status().clean


def test_a_folder_that_loses_its_last_tracked_file_stays_while_something_untracked_is_in_it(two: Repository) -> None:
    two.checkout("other")
    write(two.root, "new/mine", "untracked")
    two.checkout("main")
    assert (two.root / "new/mine").read_text() == "untracked"
    assert not (two.root / "new/file").exists()


def test_merge_with_anything_staged_is_refused(two: Repository) -> None:
    write(two.root, "unrelated", "staged")
    two.add(["unrelated"])
    assert_refused(two, lambda: two.merge("other"), ["unrelated"])


def test_merge_beside_unsaved_work_that_it_does_not_touch_proceeds(two: Repository) -> None:
    write(two.root, "same", "unsaved")
    assert two.merge("other").kind == "fast-forward"
    assert two.status().modified == ["same"]


def test_revert_over_unsaved_work_is_refused(two: Repository) -> None:
    two.checkout("other")
    write(two.root, "new/file", "unsaved")
    assert_refused(two, lambda: two.revert("HEAD"), ["new/file"])


# -- restore -----------------------------------------------------------------------------------------------------------
def test_restore_refuses_modified_files_and_force_takes_them_back(two: Repository) -> None:
    write(two.root, "file", "unsaved work")
    write(two.root, "same", "unsaved too")
    error = assert_refused(two, lambda: two.restore(["."]), ["file", "same"])
    assert error.paths == ["file", "same"]
    assert two.restore(["file"], force=True).written == ["file"]
    assert two.status().modified == ["same"]


def test_restore_brings_removed_files_back_without_force(two: Repository) -> None:
    (two.root / "file").unlink()
    (two.root / "gone").unlink()
    assert two.restore(["."]).written == ["file", "gone"]
    assert two.status().clean


def test_restore_of_a_source_over_unsaved_work_is_refused(two: Repository) -> None:
    write(two.root, "file", "unsaved work")
    assert_refused(two, lambda: two.restore(["file"], source="other"), ["file"])
    two.restore(["file"], source="other", force=True)
    assert (two.root / "file").read_text() == "on other"


def test_restore_of_a_source_over_an_untracked_file_is_refused(two: Repository) -> None:
    write(two.root, "flat", "untracked work")
    assert_refused(two, lambda: two.restore(["flat"], source="other"), ["flat"])


def test_restore_staged_leaves_the_disk_alone(two: Repository) -> None:
    write(two.root, "file", "staged")
    two.add(["file"])
    two.restore(["file"], staged=True)
    assert (two.root / "file").read_text() == "staged"
    assert names(two.status().staged) == {} and two.status().modified == ["file"]


def test_restore_of_an_unknown_path_says_so(two: Repository) -> None:
    with pytest.raises(errors.NotFound):
        two.restore(["no such file"])


# -- stash -------------------------------------------------------------------------------------------------------------
def test_stash_leaves_untracked_files_and_brings_the_rest_back(two: Repository) -> None:
    write(two.root, "file", "unsaved")
    write(two.root, "staged new", "staged")
    two.add(["staged new"])
    write(two.root, "loose", "untracked")
    two.stash_push("for later")
    assert [entry.message for entry in two.stash_list()] == ["for later"]
    assert sorted(tree(two.root)) == ["file", "gone", "loose", "same"]
    assert (two.root / "file").read_text() == "on main"
    two.stash_pop()
    assert (two.root / "file").read_text() == "unsaved"
    assert (two.root / "staged new").read_text() == "staged"
    assert two.stash_list() == []


def test_stash_pop_over_unsaved_work_is_refused_and_keeps_the_entry(two: Repository) -> None:
    write(two.root, "file", "shelved")
    two.stash_push()
    write(two.root, "file", "newer work")
    assert_refused(two, two.stash_pop, ["file"])
    assert len(two.stash_list()) == 1


def test_stash_pop_over_an_untracked_file_is_refused_and_keeps_the_entry(two: Repository) -> None:
    write(two.root, "brand new", "shelved")
    two.add(["brand new"])
    two.stash_push()
    write(two.root, "brand new", "untracked work")
    assert_refused(two, two.stash_pop, ["brand new"])
    assert len(two.stash_list()) == 1


def test_stash_pop_onto_a_changed_branch_merges_or_conflicts(two: Repository) -> None:
    write(two.root, "file", "shelved")
    write(two.root, "same", "shelved")
    two.stash_push()
    two.checkout("other")
    result = two.stash_pop()
    assert result.kind == "conflicts" and [conflict.name for conflict in result.conflicts] == ["file"]
    assert (two.root / "same").read_text() == "shelved", "what merges is applied"
    assert len(two.stash_list()) == 1, "the entry stays until the conflict is settled"
    two.resolve(["file"], "theirs")
    assert (two.root / "file").read_text() == "shelved"


def test_undo_of_a_stash_brings_unsaved_work_back(two: Repository) -> None:
    write(two.root, "file", "unsaved")
    two.stash_push()
    two.undo()
    assert (two.root / "file").read_text() == "unsaved"
    assert two.stash_list() == []


def test_stash_does_not_overwrite_an_untracked_file_where_the_commit_has_one(two: Repository) -> None:
    two.remove(["file"], cached=True)
    write(two.root, "file", "no longer tracked, and changed")
    before = (two.root / "file").read_bytes()
    try:
        two.stash_push()
    except errors.WouldOverwrite as error:
        assert error.paths == ["file"]
        assert (two.root / "file").read_bytes() == before
    else:  # taken into the entry is as good: nothing is lost
        two.stash_pop()
        assert (two.root / "file").read_bytes() == before


# -- undo and redo -----------------------------------------------------------------------------------------------------
def test_undo_of_a_checkout_over_unsaved_work_is_refused_and_force_proceeds(two: Repository) -> None:
    two.checkout("other")
    write(two.root, "file", "unsaved work")
    assert_refused(two, two.undo, ["file"])
    two.undo(force=True)
    assert (two.root / "file").read_text() == "on main"
    write(two.root, "file", "unsaved again")
    assert_refused(two, two.redo, ["file"])
    two.redo(force=True)
    assert (two.root / "file").read_text() == "on other"


def test_undo_of_add_and_commit_leaves_files_alone(two: Repository) -> None:
    write(two.root, "file", "next")
    two.add(["file"])
    two.commit("next")
    write(two.root, "file", "after the commit")
    two.undo()
    assert names(two.status().staged) == {"modified": ["file"]}
    two.undo()
    assert names(two.status().staged) == {}
    assert (two.root / "file").read_text() == "after the commit"


def test_undo_and_redo_end_where_gc_cut_the_chain(two: Repository) -> None:
    two.create_tag("v1")
    two.undo()
    two.gc(keep=0, now=True)
    for verb in (two.undo, two.redo):
        with pytest.raises(errors.NothingToDo, match="kept"):
            verb()
    two.create_tag("v2")
    two.undo()  # back to the undo above, whose own operation is gone
    assert two.tags() == []
    two.redo()
    assert [tag.name for tag in two.tags()] == ["v2"]


def test_undo_of_a_merge_brings_the_files_back(two: Repository) -> None:
    before = tree(two.root)
    two.merge("other")
    merged = tree(two.root)
    two.undo()
    assert tree(two.root) == before and two.status().clean
    two.redo()
    assert tree(two.root) == merged and two.status().clean


# -- rm and mv ---------------------------------------------------------------------------------------------------------
def test_rm_of_a_modified_file_is_refused_and_force_proceeds(two: Repository) -> None:
    write(two.root, "file", "unsaved work")
    assert_refused(two, lambda: two.remove(["file"]), ["file"])
    assert two.remove(["file"], force=True) == ["file"]
    assert not (two.root / "file").exists()


def test_rm_of_a_file_that_is_staged_and_changed_again_is_refused(two: Repository) -> None:
    write(two.root, "file", "staged work")
    two.add(["file"])
    write(two.root, "file", "later work")
    assert_refused(two, lambda: two.remove(["file"]), ["file"])


def test_rm_of_a_folder_keeps_what_is_untracked_in_it(two: Repository) -> None:
    two.checkout("other")
    write(two.root, "new/mine", "untracked")
    assert two.remove(["new"]) == ["new/file"]
    assert (two.root / "new/mine").exists() and not (two.root / "new/file").exists()


def test_rm_cached_keeps_the_file_and_a_second_add_takes_it_back(two: Repository) -> None:
    item = {entry.path: entry.item_id for entry in two.ls()}["file"]
    two.remove(["file"], cached=True)
    assert (two.root / "file").exists()
    assert names(two.status().staged) == {"removed": ["file"]}
    two.add(["file"])
    assert names(two.status().staged) == {}
    write(two.root, "same", "changed")
    two.commit("another", all=True)
    assert {entry.path: entry.item_id for entry in two.ls()}["file"] == item


def test_rm_dry_run_changes_nothing(two: Repository) -> None:
    before = tree(two.root)
    assert two.remove(["file"], dry_run=True) == ["file"]
    assert tree(two.root) == before and two.status().clean


@pytest.mark.parametrize("tracked", [True, False])
def test_mv_onto_an_existing_file_is_refused(two: Repository, tracked: bool) -> None:
    if not tracked:
        write(two.root, "target", "untracked work")
    target = "same" if tracked else "target"
    before = tree(two.root)
    with pytest.raises((errors.WouldOverwrite, errors.AlreadyExists)):
        two.move(["file"], target)
    assert tree(two.root) == before and names(two.status().staged) == {}


def test_mv_keeps_unsaved_work(two: Repository) -> None:
    write(two.root, "file", "unsaved work")
    two.move(["file"], "renamed")
    assert (two.root / "renamed").read_text() == "unsaved work"
    assert not (two.root / "file").exists()


def test_mv_of_several_files_into_a_folder(two: Repository) -> None:
    os.mkdir(two.root / "folder")
    assert two.move(["file", "gone"], "folder") == [("file", "folder/file"), ("gone", "folder/gone")]
    assert names(two.status().staged) == {"renamed": [("file", "folder/file"), ("gone", "folder/gone")]}


def test_mv_through_a_linked_folder_is_refused(two: Repository) -> None:
    outside = two.root.parent / "outside"
    outside.mkdir()
    link(two.root, "linked", outside.as_posix())
    with pytest.raises(errors.OxideError):
        two.move(["file"], "linked/file")
    assert list(outside.iterdir()) == [] and (two.root / "file").exists()


# -- conflicts ---------------------------------------------------------------------------------------------------------
def test_resolve_and_abort_over_unsaved_work_are_refused(two: Repository) -> None:
    write(two.root, "file", "changed on main")
    two.commit("main again", all=True)
    assert two.merge("other").kind == "conflicts"
    write(two.root, "file", "worked on by hand")
    assert_refused(two, lambda: two.resolve(["file"], "theirs"), ["file"])
    write(two.root, "new/file", "changed after the merge")
    assert_refused(two, two.merge_abort, ["file", "new/file"])
    two.merge_abort(force=True)
    assert (two.root / "file").read_text() == "changed on main"
    assert two.status().merging == []


def test_a_tree_that_was_deleted_by_hand_comes_back(two: Repository) -> None:
    before = tree(two.root)
    for path in before:
        (two.root / path).unlink()
    shutil.rmtree(two.root / "new", ignore_errors=True)
    two.restore(["."])
    assert tree(two.root) == before


def test_checkout_in_the_middle_of_a_conflicted_stash_pop_is_refused(two: Repository) -> None:
    write(two.root, "file", "shelved")
    two.stash_push()
    write(two.root, "file", "committed since")
    two.commit("since", all=True)
    assert two.stash_pop().kind == "conflicts"
    with pytest.raises(errors.InConflict):
        two.checkout("other")
    assert [conflict.name for conflict in two.conflicts()] == ["file"]
