"""Merging labels and metadata: what two people may do side by side, and what they must talk about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from labels.team import box, by_bob, changed, dangling, diverge, labels, start
from oxide import Repository, errors
from oxide.labels.annotation import Annotation, Keyframe
from oxide_cli.exit_codes import CONFLICT
from support import Oxide, picture, write


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Two pictures; ``a.png`` has two boxes."""
    repo = start(tmp_path / "tree")
    repo.annotate("a.png", box("cat", 0, 0, 10, 10), box("dog", 20, 0, 10, 10))
    repo.set_metadata(["a.png"], {"weather": "sun", "camera": {"lens": 35}})
    repo.commit("labels")
    return repo


@pytest.fixture
def oxide(repo: Repository, tmp_path: Path) -> Oxide:
    """The command line in it."""
    return Oxide(repo.root, tmp_path)


def the_boxes(repo: Repository) -> tuple[str, str]:
    first, second = sorted(repo.annotations("a.png"), key=lambda each: each.box or ())
    return first.id or "", second.id or ""


def merge_both_ways(repo: Repository) -> dict[str, tuple[str, str]]:
    """Merge ``other`` into ``main``, which must be without conflict and give the same tables the other way round."""
    repo.checkout("other")
    assert repo.merge("main").kind == "merged"
    mirrored = repo.read_commit("HEAD").tables
    repo.undo()
    repo.checkout("main")
    assert repo.merge("other").kind == "merged"
    assert repo.read_commit("HEAD").tables == mirrored
    assert dangling(repo) == []
    return mirrored


