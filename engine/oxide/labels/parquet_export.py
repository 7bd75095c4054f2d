"""All tables of a state as Parquet, one file a table, for engines on other machines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from oxide import _core
from oxide.labels import schemas
from oxide.labels.exporting import making, refuse_what_is_there
from oxide.splits.freezing import refuse_in
from oxide.tables import TableView
from oxide.workspace import Tables, present, read_state

if TYPE_CHECKING:
    import pyarrow

    from oxide.query.choosing import Chosen
    from oxide.repository import Repository
    from oxide.types import Progress


_EMPTY: Tables = {name: (schema, _core.EMPTY_ROOT) for name, schema in schemas.IDS.items()}
"""The tables that a state may lack, without rows: engines elsewhere find the same tables whatever was labelled."""


class ParquetReport(NamedTuple):
    """Where the files are, and how many rows each holds."""

    target: str
    rows: dict[str, int]


def export_parquet(
    repository: Repository,
    tables: Tables,
    target: str | os.PathLike[str],
    chosen: Chosen | None,
    progress: Progress | None,
) -> ParquetReport:
    """See :meth:`oxide.Repository.export_parquet`."""
    place = Path(os.path.abspath(target))
    refuse_what_is_there(place, None)
    among = None if chosen is None else chosen.items
    refuse_in(repository.store, read_state(repository.store).view, tables, (), among)
    rows: dict[str, int] = {}
    with making(place, is_folder=True) as made:
        for name, (schema, root) in sorted({**_EMPTY, **present(tables)}.items()):
            view = TableView(repository, name, schema, root)
            rows[name] = _write(view, made / f"{name}.parquet", chosen, sum(rows.values()), progress)
    return ParquetReport(str(place), rows)


def _write(view: TableView, path: Path, chosen: Chosen | None, before: int, progress: Progress | None) -> int:
    import pyarrow.parquet

    batches = view.batches()
    rows = 0
    with pyarrow.parquet.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in _chosen(view.name, batches, chosen):
            writer.write_batch(batch)
            rows += batch.num_rows
            if progress is not None:
                progress(f"writing {view.name}", before + rows, 0, 0, 0)
    return rows


def _chosen(name: str, batches: pyarrow.RecordBatchReader, chosen: Chosen | None) -> Iterator[pyarrow.RecordBatch]:
    if chosen is None or "item_id" not in batches.schema.names:
        yield from batches
        return
    import pyarrow
    import pyarrow.compute as compute

    items = pyarrow.array(sorted(chosen.items), pyarrow.string())
    labels = None if chosen.annotations is None else pyarrow.array(sorted(chosen.annotations), pyarrow.string())
    for batch in batches:
        kept = batch.filter(compute.is_in(batch.column("item_id"), items))
        if labels is not None and "ann_id" in batches.schema.names:
            kept = kept.filter(compute.is_in(kept.column("ann_id"), labels))
        yield kept
