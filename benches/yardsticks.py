"""What the machine can do with the same files at the same moment: copies, a walk, SHA-256 on all cores.

`cp -r` wanders with the state of the page cache, so a yardstick is measured beside every single run.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benches.process import run
from benches.workplace import Workplace, files_below

Yardsticks = dict[str, float]
"""Seconds by name: cp, flush (what is left to write after cp), walk, sha256."""


def copy(workplace: Workplace, source: Path, *, flush: bool = False) -> Yardsticks:
    """`cp -r` of a folder to a new one, with what `sync -f` takes after it where asked. It ends with a quiet disk."""
    target = workplace.root / "copy"
    workplace.flush()
    found = {"cp": run(["cp", "-r", str(source), str(target)]).seconds}
    if flush:
        found["flush"] = workplace.flush()
    workplace.put_aside(target)
    workplace.flush()
    return found


def copy_over(workplace: Workplace, source: Path, target: Path) -> Yardsticks:
    """`cp -r` of a folder over one with the same names."""
    workplace.flush()
    return {"cp": run(["cp", "-r", f"{source}/.", str(target)]).seconds}


def walk(folder: Path) -> Yardsticks:
    """A walk that reads each file's size and time."""
    # Without -printf (macOS) a test of the size makes find read the metadata all the same.
    action = ["-size", "+0", "-print"] if platform.system() == "Darwin" else ["-printf", "%s %T@"]
    return {"walk": run(["find", str(folder), "-type", "f", *action], discard=True).seconds}


def sha256(folder: Path) -> Yardsticks:
    """SHA-256 of all files on all cores, by OpenSSL, which holds no lock of Python's and uses the processor's best."""
    files = list(files_below(folder))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.perf_counter()
        list(pool.map(_digest, files))
        return {"sha256": time.perf_counter() - start}


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