# -- side by side ------------------------------------------------------------------------------------------------------
def test_different_boxes_of_one_picture(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    bob = by_bob(repo)
    diverge(
        repo,
        lambda: (changed(repo, "a.png", cat, label="lynx"), repo.annotate("a.png", box("hen", 50, 50, 4, 4))),
        lambda: (changed(bob, "a.png", dog, box=(21.0, 0.0, 10.0, 10.0)), bob.annotate("a.png", box("pig"))),
    )
    merge_both_ways(repo)
    found = {each.id: each for each in repo.annotations("a.png")}
    assert found[cat].label == "lynx" and found[dog].box == (21, 0, 10, 10)
    assert sorted(each.label or "" for each in found.values()) == ["dog", "hen", "lynx", "pig"]


def test_different_fields_of_one_box(repo: Repository) -> None:
    cat, _ = the_boxes(repo)
    bob = by_bob(repo)
    diverge(
        repo,
        lambda: changed(repo, "a.png", cat, label="lynx", attributes={"color": "grey"}),
        lambda: changed(bob, "a.png", cat, box=(5.0, 5.0, 10.0, 10.0), score=0.5, attributes={"occluded": True}),
    )
    merge_both_ways(repo)
    merged = next(each for each in repo.annotations("a.png") if each.id == cat)
    assert (merged.label, merged.box, merged.score) == ("lynx", (5, 5, 10, 10), 0.5)
    assert merged.attributes == {"color": "grey", "occluded": True}
    assert merged.updated_by == "Ada Tester <ada@example.org>"  # the later of both


def test_different_values_of_metadata(repo: Repository) -> None:
    diverge(
        repo,
        lambda: repo.set_metadata(["a.png"], {"weather": "rain"}),
        lambda: repo.set_metadata(["a.png"], {"camera.lens": 50, "camera.name": "M"}),
    )
    merge_both_ways(repo)
    assert repo.metadata("a.png") == {"weather": "rain", "camera": {"lens": 50, "name": "M"}}


def test_removing_the_last_attribute_and_adding_another(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    changed(repo, "a.png", cat, attributes={"color": "grey"})
    changed(repo, "a.png", dog, attributes={"color": "grey"})
    repo.commit("attributes")
    bob = by_bob(repo)
    diverge(
        repo,
        lambda: (changed(repo, "a.png", cat, attributes={}), changed(repo, "a.png", dog, attributes={})),
        lambda: (
            changed(bob, "a.png", cat, attributes={"color": "grey", "wet": True}),
            changed(bob, "a.png", dog, attributes={"wet": True}),
        ),
    )
    merge_both_ways(repo)
    assert [each.attributes for each in repo.annotations("a.png")] == [{"wet": True}] * 2


def test_removing_the_last_metadata_and_adding_other(repo: Repository) -> None:
    diverge(
        repo,
        lambda: repo.unset_metadata(["a.png"], ["weather", "camera"]),
        lambda: repo.set_metadata(["a.png"], {"camera.name": "M", "split": "train"}),
    )
    merge_both_ways(repo)
    assert repo.metadata("a.png") == {"camera": {"name": "M"}, "split": "train"}


def test_metadata_of_which_nothing_is_left_is_none(repo: Repository) -> None:
    diverge(
        repo,
        lambda: repo.unset_metadata(["a.png"], ["weather"]),
        lambda: repo.unset_metadata(["a.png"], ["camera.lens"]),
    )
    tables = merge_both_ways(repo)
    assert repo.metadata("a.png") == {} and "metadata" not in tables


@pytest.mark.parametrize(("side", "weather"), [("ours", None), ("theirs", "rain"), ("base", "sun")])
def test_a_value_that_one_side_removed_and_the_other_changed(repo: Repository, side: str, weather: str | None) -> None:
    diverge(
        repo,
        lambda: repo.unset_metadata(["a.png"], ["weather", "camera"]),
        lambda: repo.set_metadata(["a.png"], {"weather": "rain", "split": "train"}),
    )
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.table, conflict.reason, conflict.ours) == ("metadata", "removed", None)
    repo.resolve(["a.png"], side)
    assert repo.metadata("a.png") == {"split": "train", **({"weather": weather} if weather else {})}


def test_a_rename_and_new_labels(repo: Repository) -> None:
    diverge(repo, lambda: repo.move(["a.png"], "z.png"), lambda: repo.annotate("a.png", box("hen", 50, 50, 4, 4)))
    merge_both_ways(repo)
    assert sorted(labels(repo, "z.png").values(), key=str) == ["cat", "dog", "hen"]
    assert repo.metadata("z.png")["weather"] == "sun"


def test_a_new_picture_in_place_of_the_old_and_new_labels(repo: Repository) -> None:
    """Other pixels in the same file: the annotations stay with it, as they do without a merge."""

    def retouch() -> None:
        write(repo.root, "a.png", picture("retouched"))
        repo.add(["."])

    diverge(repo, retouch, lambda: repo.annotate("a.png", box("hen", 50, 50, 4, 4)))
    merge_both_ways(repo)
    assert len(labels(repo, "a.png")) == 3


def test_both_add_the_same_picture_with_labels_of_their_own(repo: Repository) -> None:
    def add(label: str, **values: object) -> Callable[[], None]:
        def do() -> None:
            write(repo.root, "new.png", picture("new"))
            repo.add(["."])
            repo.annotate("new.png", box(label))
            repo.set_metadata(["new.png"], values)

        return do

    diverge(repo, add("cat", ours=1), add("dog", theirs=2))
    merge_both_ways(repo)
    assert sorted(labels(repo, "new.png").values(), key=str) == ["cat", "dog"]
    assert repo.metadata("new.png") == {"ours": 1, "theirs": 2}
    assert dangling(repo) == []


def test_both_take_in_the_same_labels(repo: Repository) -> None:
    """An import whose ids are those of the source gives the same rows to both."""
    theirs = by_bob(repo)
    same = replace(the_annotation(repo), attributes={"set": "one"})
    diverge(repo, lambda: repo.annotate("a.png", same), lambda: theirs.annotate("a.png", same))
    merge_both_ways(repo)
    found = next(each for each in repo.annotations("a.png") if each.id == same.id)
    assert found.attributes == {"set": "one"}


def the_annotation(repo: Repository) -> Annotation:
    return replace(repo.annotations("a.png")[0], updated=None, updated_by=None)


def test_different_keyframes_of_one_track(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree", ["a.mp4"])
    frames = tuple(Keyframe(at, (1.0, 1.0, 4.0, 4.0)) for at in (0, 10, 20))
    (track,) = repo.annotate("a.mp4", Annotation("box", "car", (1, 1, 4, 4), frames=(0, 20), keyframes=frames))
    repo.commit("track")

    def move(at: int) -> Callable[[], None]:
        moved = tuple(replace(each, box=(9.0, 9.0, 4.0, 4.0)) if each.frame == at else each for each in frames)
        return lambda: changed(repo, "a.mp4", track, keyframes=moved)

    diverge(repo, move(0), move(20))
    merge_both_ways(repo)
    (merged,) = repo.annotations("a.mp4")
    assert [each.box and each.box[0] for each in merged.keyframes] == [9, 1, 9]


# -- conflicts ---------------------------------------------------------------------------------------------------------
SIDES = [("ours", "lynx"), ("theirs", "tiger"), ("base", "cat")]


@pytest.mark.parametrize(("side", "label"), SIDES)
@pytest.mark.parametrize("named_by", ["id", "path", "everything"])
def test_the_same_field_of_one_box_is_one_conflict(repo: Repository, side: str, label: str, named_by: str) -> None:
    cat, dog = the_boxes(repo)
    diverge(
        repo,
        lambda: changed(repo, "a.png", cat, label="lynx"),
        lambda: (changed(repo, "a.png", cat, label="tiger"), changed(repo, "a.png", dog, label="wolf")),
    )
    result = repo.merge("other")
    (conflict,) = result.conflicts
    assert (conflict.table, conflict.path, conflict.annotation) == ("annotations", "a.png", cat)
    assert (conflict.reason, conflict.fields) == ("cells", ("label",))
    assert [(row or {})["label"] for row in (conflict.base, conflict.ours, conflict.theirs)] == ["cat", "lynx", "tiger"]
    assert labels(repo, "a.png") == {cat: "lynx", dog: "wolf"}
    with pytest.raises(errors.InConflict):
        repo.commit("too early")
    assert repo.resolve([{"id": cat, "path": "a.png", "everything": "."}[named_by]], side) == []
    assert labels(repo, "a.png") == {cat: label, dog: "wolf"}
    repo.merge_continue()
    assert labels(repo, "a.png", "HEAD") == {cat: label, dog: "wolf"}
    assert dangling(repo) == []


def test_the_place_is_one_field(repo: Repository) -> None:
    cat, _ = the_boxes(repo)
    diverge(
        repo,
        lambda: changed(repo, "a.png", cat, box=(1.0, 0.0, 10.0, 10.0)),
        lambda: changed(repo, "a.png", cat, box=(0.0, 1.0, 10.0, 10.0)),
    )
    (conflict,) = repo.merge("other").conflicts
    assert conflict.fields == ("geometry",)
    repo.resolve([cat], "theirs")
    assert next(each.box for each in repo.annotations("a.png") if each.id == cat) == (0, 1, 10, 10)


def test_a_box_removed_and_changed_is_one_conflict(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    diverge(repo, lambda: repo.remove_annotations([cat]), lambda: changed(repo, "a.png", cat, label="lynx"))
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.reason, conflict.ours, conflict.annotation) == ("removed", None, cat)
    repo.resolve([cat], "theirs")
    assert labels(repo, "a.png") == {cat: "lynx", dog: "dog"}


def test_an_edit_by_hand_decides_too(repo: Repository) -> None:
    cat, _ = the_boxes(repo)
    diverge(repo, lambda: changed(repo, "a.png", cat, label="lynx"), lambda: changed(repo, "a.png", cat, label="tiger"))
    repo.merge("other")
    changed(repo, "a.png", cat, label="puma")
    assert repo.conflicts() == []
    repo.merge_continue()
    assert labels(repo, "a.png", "HEAD")[cat] == "puma"


@pytest.mark.parametrize(("side", "expected"), [("ours", None), ("theirs", 3), ("base", 2)])
@pytest.mark.parametrize("removed_here", [True, False])
def test_removing_a_picture_against_labelling_it(
    repo: Repository, side: str, expected: int | None, removed_here: bool
) -> None:
    """One conflict, named by the path; each side gives its file and its rows."""
    steps: tuple[Callable[[], object], Callable[[], object]] = (
        lambda: repo.remove(["a.png"]),
        lambda: (
            repo.annotate("a.png", box("hen", 50, 50, 4, 4)),
            repo.set_metadata(["a.png"], {"weather": "rain"}),
        ),
    )
    diverge(repo, *(steps if removed_here else steps[::-1]))
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.table, conflict.name, conflict.reason) == ("files", "a.png", "labelled")
    assert (repo.root / "a.png").exists() is not removed_here
    assert dangling(repo) == []
    if not removed_here:
        side = {"ours": "theirs", "theirs": "ours"}.get(side, side)
    repo.resolve(["a.png"], side)
    assert (repo.root / "a.png").exists() is (expected is not None)
    repo.merge_continue()
    if expected is not None:
        assert len(labels(repo, "a.png", "HEAD")) == expected
        assert repo.metadata("a.png", "HEAD")["weather"] == ("rain" if expected == 3 else "sun")
    assert dangling(repo) == []
    if expected is None:
        assert "annotations" not in repo.read_commit("HEAD").tables


@pytest.mark.parametrize("added_here", [True, False])
@pytest.mark.parametrize("content", ["same", "other"])
def test_a_picture_added_anew_against_labelling_the_old(repo: Repository, added_here: bool, content: str) -> None:
    """One conflict; neither the new file nor its labels are lost."""

    def anew() -> None:
        old = (repo.root / "a.png").read_bytes()
        repo.remove(["a.png"])
        repo.commit("gone")
        write(repo.root, "a.png", old if content == "same" else picture("other"))
        repo.add(["."])
        repo.annotate("a.png", box("new"))

    steps: tuple[Callable[[], object], ...] = (anew, lambda: repo.annotate("a.png", box("hen", 50, 50, 4, 4)))
    diverge(repo, *(steps if added_here else steps[::-1]))
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.name, conflict.reason) == ("a.png", "labelled")
    here, there = (["new"], ["cat", "dog", "hen"]) if added_here else (["cat", "dog", "hen"], ["new"])
    for side, expected in (("ours", here), ("theirs", there), ("base", ["cat", "dog"])):
        assert sorted(labels(repo, "a.png").values(), key=str) == here
        repo.resolve(["a.png"], side)
        assert sorted(labels(repo, "a.png").values(), key=str) == expected
        assert dangling(repo) == [] and repo.conflicts() == []
        repo.undo()


