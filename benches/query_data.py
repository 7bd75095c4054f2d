"""A repository of very many items with metadata and annotations, and the same rows as one plain Parquet file a table.

Rows are written straight into the tables: what is measured is asking, not adding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy
import oxide
import pyarrow
import pyarrow.parquet
from oxide import _core
from oxide.labels import schemas
from oxide.labels.changes import publish_edit
from oxide.labels.following import with_root
from oxide.labels.rows import fields_to_arrow, to_arrow
from oxide.workspace import Tables, read_state

from benches.label_steps import BATCH, MOMENT, binary, completed

LABELS = 80
FACTS_VERSION = 1
SPLITS = ("train", "train", "train", "val", "test")
TABLES = ("files", "items", "metadata", "annotations")


def ids(first: int, last: int, kind: int) -> numpy.ndarray[tuple[int, int], numpy.dtype[numpy.uint8]]:
    """Ids in order, shape (last - first, 12), bytes."""
    found = numpy.zeros((last - first, 12), numpy.uint8)
    found[:, 0] = kind
    found[:, 4:] = numpy.arange(first, last).astype(">u8").view(numpy.uint8).reshape(-1, 8)
    return found


def path_of(number: int) -> str:
    """The path of an item."""
    return f"camera-{number % 20:02}/{number // 20:07}.jpg"


def metadata_of(number: int) -> str:
    """Nested metadata of an item, as canonical JSON."""
    value = {
        "camera": {"lens": number % 50, "name": f"camera {number % 20}"},
        "foo": f"bar{number % 10}",
        "note": f"taken by hand, number {number} of many, nothing else to say",
        "split": SPLITS[number % len(SPLITS)],
        "weather": {"rain": number % 3 == 0, "wind": (number * 7919 % 1000) / 10},
    }
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def item_tables(first: int, last: int, content: str) -> dict[str, pyarrow.Table]:
    """Rows of ``files``, ``items`` and ``metadata``."""
    count = last - first
    item = binary(ids(first, last, 1))
    moments = pyarrow.array(MOMENT + 1000 * numpy.arange(first, last), pyarrow.timestamp("us", "UTC"))
    numbers = numpy.arange(first, last)
    one = pyarrow.array([bytes.fromhex(content)] * count, pyarrow.binary(32))
    files = {
        "path": pyarrow.array([path_of(number) for number in range(first, last)]),
        "content_id": one,
        "size": pyarrow.array(10_000 + numbers * 7919 % 50_000),
        "item_id": item,
        "sha256": one,
        "link": pyarrow.array(numpy.zeros(count, bool)),
        "executable": pyarrow.array(numpy.zeros(count, bool)),
        "facts_version": pyarrow.array(numpy.full(count, FACTS_VERSION)),
        "media": pyarrow.array(["image/jpeg"] * count),
        "width": pyarrow.array(numpy.where(numbers % 3 == 0, 1920, 640)),
        "height": pyarrow.array(numpy.where(numbers % 3 == 0, 1080, 480)),
    }
    items = {"item_id": item, "created": moments, "creator": pyarrow.array(["Bench <bench@example.org>"] * count)}
    metadata = {
        "item_id": item,
        "value": pyarrow.array([metadata_of(number) for number in range(first, last)]),
        "updated": moments,
        "updated_by": items["creator"],
    }
    return {"files": pyarrow.table(files), "items": pyarrow.table(items), "metadata": pyarrow.table(metadata)}


def annotation_table(first: int, last: int, per_item: int) -> pyarrow.Table:
    """Boxes number ``first`` to ``last``."""
    count = last - first
    source = numpy.random.default_rng(first)
    numbers = numpy.arange(first, last)
    owner = numpy.zeros((count, 12), numpy.uint8)
    owner[:, 0] = 1
    owner[:, 4:] = (numbers // per_item).astype(">u8").view(numpy.uint8).reshape(-1, 8)
    names = numpy.array([f"thing {number}" for number in range(LABELS - 1)] + ["cat"])
    moments = pyarrow.array(numpy.full(count, MOMENT), pyarrow.timestamp("us", "UTC"))
    author = pyarrow.array(["Bench <bench@example.org>"] * count)
    columns = {
        "item_id": binary(owner),
        "ann_id": binary(ids(first, last, 2)),
        "type": pyarrow.array(["box"] * count),
        "label": pyarrow.array(names[source.integers(0, LABELS, count)]),
        **{name: pyarrow.array(numpy.round(source.uniform(0, 400, count), 2)) for name in "xywh"},
        "score": pyarrow.array(numpy.round(source.uniform(0, 1, count), 4)),
        "source": pyarrow.array(["model"] * count),
        "author": author,
        "created": moments,
        "updated": moments,
        "updated_by": author,
    }
    return pyarrow.table(columns)


def parts(items: int, annotations: int, content: str) -> Iterator[dict[str, pyarrow.Table]]:
    """All rows, some hundred thousand at a time."""
    for first in range(0, items, BATCH):
        yield item_tables(first, min(first + BATCH, items), content)
    for first in range(0, annotations, BATCH):
        yield {"annotations": annotation_table(first, min(first + BATCH, annotations), annotations // items)}


def make(tree: Path, plain: Path, items: int, annotations: int) -> None:
    """Make both: a repository with one commit, and a folder of Parquet files."""
    repository = oxide.Repository.init(tree)
    (tree / "one.txt").write_text("one")
    repository.add(["one.txt"])
    content = repository.store.file_rows(repository.staged_tables()["files"][1])[0]["content_id"]
    plain.mkdir()
    writers: dict[str, pyarrow.parquet.ParquetWriter] = {}
    with repository.store.begin() as session:
        state = read_state(repository.store)
        known = dict(state.pending)
        kinds = {name: known[name][0] if name in known else schemas.write(session, name) for name in TABLES}
        roots = {name: known[name][1] if name in known else session.empty_table() for name in TABLES}
        for part in parts(items, annotations, content):
            for name, rows in part.items():
                fields = repository.store.read_record("schema", kinds[name])["fields"] if name in known else None
                empty = fields_to_arrow(fields, []) if fields is not None else to_arrow(name, [])
                whole = completed(rows, empty)
                roots[name] = session.edit_table(kinds[name], roots[name], whole, None)
                if name not in writers:
                    path = plain / f"{name}.parquet"
                    writers[name] = pyarrow.parquet.ParquetWriter(path, whole.schema, compression="zstd")
                writers[name].write_table(whole, row_group_size=122_880)

        def edit(tables: Tables) -> Tables:
            for name in TABLES:
                tables = with_root(tables, name, kinds[name], roots[name])
            return tables

        publish_edit(repository, session, state, "annotate", "everything", edit)
    for writer in writers.values():
        writer.close()
    repository.commit("everything")
    assert _core.EMPTY_ROOT not in roots.values()
