"""Clips that carry the index of every frame in the picture, and the frames that decoding everything gives."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

WIDTH, HEIGHT, BITS = 96, 64, 12
DATA = Path(os.environ.get("OXIDE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def make_clip(
    path: Path,
    frames: int = 60,
    *,
    codec: str = "libx264",
    key_every: int = 12,
    b_frames: int = 0,
    uneven: bool = False,
    rate: int = 25,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip whose frame `i` shows the bits of `i` as bars, white for 1. `uneven`: frames last differently long."""
    av = pytest.importorskip("av", reason="needs the extra `video`")
    import numpy

    path.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(path.name)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size, stream.max_b_frames = key_every, b_frames
        stream.options = options or {}
        if codec == "libx264":
            stream.options = {"bf": str(b_frames), "sc_threshold": "0", **(options or {})}
        if codec != "mpeg2video":
            stream.codec_context.time_base = Fraction(1, 1000)
        now = 0
        for index in range(frames):
            bars = [255 * (index >> bit & 1) for bit in range(BITS)]
            row = numpy.repeat(numpy.array(bars, dtype=numpy.uint8), WIDTH // BITS)
            pixels = numpy.repeat(numpy.tile(row, (HEIGHT, 1))[:, :, None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = now, Fraction(1, 1000)
            now += chance.choice((10, 40, 170)) if uneven else 1000 // rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def index_shown(pixels: Any) -> int:
    """The index that a frame of `make_clip` shows."""
    bar = WIDTH // BITS
    middle = pixels[HEIGHT // 2, bar // 2 :: bar, 0]
    return sum(1 << bit for bit in range(BITS) if middle[bit] > 127)


def decoded(path: Path) -> Iterator[Any]:
    """Every frame of a file in the order in which a decoder gives them, RGB, as they are coded."""
    av = pytest.importorskip("av", reason="needs the extra `video`")
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def real_clips() -> list[Path]:
    """Real clips beside the checkout; the test is skipped where a machine has none."""
    found = [path for path in sorted((DATA / "videos").rglob("*")) if path.suffix in (".mp4", ".mov", ".mkv", ".avi")]
    if not found:
        pytest.skip("no real clips: ../shared/data is not beside the checkout (OXIDE_TEST_DATA names another folder)")
    return found