@pytest.mark.parametrize("moved_here", [True, False])
def test_another_picture_moved_to_the_place_of_a_labelled_one(repo: Repository, moved_here: bool) -> None:
    repo.annotate("b.png", box("pig"))
    repo.commit("more")

    def replace_it() -> None:
        repo.remove(["a.png"])
        repo.move(["b.png"], "a.png")

    steps: tuple[Callable[[], object], ...] = (replace_it, lambda: repo.annotate("a.png", box("hen", 50, 50, 4, 4)))
    diverge(repo, *(steps if moved_here else steps[::-1]))
    assert {(each.name, each.reason) for each in repo.merge("other").conflicts} == {
        ("a.png", "labelled"),
        ("b.png", "path"),
    }
    assert dangling(repo) == []
    moved = {"a.png": ["pig"]}
    labelled = {"a.png": ["cat", "dog", "hen"], "b.png": ["pig"]}
    for side, expected in (("ours", moved if moved_here else labelled), ("theirs", labelled if moved_here else moved)):
        repo.resolve(["."], side)
        tracked = [row["path"] for row in repo.store.file_rows(repo.staged_tables()["files"][1])]
        assert {path: sorted(labels(repo, path).values(), key=str) for path in tracked} == expected
        assert dangling(repo) == []
        repo.undo()


