"""Metadata of many files out of one: matched, laid over what is there, and nothing of it where a line is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labels.workbench import make_repository
from oxide import Repository
from oxide.errors import InvalidInput, NotFound, NothingToDo
from oxide.labels import metadata_import
from support import Oxide, picture, write


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "dataset", "a.png", "images/b.png")


def lines(folder: Path, *records: Any, name: str = "facts.jsonl") -> Path:
    """A JSONL file beside the repository."""
    text = "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)
    return write(folder, name, text)


def test_records_are_laid_over_what_is_there(repo: Repository, tmp_path: Path) -> None:
    repo.set_metadata(["a.png"], {"camera.lens": 35, "camera.body": "X", "kept": True})
    repo.commit("Before")
    source = lines(
        tmp_path,
        {"path": "a.png", "camera": {"lens": 50, "filter": {}}, "user.weather.sky": "grey", "tags": ["wet", None]},
        "",
        {"path": "./images/b.png", "user": {"nested": {"deep": 1.5}}},
    )
    assert repo.import_metadata(source) == 2
    assert repo.metadata("a.png") == {
        "camera": {"lens": 50, "body": "X", "filter": {}},
        "kept": True,
        "weather": {"sky": "grey"},
        "tags": ["wet", None],
    }
    assert repo.metadata("images/b.png") == {"nested": {"deep": 1.5}}
    assert repo.status().tables["metadata"] == (1, 1, 0)
    assert next(repo.operations(1)).description == "metadata: import of 2 files"
    repo.undo()
    assert repo.status().clean


def test_a_table_with_a_header(repo: Repository, tmp_path: Path) -> None:
    source = tmp_path / "weather.csv"
    with source.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "temperature", "place.city", "note", "id", "ok"])
        table.writerow(["b.png", "-3.5", "Köln", 'two\nlines, and "quotes"', "007", "true"])
        table.writerow(["a.png", "", "", "", "", ""])
    assert repo.import_metadata(source, key="file", match="name") == 2
    assert repo.metadata("images/b.png") == {
        "temperature": -3.5,
        "place": {"city": "Köln"},
        "note": 'two\nlines, and "quotes"',
        "id": "007",
        "ok": True,
    }
    assert repo.metadata("a.png") == {}


def test_files_are_found_by_content(repo: Repository, tmp_path: Path) -> None:
    digest = repo.ls("HEAD", "a.png")[0].sha256
    repo.import_metadata(lines(tmp_path, {"sha256": digest.upper(), "foo": 1}), key="sha256", match="content")
    assert repo.metadata("a.png") == {"foo": 1}


def test_groups_and_batches_have_seams(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_import, "AT_ONCE", 3)
    for number in range(10):
        write(repo.root, f"many/{number}.png", picture(number))
    repo.add(["many"])
    records = [{"path": f"many/{number}.png", "number": number} for number in range(10)]
    assert repo.import_metadata(lines(tmp_path, *records)) == 10
    assert [repo.metadata(f"many/{number}.png") for number in range(10)] == [{"number": each} for each in range(10)]
    with pytest.raises(InvalidInput, match="has a record in line 3 already"):
        repo.import_metadata(lines(tmp_path, *records, {"path": "many/2.png", "number": 0}))


WRONG = {
    "no JSON": ('{"path": "a.png", "x": ', "line 2"),
    "NaN": ('{"path": "a.png", "x": NaN}', "line 2: this is no JSON"),
    "no object": ("[1]", "line 2: this is no JSON object"),
    "deep": ("[" * 100_000, "line 2: this is no JSON"),
    "no key": ({"file": "a.png"}, "line 2: the record has no text 'path'"),
    "key is a number": ({"path": 3}, "line 2: the record has no text 'path'"),
    "unknown file": ({"path": "c.png"}, "line 2: 'c.png' is not tracked"),
    "folder": ({"path": "images"}, "line 2: 'images' is not tracked"),
    "twice": ({"path": "images/b.png"}, "line 2: 'images/b.png' has a record in line 1 already"),
    "reserved": ({"path": "a.png", "system": {"size": 1}}, "line 2: the key 'system' is reserved"),
    "empty name": ({"path": "a.png", "x..y": 1}, "line 2: 'x..y' is no key of metadata"),
    "key twice": ({"path": "a.png", "x": {"y": 1}, "x.y": 2}, "line 2: the key 'x.y' comes twice"),
    "through a value": ({"path": "a.png", "known.part": 1}, "line 2: 'known.part' cannot be set"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_line_is_named_and_nothing_is_imported(repo: Repository, tmp_path: Path, case: str) -> None:
    repo.set_metadata(["a.png"], {"known": 1})
    before = list(repo.operations())
    record, said = WRONG[case]
    source = lines(tmp_path, {"path": "images/b.png", "foo": 1}, record)
    with pytest.raises(InvalidInput) as caught:
        repo.import_metadata(source)
    assert f"'{source}', {said}" in caught.value.message
    assert list(repo.operations()) == before
    assert repo.metadata("images/b.png") == {}


TABLES = {
    "no column": (b"file,x\na.png,1\n", "line 1: there is no column 'path'"),
    "two of a name": (b"path,x,x\na.png,1,2\n", "line 1: two columns have one name"),
    "short row": (b"path,x\na.png,1\nimages/b.png\n", "line 3: 1 cell, but the header has 2"),
    "open quote": (b'path,x\na.png,"1\n', "line 2"),
    "latin-1": (b"path,x\na.png,caf\xe9\n", "line 2: it is not UTF-8"),
    "utf-16": ("path,x\na.png,1\n".encode("utf-16"), "line 1: it is not UTF-8"),
    "no path": (b"path,x\n,1\n", "line 2: the cell 'path' is empty"),
    "behind a quoted line break": (b'path,x\na.png,"1\n2"\nc.png,3\n', "line 4: 'c.png' is not tracked"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_wrong_table_is_refused(repo: Repository, tmp_path: Path, case: str) -> None:
    content, said = TABLES[case]
    source = write(tmp_path, "facts.csv", content)
    with pytest.raises(InvalidInput) as caught:
        repo.import_metadata(source)
    assert f"'{source}', {said}" in caught.value.message
    assert repo.status().clean


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_import, "LONGEST_LINE", 1 << 20)
    source = write(tmp_path, "facts.jsonl", b'{"path": "a.png", "x": "' + b"x" * (3 << 20))
    with pytest.raises(InvalidInput, match="line 1: it is longer than 1 MiB"):
        repo.import_metadata(source)


def test_names_that_several_files_have_are_refused(repo: Repository, tmp_path: Path) -> None:
    write(repo.root, "other/b.png", picture("other"))
    repo.add(["other"])
    with pytest.raises(InvalidInput, match="line 1: 2 files have the name"):
        repo.import_metadata(lines(tmp_path, {"path": "b.png", "x": 1}), match="name")
    with pytest.raises(InvalidInput, match="matched by 'size'"):
        repo.import_metadata(lines(tmp_path, {"path": "b.png"}), match="size")


def test_there_must_be_something_to_import(repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        repo.import_metadata(lines(tmp_path))
    with pytest.raises(NotFound):
        repo.import_metadata(tmp_path / "missing.jsonl")
    with pytest.raises(InvalidInput):
        repo.import_metadata(tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
names = st.text("abcdeé_-", min_size=1, max_size=4)
objects = st.recursive(
    st.dictionaries(names, json_values, min_size=1, max_size=3),
    lambda inner: st.dictionaries(names, inner | json_values, min_size=1, max_size=3),
    max_leaves=8,
)


@given(value=objects)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_imported_is_read_again(repo: Repository, tmp_path: Path, value: dict[str, Any]) -> None:
    known = repo.metadata("a.png")
    if known:
        repo.unset_metadata(["a.png"], list(known))
    repo.import_metadata(lines(tmp_path, {"path": "a.png", **value}))
    assert repo.metadata("a.png") == value


def test_the_verb(repo: Repository, tmp_path: Path) -> None:
    oxide = Oxide(repo.root, tmp_path / "home")
    source = lines(tmp_path, {"file": "b.png", "foo": "bar"})
    options = ["--key", "file", "--match", "name"]
    assert oxide("metadata", "import", str(source), *options, "--dry-run", "--json").json == {
        "files": 1,
        "dry_run": True,
    }
    assert oxide("metadata", "get", "images/b.png", "--json").json == {}
    assert oxide("metadata", "import", "../facts.jsonl", *options).out == "Set metadata of 1 file\n"
    assert oxide("metadata", "get", "images/b.png", "--json").json == {"foo": "bar"}
    failed = oxide("metadata", "import", "../facts.jsonl", "--json", code=2)
    assert failed.error["message"] == "'../facts.jsonl', line 1: the record has no text 'path'"
