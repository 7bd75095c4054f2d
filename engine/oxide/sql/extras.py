"""Optional packages that take a result over."""

from __future__ import annotations

from types import ModuleType

from oxide.errors import MissingExtra


def import_polars() -> ModuleType:
    """Polars, or the sentence that says how to get it."""
    try:
        import polars
    except ImportError:
        raise _missing("polars") from None
    return polars


def import_pandas() -> ModuleType:
    """pandas, or the sentence that says how to get it."""
    try:
        import pandas
    except ImportError:
        raise _missing("pandas") from None
    return pandas


def _missing(name: str) -> MissingExtra:
    return MissingExtra(f"This needs {name}, which is not installed.", hint=f"pip install {name}")