@pytest.mark.parametrize("folder_here", [True, False])
def test_a_folder_in_the_place_of_a_labelled_picture(repo: Repository, folder_here: bool) -> None:
    def into_folder() -> None:
        repo.remove(["a.png"])
        write(repo.root, "a.png/inside.png", picture("inside"))
        repo.add(["."])
        repo.annotate("a.png/inside.png", box("new"))

    steps: tuple[Callable[[], object], ...] = (into_folder, lambda: repo.annotate("a.png", box("hen", 50, 50, 4, 4)))
    diverge(repo, *(steps if folder_here else steps[::-1]))
    repo.merge("other")
    assert dangling(repo) == []
    for side, has_folder in (("ours", folder_here), ("theirs", not folder_here)):
        repo.resolve(["."], side)
        tracked = {row["path"] for row in repo.store.file_rows(repo.staged_tables()["files"][1])}
        assert tracked == {"b.png", "a.png/inside.png" if has_folder else "a.png"}
        assert dangling(repo) == []
        repo.undo()


def test_metadata_in_conflict_is_named_by_the_path(repo: Repository, oxide: Oxide) -> None:
    diverge(
        repo,
        lambda: repo.set_metadata(["a.png"], {"weather": "rain", "camera.lens": 50}),
        lambda: repo.set_metadata(["a.png"], {"weather": "snow"}),
    )
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.table, conflict.path, conflict.annotation) == ("metadata", "a.png", None)
    assert oxide("conflicts").out.splitlines() == [
        "a.png: metadata: both sides changed the same cells",
        "  weather: base sun, ours rain, theirs snow",
    ]
    oxide("resolve", "a.png", "--theirs")
    assert repo.metadata("a.png") == {"weather": "snow", "camera": {"lens": 50}}


