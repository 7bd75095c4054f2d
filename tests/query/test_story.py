"""The searches D3 and D4 of a data platform, by the command line and in Python, in every form of a query."""

from __future__ import annotations

import json
from pathlib import Path

import oxide as library
from labels.workbench import make_repository
from oxide import Annotation, Repository
from support import Oxide, picture, write

BAR2 = {"metadata.user.foo": "bar2"}
CAT_OR_BAR = {"$or": [{"annotations.label": "cat"}, {"metadata.foo": "bar"}]}


def test_by_the_command_line(tmp_path: Path) -> None:
    dataset, third = tmp_path / "dataset", tmp_path / "third"
    for folder in (dataset, third):
        folder.mkdir()
    oxide = Oxide(dataset, tmp_path / "home")
    oxide("init")
    oxide("init", cwd=third)
    for name, value in (("image1.jpg", "bar"), ("image2.jpg", "bar2")):
        write(dataset, name, picture(name))
        oxide("add", name)
        oxide("metadata", "set", name, f"foo={value}")
    oxide("annotate", "image1.jpg", "--label", "cat")
    oxide("commit", "-m", "Two pictures")

    found = oxide("query", json.dumps(BAR2), "--json").json
    assert (found["total"], found["items"][0]["path"], found["items"][0]["metadata"]) == (
        1,
        "image2.jpg",
        {"foo": "bar2"},
    )
    assert oxide("query", "metadata.foo:bar2").out == "image2.jpg\n"
    (dataset / "filter.json").write_text(json.dumps({"filter": BAR2}))
    assert oxide("query", "@filter.json", "--count").out == "1\n"
    oxide("annotate", "image2.jpg", "--label", "cat")
    assert oxide("query", "label:cat", "--count").out == "2\n"
    assert oxide("query", "label:cat", "--count", "--at", "HEAD").out == "1\n"
    oxide("commit", "-m", "Two cats")

    oxide("copy", "image1.jpg", "../third:", "--without-annotations")
    oxide("copy", "image2.jpg", "../third:", "--without-metadata")
    oxide("commit", "-m", "Copies", cwd=third)
    assert oxide("query", json.dumps(CAT_OR_BAR), "--count", cwd=third).out == "2\n"
    assert oxide("query", "label:cat OR metadata.foo:bar", "-0", cwd=third).out == "image1.jpg\0image2.jpg\0"


def test_in_python(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "dataset", "image1.jpg", "image2.jpg")
    third = make_repository(tmp_path / "third")
    repository.set_metadata(["image1.jpg"], {"foo": "bar"})
    repository.set_metadata(["image2.jpg"], {"foo": "bar2"})
    repository.annotate("image1.jpg", Annotation(type="class", label="cat"))
    repository.commit("Two pictures")

    by_filters = library.Filters(field="metadata.user.foo", values="bar2")
    for query in (BAR2, json.dumps(BAR2), "metadata.foo:bar2", by_filters, {"filter": {"$and": [BAR2]}, "join": {}}):
        found = repository.query(query)
        assert (found.total, found.paths) == (1, ["image2.jpg"]), query
    (item,) = repository.query(by_filters)
    repository.annotate(item["path"], Annotation(type="class", label="cat"))
    cats = library.Filters()
    cats.add_join("label", "cat")
    assert [repository.query(query).total for query in ("label:cat", cats, {"label": "cat"})] == [2, 2, 2]
    repository.commit("Two cats")

    repository.copy(["image1.jpg"], third, annotations=False)
    repository.copy(["image2.jpg"], third, metadata=False)
    copied = Repository.open(tmp_path / "third")
    for query in (CAT_OR_BAR, "label:cat OR metadata.foo:bar"):
        assert copied.query(query).total == 2
    assert copied.query("metadata.foo:bar").paths == ["image1.jpg"]
