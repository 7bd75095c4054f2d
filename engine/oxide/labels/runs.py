"""Runs: the imports and model runs that brought annotations, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oxide._core import Store
    from oxide.workspace import Tables


OTHER_RUNS = "runs"
"""The option of an import that names the runs which its annotations have of their source, instead of its own."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run.

    ``kind`` says what it was, such as ``import``; ``name`` which format or model; ``origin`` where the data came from.
    ``configuration`` holds its options, ``counts`` what it found and made.
    """

    id: str
    kind: str | None
    name: str | None
    origin: str | None
    author: str | None
    created: datetime | None
    configuration: dict[str, Any]
    counts: dict[str, Any]


def read(store: Store, tables: Tables) -> list[Run]:
    """The runs of a state, oldest first."""
    if "runs" not in tables:
        return []
    schema, root = tables["runs"]
    rows = [change["after"] for change in store.diff_rows(schema, _core.EMPTY_ROOT, root)]
    found = [
        Run(
            row["run_id"],
            row["kind"],
            row["name"],
            row["origin"],
            row["author"],
            datetime.fromisoformat(row["created"]) if row["created"] else None,
            row["configuration"] or {},
            row["counts"] or {},
        )
        for row in rows
    ]
    return sorted(found, key=lambda run: (run.created.timestamp() if run.created else 0.0, run.id))


def row_of(run: Run) -> dict[str, Any]:
    """A run as a row of its table."""
    return {
        "run_id": run.id,
        "kind": run.kind,
        "name": run.name,
        "origin": run.origin,
        "author": run.author,
        "created": run.created,
        "configuration": run.configuration or None,
        "counts": run.counts or None,
    }


def find(runs: Sequence[Run], name: str) -> Run:
    """The run whose id begins so. Raises NotFound, and InvalidInput when several do."""
    fitting = [run for run in runs if name and run.id.startswith(name.lower())]
    if not fitting:
        raise NotFound(f"there is no run '{name}'", hint="see `oxide runs list`")
    if len(fitting) > 1:
        raise InvalidInput(f"'{name}' fits {len(fitting)} runs", hint=f"give more of it: {fitting[0].id}")
    return fitting[0]