@pytest.mark.parametrize(
    ("side", "label", "pose"), [("ours", "lynx", 1), ("theirs", "tiger", 2), ("base", "cat", None)]
)
def test_a_side_is_taken_of_what_is_contested_alone(
    repo: Repository, oxide: Oxide, side: str, label: str, pose: int | None
) -> None:
    cat, _ = the_boxes(repo)
    bob = by_bob(repo)
    diverge(
        repo,
        lambda: changed(repo, "a.png", cat, label="lynx", score=0.5, attributes={"pose": 1, "seen": True}),
        lambda: changed(
            bob, "a.png", cat, label="tiger", box=(5.0, 5.0, 9.0, 9.0), attributes={"pose": 2, "wet": False}
        ),
    )
    (conflict,) = repo.merge("other").conflicts
    assert conflict.fields == ("label", "attributes")

    def look() -> tuple[object, ...]:
        (found,) = [each for each in repo.annotations("a.png") if each.id == cat]
        return found.label, found.attributes, found.score, found.box

    mine = {"pose": 1, "seen": True, "wet": False}
    assert look() == ("lynx", mine, 0.5, (5, 5, 9, 9)), "ours where contested, else merged"
    oxide("resolve", cat, f"--{side}")
    chosen = {key: value for key, value in {**mine, "pose": pose}.items() if value is not None}
    assert look() == (label, chosen, 0.5, (5, 5, 9, 9))


def test_giving_up_brings_everything_back(repo: Repository) -> None:
    cat, _ = the_boxes(repo)
    diverge(repo, lambda: changed(repo, "a.png", cat, label="lynx"), lambda: changed(repo, "a.png", cat, label="tiger"))
    before = repo.staged_tables()
    repo.merge("other")
    repo.merge_abort()
    assert repo.staged_tables() == before and repo.conflicts() == [] and repo.status().clean


def test_removing_the_file_decides_about_its_rows(repo: Repository) -> None:
    cat, _ = the_boxes(repo)
    diverge(repo, lambda: changed(repo, "a.png", cat, label="lynx"), lambda: changed(repo, "a.png", cat, label="tiger"))
    for verb in (lambda: repo.remove(["a.png"]), lambda: ((repo.root / "a.png").unlink(), repo.add(["a.png"]))):
        repo.merge("other")
        verb()
        assert repo.conflicts() == []
        assert dangling(repo) == []
        repo.merge_abort(force=True)


def test_a_file_that_gives_way_takes_its_rows_with_it(repo: Repository) -> None:
    """A labelled file is moved to the path of a file in conflict, whose side is taken then."""
    diverge(repo, lambda: repo.remove(["b.png"]), lambda: repo.move(["b.png"], "c.png"))
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.name, conflict.reason) == ("c.png", "removed")
    (repo.root / "a.png").rename(repo.root / "c.png")
    repo.add(["."])
    assert len(labels(repo, "c.png")) == 2
    repo.resolve(["c.png"], "theirs")
    assert labels(repo, "c.png") == {} and dangling(repo) == []


def test_a_file_that_was_renamed_meanwhile_is_on_one_path(repo: Repository) -> None:
    diverge(repo, lambda: repo.annotate("a.png", box("hen")), lambda: repo.remove(["a.png"]))
    repo.merge("other")
    (repo.root / "a.png").rename(repo.root / "z.png")
    repo.add(["."])
    assert [conflict.name for conflict in repo.conflicts()] == ["a.png"]
    repo.resolve(["a.png"], "ours")
    rows = repo.store.file_rows(repo.staged_tables()["files"][1])
    assert [row["path"] for row in rows] == ["a.png", "b.png"]
    assert len(labels(repo, "a.png")) == 3 and dangling(repo) == []


