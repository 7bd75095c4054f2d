"""Imports: one operation or nothing, matched by path, name or content."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oxide
import pyarrow
import pytest
from labels.imports import box, coco, everything, intact, repository_with
from oxide import Annotation, errors
from oxide.formats.base import EXAMPLES
from oxide.labels import incoming
from oxide.labels.annotation import Keyframe
from oxide.labels.ontology import Label, label_row
from support import finish, picture, python, tree, write


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
        ('{"path": "a.jpg", "annotations": [{"type": "class", "id": 7}]}', "/annotations/0"),
        ('{"path": "a.jpg", "annotations": [{"type": "class", "label": ["cat"]}]}', "/annotations/0"),
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
    for total in (15_000, 75_000):
        element = '{"id":%d,"image_id":1,"category_id":1,"bbox":[1,2,3,4],"note":"' + "x" * 2_000 + '"}'
        with (tmp_path / "s.json").open("w") as out:
            out.write('{"images":[{"id":1,"file_name":"a.jpg"}],"categories":[{"id":1,"name":"cat"}],"annotations":[')
            for number in range(total):  # one by one: the memory of a parent is the least that a child shows
                out.write(("," if number else "") + element % number)
            out.write("]}")
        ran = finish(python(script, str(tmp_path / "data"), str(tmp_path / "s.json")), timeout=400)
        assert ran.code == 0, ran.err
        peaks.append(int(ran.out) * 1024)
    assert peaks[1] - peaks[0] < most, peaks


def test_rows_that_wait_are_taken_up_as_the_source_is_read(
    repository: oxide.Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert incoming.HELD_BYTES <= 32 << 20, "rows that wait are held twice over when a table takes them up"
    monkeypatch.setattr(incoming, "BATCH", 500)
    monkeypatch.setattr(incoming, "HELD_BYTES", 1 << 18)
    rows = [0]
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(number) for number in range(10_000)])
    before = pyarrow.total_allocated_bytes()
    repository.import_labels(
        "coco", source, dry_run=True, progress=lambda *_: rows.append(pyarrow.total_allocated_bytes() - before)
    )
    assert max(rows) < 1 << 20


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
