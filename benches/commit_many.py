"""Commits a new version of one file after the other: `python -m benches.commit_many TREE FILES FROM UNTIL`.

The tree holds so many files and keeps that number. Each commit opens the repository anew.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import oxide
from oxide.types import Person

from benches.sets import commit_files

tree, count, start, end = Path(sys.argv[1]), *(int(word) for word in sys.argv[2:])
files = commit_files(count)
source = random.Random(start)
for number in range(start, end):
    path = tree / files.name_of(number % count)
    path.write_bytes(source.randbytes(files.largest))
    repository = oxide.Repository.open(tree)
    repository.add([path])
    repository.commit(f"version {number}", author=Person("Bench", "bench@example.org"))
