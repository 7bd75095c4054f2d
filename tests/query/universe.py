"""A repository with random data, and the documents that the oracle has of it. Built once, deterministically."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
from hypothesis import strategies as st
from labels.team import BOB, rows
from oxide import Repository
from oxide._core import Session
from oxide.labels.annotation import Annotation
from oxide.labels.changes import publish_edit
from oxide.labels.items import with_items
from oxide.labels.rows import moment
from oxide.settings import Settings
from oxide.workspace import Tables, read_state
from query.oracle import Document, Oracle
from query.strategies import Filters, Known, items
from support import AUTHOR, link, picture, write

FOLDERS = 16
EACH = 14
START = datetime(2024, 3, 1, 10, 0, 0, 250_000, UTC)


@dataclass(repr=False)
class Universe:
    """A repository, and all that the oracle knows of it."""

    repository: Repository
    oracle: Oracle
    earlier: Oracle
    """Of the first commit, ``v1``."""
    known: Known

    @cached_property
    def filters(self) -> Filters:
        """Filters about this data. Made once: hypothesis checks a strategy when it is first drawn from."""
        return Filters(self.known, list(self.oracle.since))


def drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Different values of a strategy, the same ones in every run."""
    found: dict[str, Any] = {}

    @hypothesis.settings(
        max_examples=3 * number, derandomize=True, database=None, phases=[hypothesis.Phase.generate], deadline=None
    )
    @hypothesis.given(strategy)
    def collect(value: Any) -> None:
        found[repr(value)] = value

    collect()
    return list(found.values())[-number:]


@contextmanager
def at_noon(days: int) -> Iterator[None]:
    """A clock that stands still some days after the start."""
    moment = START + timedelta(days=days)
    with mock.patch("oxide.clock.now", lambda: int(moment.timestamp()) * 1_000_000 + moment.microsecond):
        yield


def build(root: Path) -> Universe:
    """Pictures, texts and links, labelled and described by two people at several times; half of it committed as v1."""
    ada = Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    bob = Repository.open(root, settings=Settings(None, dict(BOB)))
    paths = [f"{at % FOLDERS:x}/{_name(at)}" for at in range(FOLDERS * EACH)]
    data = drawn(items, len(paths))
    for days, part in enumerate((paths[::2], paths[1::2])):
        with at_noon(days):
            for path in part:
                _make(root, path)
            (ada, bob)[days].add(part)
            _label(ada, bob, dict(zip(paths, data)), part)
            _import_facts(ada, part)
            _make_frames(ada, part)
            if not days:
                ada.commit("half of it")
                ada.create_tag("v1")
    changed = _change(ada, bob, paths)
    oracle = Oracle(documents(ada, None))
    _say_what_changed(oracle, set(paths[1::2]), changed)
    return Universe(ada, oracle, Oracle(documents(ada, "v1")), _known(oracle))


