"""What differs between the annotations of two states."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labels.team import box, by_bob, changed, start
from oxide import Repository, _core
from oxide.labels import masks
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.comparing import AnnotationChange, differing_fields
from oxide.labels.pairing import best_pairs
from oxide.labels.shapes import same_shape
from support import Oxide, picture, write


# -- pairing -----------------------------------------------------------------------------------------------------------
def best_by_trying(worth: dict[tuple[int, int], float]) -> float:
    """The greatest sum that any set of pairs reaches."""
    lefts = sorted({left for left, _ in worth})
    rights: list[int | None] = [*sorted({right for _, right in worth}), *(None for _ in lefts)]
    return max(
        sum(worth.get((left, right), 0.0) for left, right in zip(lefts, order, strict=True) if right is not None)
        for order in permutations(rights, len(lefts))
    )


@settings(deadline=None)  # the first example imports numpy
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 3)),
        st.one_of(st.floats(0.01, 1.0), st.sampled_from([0.5, 1.0])),
        min_size=1,
    )
)
def test_no_other_pairs_are_worth_more(worth: dict[tuple[int, int], float]) -> None:
    pairs = best_pairs(worth)
    assert all(pair in worth for pair in pairs)
    assert len({left for left, _ in pairs}) == len({right for _, right in pairs}) == len(pairs)
    assert sum(worth[pair] for pair in pairs) == pytest.approx(best_by_trying(worth))


def test_greed_would_pair_worse() -> None:
    assert best_pairs({(0, 0): 0.9, (0, 1): 0.8, (1, 0): 0.8}) == [(0, 1), (1, 0)]
    assert best_pairs({}) == []


# -- shapes ------------------------------------------------------------------------------------------------------------
MASK = {"size": [6, 8], "counts": masks.compress([7, 2, 4, 2, 33])}
SHIFTED = {"size": [6, 8], "counts": masks.compress([14, 2, 4, 2, 26])}


@pytest.mark.parametrize(
    ("kind", "geometry", "moved", "other"),
    [
        ("polygon", {"polygons": [[[0, 0, 4, 0, 0, 4]]]}, {"polygons": [[[2, 3, 6, 3, 2, 7]]]},
         {"polygons": [[[2, 3, 7, 3, 2, 7]]]}),
        ("polyline", {"lines": [[0, 0, 4, 0]]}, {"lines": [[1, 1, 5, 1]]}, {"lines": [[1, 1, 5, 2]]}),
        ("rotated_box", {"center": [5, 5], "size": [2, 4], "angle": 3}, {"center": [7, 5], "size": [2, 4], "angle": 3},
         {"center": [5, 5], "size": [2, 4], "angle": 4}),
        ("ellipse", {"center": [5, 5], "radii": [2, 4]}, {"center": [7, 5], "radii": [2, 4]},
         {"center": [5, 5], "radii": [3, 4]}),
        ("keypoints", {"points": [1, 1, 2, 3, 3, 2, 0, 0, 0]}, {"points": [2, 2, 2, 4, 4, 2, 0, 0, 0]},
         {"points": [2, 2, 2, 4, 4, 1, 0, 0, 0]}),
        ("mask", MASK, SHIFTED, {"size": [6, 8], "counts": masks.compress([14, 2, 4, 3, 25])}),
    ],
)  # fmt: skip
def test_a_shape_in_another_place_is_the_same_shape(
    kind: str, geometry: dict[str, object], moved: dict[str, object], other: dict[str, object]
) -> None:
    here, there, unlike = (Annotation(kind, "x", geometry=shape).checked() for shape in (geometry, moved, other))
    assert same_shape(here, there) and differing_fields(here, there) == ["geometry"]
    assert not same_shape(here, unlike)


# -- by id -------------------------------------------------------------------------------------------------------------
def kinds(changes: list[AnnotationChange]) -> list[tuple[str, tuple[str, ...]]]:
    return [(change.path, change.kinds) for change in changes]


def test_each_kind_of_change_is_told_apart(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree")
    same, moved, reshaped, relabelled, changed_, both, removed = repo.annotate(
        "a.png", *(box("cat", at, at, 5, 5) for at in range(7))
    )
    repo.commit("labels")
    assert repo.diff_annotations() == []
    changed(repo, "a.png", moved, box=(2.0, 1.0, 5.0, 5.0))
    changed(repo, "a.png", reshaped, box=(2.0, 2.0, 5.0, 6.0))
    changed(repo, "a.png", relabelled, label="dog")
    changed(repo, "a.png", changed_, attributes={"color": "red"}, score=0.5)
    changed(repo, "a.png", both, label="dog", box=(50.0, 50.0, 5.0, 5.0))
    repo.remove_annotations([removed])
    (added,) = repo.annotate("a.png", box("cow", 100, 100, 4, 4))
    found = {change.id: change for change in repo.diff_annotations()}
    assert {identifier: change.kinds for identifier, change in found.items()} == {
        moved: ("moved",),
        reshaped: ("reshaped",),
        relabelled: ("relabelled",),
        changed_: ("changed",),
        both: ("moved", "relabelled"),
        removed: ("removed",),
        added: ("added",),
    }
    assert found[moved].iou == pytest.approx(20 / 30)
    assert found[both].iou == 0
    assert set(found[changed_].fields) >= {"attributes.color", "score"}
    assert found[removed].after is None and found[removed].before is not None and found[added].before is None
    assert same not in found


def test_between_revisions_and_below_paths(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree", ["x/a.png", "x/b.png", "y/a.png"])
    for path in ("x/a.png", "x/b.png", "y/a.png"):
        repo.annotate(path, box("cat"))
    repo.set_metadata(["x"], {"weather": "sun"})
    repo.commit("labels")
    every = kinds(repo.diff_annotations("HEAD~1", "HEAD"))
    assert every == [(path, ("added",)) for path in ("x/a.png", "x/b.png", "y/a.png")]
    assert kinds(repo.diff_annotations("HEAD", "HEAD~1")) == [(path, ("removed",)) for path, _ in every]
    assert kinds(repo.diff_annotations("HEAD~1", "HEAD", ["y"])) == [("y/a.png", ("added",))]
    assert repo.diff_annotations("HEAD~1", "HEAD", ["."]) == repo.diff_annotations("HEAD~1", "HEAD")
    tables = repo.diff("HEAD~1", "HEAD", paths=["x"]).tables
    assert {name: tuple(counts) for name, counts in tables.items()} == {
        "annotations": (2, 0, 0),
        "metadata": (2, 0, 0),
    }
    assert [row["path"] for row in repo.diff_rows("metadata", "HEAD~1", "HEAD", paths=["x/b.png"])] == ["x/b.png"]


def test_a_renamed_file_is_named_by_its_new_path(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree")
    repo.annotate("a.png", box("cat"))
    repo.commit("label")
    repo.move(["a.png"], "z.png")
    assert repo.diff_annotations() == []
    changed(repo, "z.png", repo.annotations("z.png")[0].id or "", label="dog")
    assert kinds(repo.diff_annotations()) == [("z.png", ("relabelled",))]


def test_keyframes_of_a_track(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree", ["clip.mp4"])
    frames = tuple(Keyframe(at, (1.0 * at, 1.0, 4.0, 4.0)) for at in (0, 10))
    (track,) = repo.annotate("clip.mp4", Annotation("box", "car", (0, 1, 4, 4), frames=(0, 10), keyframes=frames))
    repo.commit("track")
    later = tuple(replace(each, box=(each.box[0] + 1, 1.0, 4.0, 4.0)) for each in frames if each.box)
    changed(repo, "clip.mp4", track, keyframes=later)
    (change,) = repo.diff_annotations()
    assert change.kinds == ("moved",) and change.iou == pytest.approx(12 / 20)
    changed(repo, "clip.mp4", track, keyframes=later[:1])
    assert repo.diff_annotations()[0].kinds == ("reshaped",)


# -- by place ----------------------------------------------------------------------------------------------------------
def test_annotations_that_lost_their_ids_are_found_again_by_place(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree")
    old = repo.annotate(
        "a.png",
        box("cat", 0, 0, 10, 10),
        box("dog", 0, 0, 10, 10),
        box("cow", 40, 40, 10, 10),
        box("pig", 80, 80, 4, 4),
        Annotation("class", "indoor"),
    )
    repo.commit("labels")
    repo.remove_annotations(old)
    new = repo.annotate(
        "a.png",
        box("dog", 0, 0, 10, 10),
        box("cat", 1, 0, 10, 10),
        box("bull", 40, 40, 10, 12),
        box("hen", 8, 90, 4, 4),
        Annotation("class", "indoor"),
    )
    pairs = {(change.before and change.before.id, change.after and change.after.id): change.kinds
             for change in repo.diff_annotations()}  # fmt: skip
    assert pairs == {
        (old[0], new[1]): ("moved",),
        (old[1], new[0]): ("renumbered",),
        (old[2], new[2]): ("reshaped", "relabelled"),
        (old[3], None): ("removed",),
        (None, new[3]): ("added",),
        (old[4], new[4]): ("renumbered",),
    }


def test_a_file_that_was_removed_and_added_again_is_told_as_one(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree")
    repo.annotate("a.png", box("cat", 0, 0, 10, 10))
    repo.commit("label")
    repo.remove(["a.png"])
    repo.commit("gone")
    write(repo.root, "a.png", picture("another"))
    repo.add(["."])
    repo.annotate("a.png", box("dog", 0, 0, 10, 10))
    repo.commit("again")
    (change,) = repo.diff_annotations("HEAD~2", "HEAD")
    assert (change.path, change.kinds) == ("a.png", ("relabelled",))


# -- cost --------------------------------------------------------------------------------------------------------------
def test_only_what_changed_is_read(tmp_path: Path) -> None:
    """Reading counts objects of tables: of many segments of annotations only those with a change are touched."""
    from oxide.labels import reading
    from oxide.labels.changes import Changes, publish_edit
    from oxide.labels.ids import new_ids
    from oxide.labels.rows import annotation_row
    from oxide.workspace import read_state

    repo = start(tmp_path / "tree", [f"{number:03}.png" for number in range(200)], width=2, height=2)
    state = read_state(repo.store)
    items = reading.items_below(repo.store, state.pending, [""])
    ids = new_ids()
    with repo.store.begin() as session:
        changes = Changes(session)
        made = [
            replace(box("cat", at, at, 5, 5).checked(), id=next(ids), item_id=item)
            for item in items.values()
            for at in range(500)
        ]
        changes.upsert("annotations", [annotation_row(each) for each in made])
        publish_edit(repo, session, state, "annotate", "many", changes.apply)
    repo.commit("a hundred thousand")
    changed(repo, "100.png", repo.annotations("100.png")[250].id or "", label="dog")
    repo.commit("one")
    few, everything = read(repo, "HEAD~1", 1), read(repo, "HEAD~2", 100_000)
    assert few < 10 < everything


def read(repo: Repository, since: str, expected: int) -> int:
    """How many objects of tables a diff reads in a repository that was just opened."""
    fresh = by_bob(repo)
    _core.reset_counters()
    assert len(fresh.diff_annotations(since, "HEAD")) == expected
    return _core.counters()["TABLE_OBJECTS_READ"]


# -- the command line --------------------------------------------------------------------------------------------------
def test_rows_are_listed_for_people_and_for_programs(tmp_path: Path) -> None:
    repo = start(tmp_path / "tree")
    moved, gone = repo.annotate("a.png", box("cat", 0, 0, 10, 10), box("dog", 50, 0, 4, 4))
    repo.commit("labels")
    changed(repo, "a.png", moved, box=(5.0, 0.0, 10.0, 10.0), label="lynx")
    repo.remove_annotations([gone])
    repo.set_metadata(["b.png"], {"camera.lens": 35})
    oxide = Oxide(repo.root, tmp_path)
    shown = oxide("diff", "--rows", "annotations")
    assert shown.out.splitlines() == [
        f"~ a.png  {moved}  cat  moved 0 0 10 10 -> 5 0 10 10 (IoU 0.33), relabelled cat -> lynx",
        f"- a.png  {gone}  dog  box 50 0 4 4",
        "",
        "annotations: 1 moved, 1 relabelled, 1 removed in 1 file",
    ]
    assert oxide("diff", "--rows", "metadata").out.splitlines() == ["+ b.png  camera.lens: 35"]
    assert oxide("diff", "--rows", "annotations", "--", "b.png").out == ""
    listed = oxide("diff", "--rows", "annotations", "--json").json["rows"]["annotations"]
    assert [(row["path"], row["id"], row["kinds"]) for row in listed] == [
        ("a.png", moved, ["moved", "relabelled"]),
        ("a.png", gone, ["removed"]),
    ]
    assert listed[0]["before"]["bbox"] == [0, 0, 10, 10] and listed[1]["after"] is None
    assert "metadata:" in oxide("diff", "--stat", "--", "b.png").out
    assert "annotations:" not in oxide("diff", "--stat", "--", "b.png").out