# -- other verbs that merge --------------------------------------------------------------------------------------------
def test_stash_and_pop_over_other_labels(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    changed(repo, "a.png", cat, label="lynx")
    repo.stash_push()
    assert labels(repo, "a.png") == {cat: "cat", dog: "dog"} and repo.status().clean
    changed(repo, "a.png", dog, label="wolf")
    repo.commit("meanwhile")
    repo.stash_pop()
    assert labels(repo, "a.png") == {cat: "lynx", dog: "wolf"}
    assert labels(repo, "a.png", "HEAD") == {cat: "cat", dog: "wolf"}


def test_pop_in_conflict_keeps_the_entry(repo: Repository) -> None:
    cat, _ = the_boxes(repo)
    changed(repo, "a.png", cat, label="lynx")
    repo.stash_push()
    changed(repo, "a.png", cat, label="tiger")
    repo.commit("meanwhile")
    (conflict,) = repo.stash_pop().conflicts
    assert conflict.annotation == cat and len(repo.stash_list()) == 1
    repo.resolve([cat], "theirs")
    assert labels(repo, "a.png")[cat] == "lynx"


def test_checkout_takes_pending_labels_along_or_refuses(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    repo.create_branch("other")
    changed(repo, "a.png", cat, label="lynx")
    repo.commit("here")
    changed(repo, "a.png", dog, label="wolf")
    repo.checkout("other")
    assert labels(repo, "a.png") == {cat: "cat", dog: "wolf"}
    changed(repo, "a.png", cat, label="tiger")
    with pytest.raises(errors.WouldOverwrite):
        repo.checkout("main")
    assert labels(repo, "a.png") == {cat: "tiger", dog: "wolf"}


def test_revert_and_cherry_pick_of_labels(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    repo.create_branch("other")
    changed(repo, "a.png", cat, label="lynx")
    repo.commit("one")
    changed(repo, "a.png", dog, label="wolf")
    repo.commit("two")
    repo.revert("HEAD~1")
    assert labels(repo, "a.png", "HEAD") == {cat: "cat", dog: "wolf"}
    repo.checkout("other")
    repo.cherry_pick("main~1")
    assert labels(repo, "a.png", "HEAD") == {cat: "cat", dog: "wolf"}


def test_status_shelving_restoring_and_undo_know_labels(repo: Repository) -> None:
    cat, dog = the_boxes(repo)
    changed(repo, "a.png", cat, label="lynx")
    repo.annotate("b.png", box("hen"))
    assert tuple(repo.status().tables["annotations"]) == (1, 1, 0)
    repo.restore(["a.png"])
    assert labels(repo, "a.png") == {cat: "cat", dog: "dog"} and len(labels(repo, "b.png")) == 1
    repo.undo()
    assert labels(repo, "a.png")[cat] == "lynx"
    repo.redo()
    assert labels(repo, "a.png")[cat] == "cat"
    repo.remove(["b.png"])
    assert repo.status().tables == {}
    repo.undo()
    assert len(labels(repo, "b.png")) == 1


# -- for people --------------------------------------------------------------------------------------------------------
def test_conflicts_are_told_by_path_and_annotation(repo: Repository, oxide: Oxide) -> None:
    cat, dog = the_boxes(repo)
    diverge(
        repo,
        lambda: (
            changed(repo, "a.png", cat, label="lynx", attributes={"color": "grey"}),
            changed(repo, "a.png", dog, box=(1.0, 1.0, 2.0, 2.0)),
        ),
        lambda: (
            changed(repo, "a.png", cat, label="tiger", attributes={"color": "red"}),
            changed(repo, "a.png", dog, box=(3.0, 3.0, 2.0, 2.0)),
        ),
    )
    oxide("merge", "other", code=CONFLICT)
    assert sorted(oxide("conflicts").out.splitlines()) == sorted(
        [
            f"a.png: annotation {cat} (lynx): both sides changed the same cells",
            "  label: base cat, ours lynx, theirs tiger",
            "  attributes.color: base none, ours grey, theirs red",
            f"a.png: annotation {dog} (dog): both sides changed the same cells",
            "  geometry: base box 20 0 10 10, ours box 1 1 2 2, theirs box 3 3 2 2",
        ]
    )
    assert f"a.png: annotation {cat} (lynx)" in oxide("status").out
    listed = oxide("conflicts", "--json").json
    assert {(entry["path"], entry["annotation"]) for entry in listed} == {("a.png", cat), ("a.png", dog)}
    oxide("resolve", cat, "--theirs")
    oxide("resolve", "a.png", "--ours")
    oxide("merge", "--continue")
    assert labels(repo, "a.png", "HEAD") == {cat: "tiger", dog: "dog"}