def _name(at: int) -> str:
    return ("a.png", "b.jpg", "cats/1.png", "it's.png", "*.txt", "é.png", "link")[at // FOLDERS % 7] + f"{at // 112}"


def _make(root: Path, path: str) -> None:
    if path.endswith(("link0", "link1")):
        link(root, path, "a.png")
    elif ".txt" in path:
        write(root, path, "text" * (len(path) % 3 + 1), executable=path.endswith("1"))
    else:
        content = picture(path, 8 + len(path) % 3, 8 + int(path[0], 16) % 4)
        write(root, path, content[:60] if "b.jpg1" in path else content)


def _label(ada: Repository, bob: Repository, data: dict[str, Any], paths: list[str]) -> None:
    for at, path in enumerate(paths):
        metadata, annotations = data[path]
        if metadata:
            (ada, bob)[at % 2].set_metadata([path], metadata)
        if annotations:
            (bob, ada)[at % 2].annotate(path, *(Annotation(**fields) for fields in annotations))


def _import_facts(repository: Repository, paths: list[str]) -> None:
    """What only an import says of items: that they are hidden, their names elsewhere, and metadata below ``system``."""
    said: list[Document] = []
    for at, path in enumerate(paths[1::3]):
        system = {"k": (1, "a", [1, {"a": 2}], {"a": "b"}, None)[at % 5], "width": 5}
        said.append({"path": path, "hidden": at % 3 == 0, "source_id": f"s{at % 7}"})
        if at % 2:
            said[-1]["metadata"] = {"system": system}
    source = repository.root.parent / "facts.jsonl"
    source.write_text("\n".join(map(json.dumps, said)))
    repository.import_labels("jsonl", source, update=True)


def _make_frames(repository: Repository, paths: list[str]) -> None:
    """Make items that were taken from another, as the frames of a video are."""
    with repository.store.begin() as session:
        state = read_state(repository.store)
        of_paths = {row["path"]: row["item_id"] for row in repository.store.file_rows(state.pending["files"][1])}
        known = {row["item_id"]: row for row in rows(repository, state.pending["items"])}
        frames = [
            {
                **known[of_paths[path]],
                "created": moment(known[of_paths[path]]["created"]),
                "source_item": of_paths[paths[at % 2]],
                "frame_index": at,
                "frame_time": at / 4,
            }
            for at, path in enumerate(paths[2::5])
        ]
        edit = partial(_with_frames, repository, session, frames)
        publish_edit(repository, session, state, "frames", "frames", edit)


def _with_frames(repository: Repository, session: Session, frames: list[Document], tables: Tables) -> Tables:
    return with_items(repository.store, session, tables, frames)


def _change(ada: Repository, bob: Repository, paths: list[str]) -> set[str]:
    """Change rows that v1 has, in every way that there is. Returns the paths of items and ids of annotations."""
    changed: set[str] = set()
    with at_noon(5):
        for at, path in enumerate(paths[0:60:6]):
            annotations = bob.annotations(path)
            if at % 3 == 0:
                bob.set_metadata([path], {"b": at})
                changed.add(path)
            elif at % 3 == 1 and annotations:
                bob.annotate(path, Annotation("class", "late"), _again(annotations[0]))
                known = {annotation.id for annotation in annotations[1:]}
                changed |= {each.id or "" for each in ada.annotations(path) if each.id not in known}
            elif annotations:
                bob.remove_annotations([annotations[0].id or ""])
    return changed


def _again(annotation: Annotation) -> Annotation:
    from dataclasses import replace

    return replace(annotation, label="changed", updated=None, updated_by=None)


def _say_what_changed(oracle: Oracle, added: set[str], changed: set[str]) -> None:
    found = {item["id"] for item in oracle.items if item["path"] in added | changed}
    found |= {each["id"] for each in oracle.annotations if each["id"] in changed or each["item"]["path"] in added}
    oracle.since = {"v1": found, "2024-03-01T23:00:00Z": found}


# -- documents ---------------------------------------------------------------------------------------------------------
def documents(repository: Repository, revision: str | None) -> list[Document]:
    """The documents of all items of a revision, out of the rows of its tables and the verbs that read labels."""
    tables = repository.state_at(revision)
    own = {row["item_id"]: row for row in rows(repository, tables["items"])}
    described = {row["item_id"]: row for row in rows(repository, tables["metadata"])}
    found = []
    for row in repository.store.file_rows(tables["files"][1]):
        item, metadata = own[row["item_id"]], described.get(row["item_id"], {})
        annotations = [_annotation(each) for each in repository.annotations(row["path"], revision)]
        document = {name: row[column] for name, column in COLUMNS.items()} | {
            "filename": f"/{row['path']}",
            "dir": f"/{posixpath.dirname(row['path'])}",
            "name": posixpath.basename(row["path"]),
            "hidden": bool(item["hidden"]),
            "annotated": bool(annotations),
            "annotationsCount": len(annotations),
            "createdAt": datetime.fromisoformat(item["created"]),
            "creator": item["creator"],
            "updatedAt": datetime.fromisoformat(metadata.get("updated") or item["created"]),
            "updatedBy": metadata.get("updated_by") or item["creator"],
            "metadata": repository.metadata(row["path"], revision) if metadata else None,
            "sourceId": item["source_id"],
            "sourceItem": item["source_item"],
            "frameIndex": item["frame_index"],
            "frameTime": item["frame_time"],
            "annotations": annotations,
        }
        for annotation in annotations:
            annotation["item"] = document
        found.append(without_nothing(document))
    return found


COLUMNS = {
    **{name: name for name in ("path", "type", "executable", "size", "width", "height", "orientation", "channels")},
    **{name: name for name in ("broken", "sha256", "frames", "fps", "duration")},
    "id": "item_id",
    "mimetype": "media",
    "bitDepth": "bit_depth",
    "contentId": "content_id",
}


def without_nothing(document: Document) -> Document:
    """A document in place without the columns that have no value."""
    for name in [name for name, value in document.items() if value is None]:
        del document[name]
    return document


def _annotation(annotation: Annotation) -> Document:
    document: Document = {
        "id": annotation.id,
        "itemId": annotation.item_id,
        "runId": annotation.run_id,
        "creator": annotation.author,
        "createdAt": annotation.created,
        "updatedAt": annotation.updated,
        "updatedBy": annotation.updated_by,
        "attributes": annotation.attributes or None,
        "metadata": annotation.foreign or None,
        "bbox": annotation.box,
    }
    names = ("type", "label", "source", "model", "track", "description", "score")
    document |= {name: getattr(annotation, name) for name in names}
    document |= dict(zip("xywh", annotation.box or ()))
    document |= dict(zip(("firstFrame", "lastFrame"), annotation.frames or ()))
    return without_nothing(document)


def _known(oracle: Oracle) -> Known:
    """What occurs in the fields that are columns."""
    found: dict[str, dict[Any, None]] = {}
    for head, kind in (("", oracle.items), ("annotations.", oracle.annotations), ("", oracle.annotations)):
        for document in kind:
            for name, value in document.items():
                plain = value.isoformat() if isinstance(value, datetime) else value
                if isinstance(plain, dict) and name in ("metadata", "attributes"):
                    plain = json.dumps(plain)  # not to be changed by who draws it, and equal to equal ones
                if isinstance(plain, str | int | float):
                    found.setdefault(head + name, {})[plain] = None
    return {name: list(values)[:40] for name, values in found.items()}
