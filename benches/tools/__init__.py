"""The tools that are compared, each driven the way its users drive it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from benches.tools.base import Tool
from benches.tools.borg import Borg
from benches.tools.dvc import Dvc
from benches.tools.git import Git, GitLfs
from benches.tools.oxen import Oxen
from benches.tools.oxide import Oxide
from benches.tools.restic import Restic
from benches.workplace import Workplace

KINDS: list[type[Tool]] = [Oxide, Git, GitLfs, Dvc, Oxen, Restic, Borg]
NAMES = [kind.name for kind in KINDS]


def find_tools(workplace: Workplace, peers: Path | None, wanted: list[str]) -> list[Tool]:
    """Every wanted tool that is installed: on the PATH, or in the virtual environment `peers`."""
    folders = [str(Path(sys.executable).parent), *([str(peers / "bin")] if peers else []), os.environ.get("PATH", "")]
    path = os.pathsep.join(folders)
    found = []
    for kind in KINDS:
        if kind.name not in wanted:
            continue
        missing = [program for program in kind.programs if shutil.which(program, path=path) is None]
        tool = None if missing else kind(workplace, path)
        if tool is not None and tool.usable():
            found.append(tool)
        else:
            print(f"{kind.name} is not installed: its column stays as it was")
    return found
