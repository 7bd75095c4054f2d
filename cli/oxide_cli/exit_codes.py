"""Exit codes that the command line decides on; failures of the engine carry their own. See docs/exit-codes.md."""

from __future__ import annotations

FAILED = 1
USAGE = 2
CONFLICT = 6
DAMAGED = 7
SOME_SKIPPED = 9
INTERRUPTED = 130
