"""What no verb does, in a process of its own: `python -m benches.label_steps fill|edit TREE NUMBER`. Prints seconds.

`fill` gives all pictures together so many boxes, and commits; `edit` changes so many of them at random places, and
commits.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import numpy
import oxide
import pyarrow
from oxide.labels import schemas
from oxide.labels.changes import Changes, publish_edit
from oxide.labels.following import with_root
from oxide.labels.reading import annotations_of
from oxide.labels.rows import annotation_row, to_arrow
from oxide.workspace import Tables, read_state

BATCH = 500_000
MOMENT = 1_700_000_000_000_000


def items_of(repository: oxide.Repository) -> numpy.ndarray[tuple[int, int], numpy.dtype[numpy.uint8]]:
    """The items' ids in order, shape (items, 12), bytes."""
    table = repository.staged_tables()["items"]
    batches = pyarrow.RecordBatchReader.from_stream(repository.store.scan(table, ["item_id"]))
    found = [numpy.frombuffer(b"".join(batch.column(0).to_pylist()), numpy.uint8) for batch in batches]
    return numpy.concatenate(found).reshape(-1, 12)


def binary(rows: numpy.ndarray[tuple[int, int], numpy.dtype[numpy.uint8]]) -> pyarrow.Array:
    """Rows of twelve bytes as a column."""
    data = pyarrow.py_buffer(numpy.ascontiguousarray(rows))
    return pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(12), len(rows), [None, data])


def boxes(
    items: numpy.ndarray[tuple[int, int], numpy.dtype[numpy.uint8]], first: int, last: int, total: int
) -> pyarrow.Table:
    """Boxes number `first` to `last` of `total`, spread evenly over the items, as rows of ``annotations``."""
    numbers = numpy.arange(first, last)
    source = numpy.random.default_rng(first)
    own = numpy.zeros((len(numbers), 12), numpy.uint8)
    own[:, 4:] = numbers.astype(">u8").view(numpy.uint8).reshape(-1, 8)
    columns = {
        "item_id": binary(items[numbers * len(items) // total]),
        "ann_id": binary(own),
        "type": pyarrow.array(["box"] * len(numbers)),
        "label": pyarrow.array([f"thing {number % 80}" for number in numbers.tolist()]),
        **{name: numpy.round(source.uniform(0, 400, len(numbers)), 2) for name in "xywh"},
        "source": pyarrow.array(["import"] * len(numbers)),
        "author": pyarrow.array(["Bench <bench@example.org>"] * len(numbers)),
        "created": pyarrow.array(numpy.full(len(numbers), MOMENT), pyarrow.timestamp("us", "UTC")),
        "updated": pyarrow.array(numpy.full(len(numbers), MOMENT), pyarrow.timestamp("us", "UTC")),
        "updated_by": pyarrow.array(["Bench <bench@example.org>"] * len(numbers)),
    }
    return completed(pyarrow.table(columns), to_arrow("annotations", []))


def completed(columns: pyarrow.Table, empty: pyarrow.Table) -> pyarrow.Table:
    """The columns with nulls for those that a table has besides."""
    return pyarrow.table(
        {
            field.name: columns.column(field.name).cast(field.type)
            if field.name in columns.column_names
            else pyarrow.nulls(columns.num_rows, field.type)
            for field in empty.schema
        }
    )


def fill(repository: oxide.Repository, total: int) -> float:
    """Give the pictures that many boxes in place of what they have. Returns seconds."""
    start = time.perf_counter()
    items = items_of(repository)
    with repository.store.begin() as session:
        state = read_state(repository.store)
        schema = schemas.write(session, "annotations")
        root = session.empty_table()
        for first in range(0, total, BATCH):
            rows = boxes(items, first, min(first + BATCH, total), total)
            root = session.edit_table(schema, root, rows, None)

        def edit(tables: Tables) -> Tables:
            return with_root(tables, "annotations", schema, root)

        publish_edit(repository, session, state, "annotate", f"{total} boxes", edit)
    repository.commit("boxes")
    return time.perf_counter() - start


def edit(repository: oxide.Repository, number: int) -> float:
    """Move that many boxes to the right, each of another picture. Returns seconds, without those of finding them."""
    source = random.Random(number)
    items = items_of(repository)
    chosen = sorted(bytes(items[at]).hex() for at in source.sample(range(len(items)), min(number, len(items))))
    with repository.store.begin() as session:
        state = read_state(repository.store)
        changes = Changes(session)
        moved: dict[str, oxide.Annotation] = {}
        for annotation in annotations_of(repository.store, state.pending, chosen):
            assert annotation.item_id is not None and annotation.box is not None
            moved.setdefault(annotation.item_id, annotation)
        rows = [annotation_row(annotation) for annotation in moved.values()]
        changes.upsert("annotations", [row | {"x": row["x"] + 1.0} for row in rows])
        start = time.perf_counter()
        publish_edit(repository, session, state, "annotate", f"{number} boxes moved", changes.apply)
    repository.commit("moved")
    return time.perf_counter() - start


def main() -> None:
    """Do a step."""
    step, tree, number = sys.argv[1:]
    repository = oxide.Repository.open(Path(tree))
    print({"fill": fill, "edit": edit}[step](repository, int(number)))


if __name__ == "__main__":
    main()
