"""Exports: any revision and any paths, never over what is there; and what comes back from JSONL, CSV and as typed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import oxide
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labels.imports import box, coco, repository_with, said
from oxide import Annotation, errors
from oxide.formats.base import FORMATS
from support import Oxide, picture, tree, write


@pytest.fixture
def repository(tmp_path: Path) -> oxide.Repository:
    return repository_with(tmp_path / "data", "a.jpg", "b.jpg", "sub/c.jpg")


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
    again = [json.loads(line) for line in (folder / "again.jsonl").read_text().splitlines()]
    del again[0]["runs"]  # that of the import
    for annotation in (annotation for line in again[1:] for annotation in line["annotations"]):
        del annotation["run_id"]
    assert again == [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    third = repository_with(folder / "third", "a.jpg", "b.jpg")
    third.import_labels("jsonl", folder / "again.jsonl")
    third.export_labels("jsonl", folder / "third.jsonl")
    assert (folder / "third.jsonl").read_text() == (folder / "again.jsonl").read_text()
    shutil.rmtree(folder)


def test_jsonl_keeps_runs(tmp_path: Path) -> None:
    """Run ids and what is known of the runs come along, and the import can still be taken back."""
    first = repository_with(tmp_path / "first", "a.jpg", "b.jpg")
    runs = [
        first.import_labels("coco", coco(tmp_path / f"{name}.json", [f"{name}.jpg"], [box(1)])).run_id
        for name in ("a", "b")
    ]
    first.annotate("a.jpg", Annotation("class", "by hand"), Annotation("class", "lost", run_id="5" * 24))
    report = first.export_labels("jsonl", tmp_path / "a.jsonl", paths=["a.jpg"])
    assert [(each.what, each.count) for each in report.losses] == [("runs of which nothing is known", 1)]

    second = repository_with(tmp_path / "second", "a.jpg", "b.jpg")
    own = second.import_labels("jsonl", tmp_path / "a.jsonl").run_id
    second.commit("import")
    assert {each.label: each.run_id for each in second.annotations("a.jpg")} == {
        "cat": runs[0],
        "by hand": own,
        "lost": own,
    }
    known = {each.id: each for each in second.runs()}
    assert known.keys() == {runs[0], own} and known[str(own)].configuration["runs"] == [runs[0]]
    assert known[str(runs[0])] == first.runs()[0]
    assert not second.import_labels("jsonl", tmp_path / "a.jsonl", update=True).changed
    second.revert_import(str(own))
    assert second.annotations("a.jpg") == [] and second.runs() == []


@pytest.mark.parametrize("run", ['{"id": "x"}', "{}", "5", '{"id": "555555555555555555555555", "kind": 5}'])
def test_a_run_that_is_none_is_refused(repository: oxide.Repository, tmp_path: Path, run: str) -> None:
    (tmp_path / "labels.jsonl").write_text(f'{{"oxide": 1, "runs": [{run}]}}\n', "utf-8")
    with pytest.raises(oxide.errors.InvalidInput, match="line 1, /runs/0"):
        repository.import_labels("jsonl", tmp_path / "labels.jsonl")


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


# -- class folders -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("format", ["folders", "yolo"])
def test_class_folders_that_were_exported_find_their_files(
    repository: oxide.Repository, tmp_path: Path, format: str
) -> None:
    for path, label in (("a.jpg", "cat"), ("sub/c.jpg", "dog")):
        repository.annotate(path, Annotation("class", label))
    repository.set_metadata(["sub/c.jpg"], {"split": "val"})
    report = repository.export_labels(format, tmp_path / "out", paths=["a.jpg", "sub/c.jpg"], images=True)
    assert (report.annotations, report.images) == (2, 2)
    repository.import_labels(format, tmp_path / "out", replace=True)
    assert {path: [each.label for each in repository.annotations(path)] for path in ("a.jpg", "sub/c.jpg")} == {
        "a.jpg": ["cat"],
        "sub/c.jpg": ["dog"],
    }
    assert repository.annotations("a.jpg")[0].source == "import"


def test_a_file_in_the_folder_of_its_class_comes_first(repository: oxide.Repository, tmp_path: Path) -> None:
    for folder in (repository.root, tmp_path / "out"):
        write(folder, "cat/a.jpg", picture("another"))
    repository.add(["cat"])
    repository.import_labels("folders", tmp_path / "out")
    assert len(repository.annotations("cat/a.jpg")) == 1 and not repository.annotations("a.jpg")


# -- what is left out --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("format", ["coco", "yolo", "voc", "cvat", "labelstudio", "labelme", "datumaro", "folders"])
def test_annotations_that_are_left_out_are_not_counted(
    repository: oxide.Repository, tmp_path: Path, format: str
) -> None:
    pytest.importorskip("yaml")
    repository.annotate("a.jpg", Annotation("box", "cat", (1, 2, 3, 4)), Annotation("class", "cat"))
    repository.annotate("a.jpg", Annotation("note", "cat", geometry={"messages": ["look"]}))
    report = repository.export_labels(format, tmp_path / "out", images=True)
    left_out = {"coco": 2, "voc": 2, "yolo": 2, "folders": 2, "labelme": 1}
    assert report.annotations == 3 - left_out.get(format, 1), report.losses


# -- the command line --------------------------------------------------------------------------------------------------
@pytest.fixture
def run(repository: oxide.Repository, tmp_path: Path) -> Iterator[Oxide]:
    (tmp_path / "home").mkdir()
    yield Oxide(repository.root, tmp_path / "home")


@pytest.mark.parametrize("verb", ["import", "export"])
def test_the_help_names_every_format(run: Oxide, verb: str) -> None:
    said = run(verb, "--help").out.replace(".", " ").replace(",", " ").replace(";", " ").split()
    assert set(FORMATS) <= set(said)


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
    assert not ran.out and "annotations of the type polyline (1): a.jpg" in ran.err
    assert "Exported 1 annotation of" in run("export", "coco", str(tmp_path / "counted.json")).out
    losses = run("export", "coco", str(tmp_path / "o.json"), "--json").json["losses"]
    assert {each["what"]: each["count"] for each in losses}["annotations of the type polyline"] == 1
    assert run("export", "coc", "x", code=2).err.count("did you mean coco?") == 1
    assert run("import", "coco", str(source), "--replace", "--update", code=2).err
    failed = run("import", "coco", str(source), "--json", code=1).error
    assert failed["code"] == "not_found" and "'c.jpg' (/images/0)" in failed["message"]
