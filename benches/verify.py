"""What a tool brought back is compared with what it was given, byte for byte: a wrong result has no time."""

from __future__ import annotations

import filecmp
from pathlib import Path

from benches.workplace import files_below


class WrongResult(Exception):
    """A tool did not bring back what it had stored."""


def holds(tool: str, wanted: Path, found: Path) -> None:
    """Every file below `wanted` is below `found` with the same bytes.

    Raises:
        WrongResult: with the first file that differs or is missing.
    """
    for file in files_below(wanted):
        name = file.relative_to(wanted)
        if not (found / name).is_file() or not filecmp.cmp(file, found / name, shallow=False):
            raise WrongResult(f"{tool}: {name} is not what was stored (in {found})")
