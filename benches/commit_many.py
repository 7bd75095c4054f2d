"""Commits one new file after the other: `commit_many.py TREE FROM UNTIL`. Each commit opens the repository anew."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import oxide
from oxide.types import Person

LENGTH = 2_048

tree, start, end = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for number in range(start, end):
    path = tree / "data" / f"commit_{number // 1_000:03}" / f"{number:06}.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(random.Random(number).randbytes(LENGTH))
    repository = oxide.Repository.open(tree)
    repository.add([path])
    repository.commit(f"file {number}", author=Person("Bench", "bench@example.org"))
