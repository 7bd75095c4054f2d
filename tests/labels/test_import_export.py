"""Import and export: one operation or nothing, matched by path, name or content, with a report of what was lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import oxide
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labels.imports import box, coco, everything, intact, repository_with, said
from oxide import Annotation, errors
from oxide.formats.base import EXAMPLES
from oxide.labels.annotation import Keyframe
from oxide.labels.ontology import Label, label_row
from support import Oxide, finish, picture, python, tree, write


@pytest.fixture
def repository(tmp_path: Path) -> oxide.Repository:
    return repository_with(tmp_path / "data", "a.jpg", "b.jpg", "sub/c.jpg")


# -- matching ----------------------------------------------------------------------------------------------------------
def test_by_path_below_a_prefix(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["c.jpg"], [box(1)])
    repository.import_labels("coco", source, into="sub")
    assert [each.label for each in repository.annotations("sub/c.jpg")] == ["cat"]


def test_by_name(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["elsewhere/c.jpg"], [box(1)])
    repository.import_labels("coco", source, match="name")
    assert len(repository.annotations("sub/c.jpg")) == 1


def test_a_name_of_several_files_is_refused_with_all_of_them(repository: oxide.Repository, tmp_path: Path) -> None:
    write(repository.root, "other/a.jpg", picture("other"))
    repository.add(["other"])
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1)])
    before = everything(repository)
    with pytest.raises(errors.InvalidInput, match=r"a\.jpg, other/a\.jpg"):
        repository.import_labels("coco", source, match="name")
    assert everything(repository) == before


def test_by_content_that_the_source_says(repository: oxide.Repository, tmp_path: Path) -> None:
    digest = repository.ls("HEAD", recursive=True)[0].sha256
    lines = [{"path": "was/called.jpg", "sha256": digest, "annotations": [{"type": "class", "label": "cat"}]}]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, lines)))
    repository.import_labels("jsonl", tmp_path / "s.jsonl", match="content")
    assert [each.label for each in repository.annotations("a.jpg")] == ["cat"]


def test_by_content_of_the_pictures_beside_the_source(repository: oxide.Repository, tmp_path: Path) -> None:
    write(tmp_path / "originals", "renamed.jpg", (repository.root / "sub/c.jpg").read_bytes())
    source = coco(tmp_path / "s.json", ["renamed.jpg"], [box(1)])
    report = repository.import_labels("coco", source, match="content", images=tmp_path / "originals")
    assert report.files_added == [] and len(repository.annotations("sub/c.jpg")) == 1


def test_what_is_not_tracked_is_listed_and_counted(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg", *(f"missing{number}.jpg" for number in range(9))], [box(1), box(2, 5)])
    before = everything(repository)
    with pytest.raises(errors.NotFound) as caught:
        repository.import_labels("coco", source)
    assert "9 pictures" in str(caught.value) and f"and {9 - EXAMPLES} more" in str(caught.value)
    assert "'missing0.jpg' (/images/1)" in str(caught.value) and "--images" in caught.value.hint
    assert everything(repository) == before


# -- pictures ----------------------------------------------------------------------------------------------------------
def test_pictures_from_elsewhere_come_and_go_with_their_labels(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data", "kept.jpg")
    for name in ("x.jpg", "deep/y.jpg"):
        write(tmp_path / "from", name, picture(name))
    source = coco(tmp_path / "s.json", ["x.jpg", "deep/y.jpg"], [box(1), box(2, 2)])
    before = tree(repository.folder)
    report = repository.import_labels("coco", source, images=tmp_path / "from", into="new")
    assert report.files_added == ["new/deep/y.jpg", "new/x.jpg"]
    assert (repository.root / "new/deep/y.jpg").read_bytes() == (tmp_path / "from/deep/y.jpg").read_bytes()
    status = repository.status()
    assert status.staged.added == report.files_added and not status.modified and not status.untracked
    assert status.tables["annotations"].added == 2
    after = tree(repository.folder)
    repository.undo()
    assert tree(repository.folder) == before and repository.status().clean
    repository.redo()
    assert tree(repository.folder) == after and len(repository.annotations("new/x.jpg")) == 1
    repository.commit("imported")
    assert repository.status().clean and intact(repository)


def test_pictures_in_the_working_copy_are_added_where_they_lie(repository: oxide.Repository, tmp_path: Path) -> None:
    for name in ("new/x.jpg", "new/y.jpg", "new/unnamed.jpg"):
        write(repository.root, name, picture(name))
    source = coco(tmp_path / "s.json", ["x.jpg", "y.jpg"], [box(1), box(2, 2)])
    number = len(list(repository.operations()))
    report = repository.import_labels("coco", source, images=repository.root / "new")
    assert report.files_added == ["new/x.jpg", "new/y.jpg"]
    assert len(list(repository.operations())) == number + 1
    status = repository.status()
    assert status.staged.added == report.files_added
    assert [each.path for each in status.untracked] == ["new/unnamed.jpg"]
    repository.undo()
    assert not repository.status().staged and (repository.root / "new/x.jpg").exists()


def test_a_file_in_the_way_is_not_overwritten(repository: oxide.Repository, tmp_path: Path) -> None:
    write(tmp_path / "from", "x.jpg", picture("x"))
    write(repository.root, "x.jpg", b"work that is stored nowhere")
    source = coco(tmp_path / "s.json", ["x.jpg"], [box(1)])
    before = everything(repository)
    with pytest.raises(errors.WouldOverwrite):
        repository.import_labels("coco", source, images=tmp_path / "from")
    assert everything(repository) == before and intact(repository)


# -- adding, updating, replacing ---------------------------------------------------------------------------------------
def test_without_an_option_annotations_are_added(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1)])
    for _ in range(2):
        repository.import_labels("coco", source)
    assert len(repository.annotations("a.jpg")) == 2


def test_update_changes_what_is_there_and_the_same_again_changes_nothing(
    repository: oxide.Repository, tmp_path: Path
) -> None:
    repository.import_labels("coco", coco(tmp_path / "s.json", ["a.jpg"], [box(1), box(2)]))
    first = repository.annotations("a.jpg")
    changed = coco(tmp_path / "t.json", ["a.jpg"], [box(1), box(2, category_id=7), box(3)])
    report = repository.import_labels("coco", changed, update=True)
    assert (report.added, report.updated, report.unchanged) == (1, 1, 1)
    now = repository.annotations("a.jpg")
    assert {each.id for each in first} < {each.id for each in now}
    by_id = {each.foreign["coco"]["id"]: each for each in now}
    assert by_id[2].label == "dog" and by_id[2].created == first[1].created and by_id[2].run_id == report.run_id
    before = everything(repository)
    again = repository.import_labels("coco", changed, update=True)
    assert not again.changed and again.run_id is None and everything(repository) == before


def test_replace_removes_others_of_the_named_pictures_alone(repository: oxide.Repository, tmp_path: Path) -> None:
    for path in ("a.jpg", "b.jpg"):
        repository.annotate(path, Annotation("class", "by hand"))
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1)])
    report = repository.import_labels("coco", source, replace=True)
    assert (report.added, report.removed) == (1, 1)
    assert [each.label for each in repository.annotations("a.jpg")] == ["cat"]
    assert [each.label for each in repository.annotations("b.jpg")] == ["by hand"]
    before = everything(repository)
    assert not repository.import_labels("coco", source, replace=True).changed
    assert everything(repository) == before


def test_keyframes_are_updated_with_their_track(repository: oxide.Repository, tmp_path: Path) -> None:
    def track(*frames: int) -> Annotation:
        keys = tuple(Keyframe(frame, (frame, 1.0, 2.0, 2.0)) for frame in frames)
        return Annotation("box", "cat", (0, 0, 9, 9), id="ab" * 12, track="t", frames=(0, 9), keyframes=keys)

    def item(annotation: Annotation) -> Path:
        frames = [{"frame": each.frame, "box": each.box} for each in annotation.keyframes]
        record = {"id": annotation.id, "type": "box", "box": annotation.box, "label": "cat", "keyframes": frames}
        (tmp_path / "s.jsonl").write_text(json.dumps({"path": "a.jpg", "annotations": [record]}))
        return tmp_path / "s.jsonl"

    for mode in ({}, {"update": True}, {"replace": True}):
        frames = (0, 4, 9) if not mode else (0, 5) if "update" in mode else (7,)
        repository.import_labels("jsonl", item(track(*frames)), **mode)
        assert [each.frame for each in repository.annotations("a.jpg")[0].keyframes] == list(frames)


def test_an_id_that_is_there_needs_an_option(repository: oxide.Repository, tmp_path: Path) -> None:
    (made,) = repository.annotate("a.jpg", Annotation("class", "cat"))
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(made)])
    with pytest.raises(errors.AlreadyExists, match=made):
        repository.import_labels("coco", source)
    repository.import_labels("coco", source, update=True)
    assert [(each.id, each.type) for each in repository.annotations("a.jpg")] == [(made, "box")]


def test_a_dry_run_says_the_same_and_does_nothing(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1)])
    before = everything(repository)
    dry = repository.import_labels("coco", source, dry_run=True)
    assert everything(repository) == before
    wet = repository.import_labels("coco", source)
    assert (dry.added, dry.labels_added) == (wet.added, wet.labels_added) == (1, ["cat", "dog"])


def test_the_run_is_told(repository: oxide.Repository, tmp_path: Path) -> None:
    report = repository.import_labels("coco", coco(tmp_path / "named.json", ["a.jpg"], [box(1)]))
    repository.commit("imported")
    (run,) = repository.sql("SELECT kind, name, origin, author, counts FROM runs").fetch_rows()
    assert run[:3] == ("import", "coco", "named.json") and run[3].startswith("Ada Tester")
    assert json.loads(run[4]) == {"pictures": 1, "added": 1, "updated": 0, "removed": 0}
    (annotation,) = repository.annotations("a.jpg")
    assert (annotation.run_id, annotation.source) == (report.run_id, "import")


# -- the ontology ------------------------------------------------------------------------------------------------------
def closed_with(repository: oxide.Repository, *labels: Label) -> None:
    """Close the ontology over some labels."""
    from oxide.labels.changes import Changes, publish_edit
    from oxide.workspace import read_state

    with repository.store.begin() as session:
        changes = Changes(session)
        changes.upsert("ontology", [*map(label_row, labels), {"kind": "settings", "name": "", "closed": True}])
        publish_edit(repository, session, read_state(repository.store), "label", "closed", changes.apply)


def test_a_closed_ontology_refuses_labels_in_use_that_it_has_not(repository: oxide.Repository, tmp_path: Path) -> None:
    closed_with(repository, Label("cat"))
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1), box(2, category_id=7)])
    before = everything(repository)
    with pytest.raises(errors.InvalidInput) as caught:
        repository.import_labels("coco", source)
    assert all(word in str(caught.value) for word in ("'dog'", "s.json", "/annotations/1"))
    assert everything(repository) == before
    report = repository.import_labels("coco", coco(tmp_path / "t.json", ["a.jpg"], [box(1)]))
    assert report.added == 1 and report.labels_added == []


# -- wrong input -------------------------------------------------------------------------------------------------------
GOOD = [box(1), box(2, 2)]
WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "broken": (
        lambda path: path.write_text('{"images": [{"id": 1, "file_name": "a.jpg"},\n  {"id": 2,, }]}'),
        "line 2, c",
    ),
    "cut off": (lambda path: path.write_text(path.read_text()[:-40]), "line 1, column"),
    "no object": (lambda path: path.write_text("[1, 2]"), "line 1, column 1"),
    "not UTF-8": (lambda path: path.write_bytes(b'{"images": [], "annotations": ["\xff"]}'), "byte 32"),
    "nested": (lambda path: path.write_text('{"images": [' + "[" * 100_000), "/images/0"),
    "NaN": (lambda path: path.write_text(path.read_text().replace("[4, 5,", "[NaN, 5,", 1)), "/annotations/0"),
    "infinite": (lambda path: path.write_text(path.read_text().replace("[4, 5,", "[1e999, 5,", 1)), "/annotations/0"),
    "negative": (lambda path: coco(path, ["a.jpg", "b.jpg"], [box(1), box(2, 2, (4, 5, -1, 2))]), "/annotations/1"),
    "outside": (lambda path: coco(path, ["a.jpg", "b.jpg"], [*GOOD, box(3, 1, (65, 5, 4, 2))]), "/annotations/2"),
    "ids": (lambda path: coco(path, ["a.jpg", "b.jpg"], [*GOOD, box(2)]), "/annotations/2"),
    "own ids": (lambda path: coco(path, ["a.jpg", "b.jpg"], [box("ab" * 12), box("ab" * 12, 2)]), "/annotations/1"),
    "image ids": (lambda path: coco(path, ["a.jpg", {"id": 1, "file_name": "b.jpg"}], []), "/images/1"),
    "same image": (lambda path: coco(path, ["a.jpg", "./a.jpg"], []), "/images/1"),
    "unknown image": (lambda path: coco(path, ["a.jpg"], [box(1), box(2, 9)]), "/annotations/1"),
    "unknown category": (lambda path: coco(path, ["a.jpg"], [box(1, category_id=9)]), "/annotations/0/category_id"),
    "two points": (lambda path: coco(path, ["a.jpg"], [box(1, segmentation=[[1, 2, 3, 4]])]), "/annotations/0"),
    "mask": (
        lambda path: coco(path, ["a.jpg"], [box(1, segmentation={"size": [2, 2], "counts": [9]})]),
        "/annotations/0",
    ),
    "mask bomb": (
        lambda path: coco(path, ["a.jpg"], [box(1, segmentation={"size": [1 << 40, 1 << 40], "counts": "0"})]),
        "/annotations/0",
    ),
    "score": (lambda path: coco(path, ["a.jpg"], [box(1, score=7)]), "/annotations/0"),
    "nothing": (lambda path: path.write_text("{}"), "the file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_coco_changes_nothing_and_says_where(repository: oxide.Repository, tmp_path: Path, name: str) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg", "b.jpg"], GOOD)
    WRONG[name][0](source)
    before = everything(repository)
    with pytest.raises(errors.InvalidInput) as caught:
        repository.import_labels("coco", source)
    assert str(source) in str(caught.value) and WRONG[name][1] in str(caught.value), str(caught.value)
    assert caught.value.hint
    assert everything(repository) == before and intact(repository)


WRONG_CSV = {
    b"path,label\na.jpg,caf\xe9\n": "line 2, byte 20 of the file",
    "path,label\na.jpg,cat\n".encode("utf-16"): "byte 0",
    b"file name,label\na.jpg,cat\n": "line 1",
    b"path,label,x,y,w,h\na.jpg,cat,1,2,3\n": "line 2",
    b"path,label,x,y,w,h\na.jpg,cat,1,2,3,4\na.jpg,cat,1,two,3,4\n": "line 3",
    b"path,label,xmin,ymin,xmax,ymax\na.jpg,cat,9,2,3,4\n": "line 2",
    b"path,label,x,y,w,h\na.jpg,cat,nan,2,3,4\n": "line 2",
    b"path,label,x,y,w,h\na.jpg,cat,1,2,3,\n": "line 2",
    b'path,label\na.jpg,"cat\n': "no CSV",
    b"path,file\na.jpg,b\n": "two columns",
    b"": "empty",
}


@pytest.mark.parametrize("content", WRONG_CSV)
def test_wrong_csv_changes_nothing_and_says_where(repository: oxide.Repository, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.csv").write_bytes(content)
    before = everything(repository)
    with pytest.raises(errors.InvalidInput) as caught:
        repository.import_labels("csv", tmp_path / "s.csv")
    assert WRONG_CSV[content] in str(caught.value)
    assert everything(repository) == before


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('{"path": "a.jpg", "annotations": [{"type": "box"}]}', "/annotations/0"),
        ('{"path": "a.jpg", "annotations": [{"type": "class"}, {"label": "cat"}]}', "/annotations/1"),
        ('{"path": "a.jpg", "annotations": [7]}', "/annotations/0"),
        ('{"path": "a.jpg", "created": "2026-01-01T00:00:00"}', "line 2"),
        ('{"annotations": []}', "line 2, /path"),
        ('{"path": ', "line 2, column"),
        ('{"oxide": 99}', "line 2"),
    ],
)
def test_wrong_jsonl_changes_nothing_and_says_where(
    repository: oxide.Repository, tmp_path: Path, line: str, place: str
) -> None:
    (tmp_path / "s.jsonl").write_text('{"path": "b.jpg", "annotations": [{"type": "class", "label": "cat"}]}\n' + line)
    before = everything(repository)
    with pytest.raises(errors.InvalidInput) as caught:
        repository.import_labels("jsonl", tmp_path / "s.jsonl")
    assert place in str(caught.value)
    assert everything(repository) == before


def test_shapes_that_stick_out_are_kept_and_remarked_on(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1, 1, (-3, 0, 10, 10)), box(2, 1, (60, 40, 4.5, 8))])
    report = repository.import_labels("coco", source)
    assert [(each.count, list(each.examples)) for each in report.warnings] == [(1, ["/annotations/0"])]
    assert sorted(each.box for each in repository.annotations("a.jpg")) == [(-3, 0, 10, 10), (60, 40, 4.5, 8)]


def test_an_interrupted_import_leaves_nothing(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(number) for number in range(12_000)])
    before = everything(repository)

    def stop(phase: str, done: int, *_: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repository.import_labels("coco", source, progress=stop)
    assert everything(repository) == before and intact(repository)


READ = """
import resource, sys
from pathlib import Path
from oxide.formats.coco import Coco
assert sum(1 for entry in Coco().read(Path(sys.argv[2]))) > 15_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
IMPORT = """
import oxide, resource, sys
from oxide.labels import incoming
incoming.BATCH, incoming.HELD_BYTES = 1_000, 8 << 20
oxide.Repository.open(sys.argv[1]).import_labels("coco", sys.argv[2], dry_run=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize(("script", "most"), [(READ, 20 << 20), (IMPORT, 150 << 20)])
def test_memory_does_not_grow_with_the_source(tmp_path: Path, script: str, most: int) -> None:
    """Five times the annotations, in a process each. As objects, those that came to it would take some 370 MB."""
    repository_with(tmp_path / "data", "a.jpg")
    peaks = []
    for annotations in (15_000, 75_000):
        element = '{"id":%d,"image_id":1,"category_id":1,"bbox":[1,2,3,4],"note":"' + "x" * 2_000 + '"}'
        with (tmp_path / "s.json").open("w") as out:
            out.write('{"images":[{"id":1,"file_name":"a.jpg"}],"categories":[{"id":1,"name":"cat"}],"annotations":[')
            for number in range(annotations):  # one by one: the memory of a parent is the least that a child shows
                out.write(("," if number else "") + element % number)
            out.write("]}")
        ran = finish(python(script, str(tmp_path / "data"), str(tmp_path / "s.json")), timeout=400)
        assert ran.code == 0, ran.err
        peaks.append(int(ran.out) * 1024)
    assert peaks[1] - peaks[0] < most, peaks


# -- other processes ---------------------------------------------------------------------------------------------------
def importing_while(
    repository: oxide.Repository, source: Path, meanwhile: Callable[[], None]
) -> oxide.labels.reports.ImportReport:
    """Import, and do something else after the source was read."""
    done = []

    def other(phase: str, *_: int) -> None:
        if not done:
            done.append(phase)
            meanwhile()

    return repository.import_labels("coco", source, update=True, progress=other)


def test_what_another_process_did_meanwhile_stays(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1)])
    other = oxide.Repository.open(repository.folder)
    importing_while(repository, source, lambda: other.annotate("a.jpg", Annotation("class", "mine")) and None)
    assert sorted(each.label or "" for each in repository.annotations("a.jpg")) == ["cat", "mine"]
    assert intact(repository)


def test_the_same_annotation_changed_meanwhile_stops_the_import(repository: oxide.Repository, tmp_path: Path) -> None:
    (made,) = repository.annotate("a.jpg", Annotation("box", "cat", (1, 1, 2, 2)))
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(made, category_id=7)])
    other = oxide.Repository.open(repository.folder)
    moved = Annotation("box", "bird", (1, 1, 2, 2), id=made)
    with pytest.raises(errors.RefMoved):
        importing_while(repository, source, lambda: other.annotate("a.jpg", moved) and None)
    assert [each.label for each in repository.annotations("a.jpg")] == ["bird"]


def test_a_picture_removed_meanwhile_stops_the_import(repository: oxide.Repository, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1)])
    other = oxide.Repository.open(repository.folder)
    with pytest.raises(errors.NotFound):
        importing_while(repository, source, lambda: other.remove(["a.jpg"]) and None)
    assert "annotations" not in repository.staged_tables() and intact(repository)


# -- exports -----------------------------------------------------------------------------------------------------------
def test_an_export_never_overwrites_and_leaves_nothing_when_it_stops(
    repository: oxide.Repository, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write(out, "there.json", "{}")
    with pytest.raises(errors.AlreadyExists):
        repository.export_labels("coco", out / "there.json")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repository.export_labels("coco", out / "new", images=True, progress=stop)
    assert [path.name for path in out.iterdir()] == ["there.json"]


def test_any_revision_and_any_paths(repository: oxide.Repository, tmp_path: Path) -> None:
    repository.annotate("a.jpg", Annotation("class", "first"))
    repository.commit("one")
    repository.annotate("sub/c.jpg", Annotation("class", "second"))
    for at, paths, expected in ((None, (), 2), ("HEAD", (), 1), ("HEAD~1", (), 0), (None, ("sub",), 1)):
        target = tmp_path / f"{at}{len(paths)}.jsonl".replace("~", "-")
        report = repository.export_labels("jsonl", target, at=at, paths=paths)
        assert (report.annotations, report.pictures) == (expected, 1 if paths else 3)
    with pytest.raises(errors.NotFound):
        repository.export_labels("jsonl", tmp_path / "x.jsonl", paths=["nowhere"])


def test_pictures_are_written_as_they_are(repository: oxide.Repository, tmp_path: Path) -> None:
    repository.annotate("a.jpg", Annotation("box", "cat", (1, 2, 3, 4)))
    report = repository.export_labels("coco", tmp_path / "out", images=True)
    assert report.images == 3
    written = tree(tmp_path / "out")
    assert written.pop("instances.json").content
    assert {path: node.content for path, node in written.items()} == {
        path: node.content for path, node in tree(repository.folder).items()
    }
    fresh = repository_with(tmp_path / "fresh")
    fresh.import_labels("coco", tmp_path / "out/instances.json", images=tmp_path / "out")
    assert len(fresh.annotations("a.jpg")) == 1


# -- round trips -------------------------------------------------------------------------------------------------------
numbers = st.floats(0, 40, allow_nan=False).map(lambda value: round(value, 4))
sizes = st.floats(0.5, 20).map(lambda value: round(value, 4))
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
values = st.one_of(st.booleans(), st.integers(-9, 9), words, st.lists(words, max_size=2))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    """Any annotation that is no track."""
    kind = draw(st.sampled_from(["class", "box", "polygon", "rotated_box", "keypoints", "polyline", "text", "ellipse"]))
    shape: dict[str, Any] | None = None
    place = None
    if kind == "box":
        place = (draw(numbers), draw(numbers), draw(sizes), draw(sizes))
    elif kind == "polygon":
        ring = st.lists(numbers, min_size=6, max_size=12).map(lambda flat: flat[: len(flat) // 2 * 2])
        shape = {"polygons": draw(st.lists(st.lists(ring, min_size=1, max_size=2), min_size=1, max_size=2))}
    elif kind == "rotated_box":
        shape = {"center": [20, 20], "size": [draw(sizes), draw(sizes)], "angle": draw(st.integers(0, 359))}
    elif kind == "ellipse":
        shape = {"center": [20, 20], "radii": [draw(sizes), draw(sizes)], "angle": draw(st.integers(0, 359))}
    elif kind == "keypoints":
        shape = {"points": [draw(numbers), draw(numbers), 2, 0, 0, 0]}
    elif kind == "polyline":
        shape = {"lines": [[draw(numbers), draw(numbers), draw(numbers), draw(numbers)]]}
    elif kind == "text":
        shape = {"text": draw(words)}
    return Annotation(
        kind,
        draw(st.one_of(st.just("cat"), words)),
        place,
        shape,
        draw(st.dictionaries(words, values, max_size=2)),
        draw(st.one_of(st.none(), st.floats(0, 1))),
        draw(st.sampled_from(["human", "model", "import"])),
        model=draw(st.one_of(st.none(), words)),
        author=draw(st.one_of(st.none(), words)),
        created=draw(st.one_of(st.none(), moments)),
        description=draw(st.one_of(st.none(), words)),
        foreign=draw(st.sampled_from([{}, {"voc": {"pose": "left"}}])),
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(annotations(), min_size=1, max_size=6), st.dictionaries(words, values, max_size=3))
def test_jsonl_holds_everything(
    tmp_path_factory: pytest.TempPathFactory, made: list[Annotation], described: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    first = repository_with(folder / "first", "a.jpg", "b.jpg")
    first.annotate("a.jpg", *made)
    facts = {f"k{number}": value for number, value in enumerate(described.values())}
    if facts:
        first.set_metadata(["b.jpg"], facts)
    report = first.export_labels("jsonl", folder / "labels.jsonl")
    assert report.losses == []
    second = repository_with(folder / "second", "a.jpg", "b.jpg")
    second.import_labels("jsonl", folder / "labels.jsonl")
    assert said(second.annotations("a.jpg")) == said(first.annotations("a.jpg"))
    assert second.metadata("b.jpg") == facts
    assert not second.import_labels("jsonl", folder / "labels.jsonl", update=True).changed
    second.export_labels("jsonl", folder / "again.jsonl")
    assert (folder / "again.jsonl").read_text() == (folder / "labels.jsonl").read_text()
    shutil.rmtree(folder)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(annotations(), min_size=1, max_size=6))
def test_csv_holds_shapes_labels_and_attributes(
    tmp_path_factory: pytest.TempPathFactory, made: list[Annotation]
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    first = repository_with(folder / "first", "a.jpg", "b.jpg")
    first.annotate("a.jpg", *made)
    report = first.export_labels("csv", folder / "labels.csv")
    lost = {each.what: each.count for each in report.losses}
    expected = {
        "source, author and times of annotations": len(made),
        "models that made annotations": sum(each.model is not None for each in made),
        "what only voc says of annotations": sum(bool(each.foreign) for each in made),
    }
    assert lost == {what: number for what, number in expected.items() if number}
    second = repository_with(folder / "second", "a.jpg", "b.jpg")
    second.import_labels("csv", folder / "labels.csv")

    def kept(found: list[Annotation]) -> list[Any]:
        return [
            (each.id, each.type, each.label, each.box, each.geometry, each.attributes, each.score, each.description)
            for each in found
        ]

    assert kept(second.annotations("a.jpg")) == kept(first.annotations("a.jpg"))
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffpath,label,x,y,w,h,pose\r\na.jpg,cat,1.5,2,3,4,sitting\r\n",
        "filename;width;height;class;xmin;ymin;xmax;ymax;pose\na.jpg;64;48;cat;1.5;2;4.5;6;sitting\n",
        "IMAGE\tleft\ttop\twidth\theight\tCategory\tattributes.pose\na.jpg\t1.5\t2\t3\t4\tcat\tsitting\n",
        'file_name,x,y,w,h,label,attributes\na.jpg,1.5,2,3,4,cat,"{""pose"": ""sitting""}"\n',
    ],
)
def test_csv_in_many_guises(repository: oxide.Repository, tmp_path: Path, content: str) -> None:
    (tmp_path / "s.csv").write_text(content, encoding="utf-8", newline="")
    repository.import_labels("csv", tmp_path / "s.csv")
    (found,) = repository.annotations("a.jpg")
    assert (found.type, found.label, found.box, found.attributes) == ("box", "cat", (1.5, 2, 3, 4), {"pose": "sitting"})


# -- the command line --------------------------------------------------------------------------------------------------
@pytest.fixture
def run(repository: oxide.Repository, tmp_path: Path) -> Iterator[Oxide]:
    (tmp_path / "home").mkdir()
    yield Oxide(repository.root, tmp_path / "home")


def test_import_and_export_as_typed(run: Oxide, tmp_path: Path) -> None:
    source = coco(tmp_path / "s.json", ["c.jpg"], [box(1)])
    ran = run("import", "coco", str(source), "--into", "sub", "--json")
    assert ran.json["annotations"] == {"added": 1, "updated": 0, "unchanged": 0, "removed": 0}
    assert ran.json["labels_added"] == ["cat", "dog"] and ran.json["run_id"]
    assert (
        "Nothing to import" in run("import", "coco", str(source), "--into", ".", "--update", cwd=run.folder / "sub").out
    )
    run("annotate", "a.jpg", "--label", "cat", "--polyline", "1,2 3,4")
    ran = run("-q", "export", "coco", str(tmp_path / "out.json"))
    assert not ran.out and "annotations of the type polyline: a.jpg" in ran.err
    losses = run("export", "coco", str(tmp_path / "o.json"), "--json").json["losses"]
    assert {each["what"]: each["count"] for each in losses}["annotations of the type polyline"] == 1
    assert run("export", "coc", "x", code=2).err.count("did you mean coco?") == 1
    assert run("import", "coco", str(source), "--replace", "--update", code=2).err
    failed = run("import", "coco", str(source), "--json", code=1).error
    assert failed["code"] == "not_found" and "'c.jpg' (/images/0)" in failed["message"]
