"""Oxide: version control for image and video datasets.

``Repository.init/open`` give a repository, ``repository.at(REV)`` a snapshot: Arrow, Polars, pandas or SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oxide import errors as errors
    from oxide.repository import Repository as Repository
    from oxide.settings import Settings as Settings
    from oxide.snapshot import Snapshot as Snapshot

__all__ = ["Repository", "Settings", "Snapshot", "errors"]

_HOMES = {"Repository": "oxide.repository", "Settings": "oxide.settings", "Snapshot": "oxide.snapshot"}


def __getattr__(name: str) -> Any:  # importing oxide costs nothing until a name is used
    import importlib

    if name == "errors":
        return importlib.import_module("oxide.errors")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'oxide' has no attribute '{name}'")
