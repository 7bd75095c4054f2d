"""System calls and what is created on disk, counted by strace on a set small enough for its slowness."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from benches.bench import Bench
from benches.process import Cost, run
from benches.sets import FileSet, make_files
from benches.tools.base import Tool
from benches.verify import holds

CREATING = re.compile(r"(?:open|openat|openat2|creat|mkdir|mkdirat|symlink|symlinkat)\(")
FAILED = re.compile(r"= -1 [A-Z]")


def measure(bench: Bench, files: FileSet) -> None:
    """Each tool once through storing all, status, one more and restoring all."""
    if shutil.which("strace") is None:
        print("strace is not installed: system calls are not counted")
        return
    root = bench.workplace.root / files.name
    print(f"\n{files.title}, traced")
    make_files(root / "original", files)

    def one_round(tool: Tool) -> None:
        tree = root / tool.name
        log = root / f"{tool.name}.strace"
        run(["cp", "-r", str(root / "original"), str(tree)])

        def traced(operation: str, act: Callable[[], Cost]) -> None:
            log.unlink(missing_ok=True)
            tool.prefix = ["strace", "-f", "-qq", "-s", "0", "-A", "-o", str(log)]
            try:
                act()
            finally:
                tool.prefix = []
            calls, created = counted(log)
            for name, value in (("system calls", calls), ("created", created)):
                place = (files.name, f"{operation}: {name}", tool.name)
                bench.results.fact(place, bench.versions[tool.name], value)

        try:
            traced("first", lambda: tool.first(tree))
            tool.status(tree)
            traced("status", lambda: tool.status(tree))
            name = "data/part_000/new.jpg"
            (tree / name).write_bytes(random.Random("new").randbytes(files.smallest))
            traced("one", lambda: tool.one(tree, name))
            bench.workplace.put_aside(tree / "data")
            traced("restore", lambda: tool.restore(tree))
            holds(tool.name, root / "original", tree)
        finally:
            bench.workplace.put_aside(tree, *(store for store in tool.stores(tree) if not store.is_relative_to(tree)))

    bench.take_turns(files, one_round, most=1)
    bench.workplace.put_aside(root)


def counted(log: Path) -> tuple[int, int]:
    """System calls in a log of strace, and how many of them created a file or folder or might have."""
    calls = created = 0
    pending: set[str] = set()
    with log.open(errors="replace") as lines:
        for line in lines:
            process, _, call = line.partition(" ")
            call = call.lstrip()
            if call.startswith(("+++", "---")):
                continue
            if call.startswith("<..."):
                if process in pending:
                    pending.discard(process)
                    created += not FAILED.search(call)
                continue
            calls += 1
            if CREATING.match(call) and (not call.startswith("open") or "O_CREAT" in call):
                if call.rstrip().endswith("<unfinished ...>"):
                    pending.add(process)
                else:
                    created += not FAILED.search(call)
    return calls, created
