"""Decodes every clip below a folder on all cores and does nothing else: `python -m benches.decode_clips FOLDER`."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import av


def decode(path: str) -> int:
    """The number of frames of a clip, all decoded."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "NONE"
        return sum(1 for _ in container.decode(stream))


def main() -> None:
    """Decode."""
    paths = sorted(str(path) for path in Path(sys.argv[1]).rglob("*.mp4"))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        print(sum(pool.map(decode, paths, chunksize=16)))


if __name__ == "__main__":
    main()
