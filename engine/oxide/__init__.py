"""Oxide: version control for image and video datasets.

``Repository.init/open`` give a repository, ``repository.at(REV)`` a snapshot: Arrow, Polars, pandas or SQL.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; `typing` would double the time of the import
if TYPE_CHECKING:
    from typing import Any

    from oxide import errors as errors
    from oxide.labels.annotation import Annotation as Annotation
    from oxide.labels.annotation import Keyframe as Keyframe
    from oxide.labels.ontology import Label as Label
    from oxide.query.filters import Filters as Filters
    from oxide.repository import Repository as Repository
    from oxide.settings import Settings as Settings
    from oxide.snapshot import Snapshot as Snapshot

__all__ = ["Annotation", "Filters", "Keyframe", "Label", "Repository", "Settings", "Snapshot", "errors"]

_HOMES = {
    "Annotation": "oxide.labels.annotation",
    "Filters": "oxide.query.filters",
    "Keyframe": "oxide.labels.annotation",
    "Label": "oxide.labels.ontology",
    "Repository": "oxide.repository",
    "Settings": "oxide.settings",
    "Snapshot": "oxide.snapshot",
}


def __getattr__(name: str) -> Any:  # importing oxide costs nothing until a name is used
    if name not in _HOMES and name != "errors":
        raise AttributeError(f"module 'oxide' has no attribute '{name}'")
    import importlib

    module = importlib.import_module(_HOMES.get(name, "oxide.errors"))
    return module if name == "errors" else getattr(module, name)
