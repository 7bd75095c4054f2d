"""Optional packages that take a result over."""

from __future__ import annotations

import importlib
from types import ModuleType

from oxide.errors import MissingExtra


def import_extra(name: str, extra: str = "frames") -> ModuleType:
    """The package of an extra, or the sentence that says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra(
            f"this needs {name}, which is not installed", hint=f"pip install 'oxide-data[{extra}]'"
        ) from None
