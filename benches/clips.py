"""Short clips: three frames of each, beside a loop on all cores that only decodes them."""

from __future__ import annotations

import importlib.util
import random
import struct
import sys
from pathlib import Path

from benches.bench import Bench
from benches.process import run
from benches.sets import ClipSet
from benches.tools.base import Tool

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT, RATE = 320, 240, 25
ENCODED = 50
"""Clips that are encoded; the others are those with a few bytes more, which makes them other contents."""
BYTES_OF_A_CLIP = 200_000


def measure(bench: Bench, clips: ClipSet) -> None:
    """Oxide alone, each round in a tree of its own."""
    tool = bench.oxide
    if tool is None or importlib.util.find_spec("av") is None:
        print("\nclips: not measured without oxide and its extra `video`")
        return
    bench.workplace.need(3 * clips.clips * BYTES_OF_A_CLIP)
    print(f"\n{clips.title}: making them")
    original = bench.workplace.root / clips.name / "original"
    make_clips(original / "clips", clips)

    def one_round(tool: Tool) -> None:
        tree = bench.workplace.root / clips.name / "tree"
        run(["cp", "-r", str(original), str(tree)])
        tool.run(tree, "oxide", "init")
        tool.run(tree, "oxide", "add", "clips")
        decoder = [sys.executable, "-m", "benches.decode_clips", str(tree / "clips")]
        bench.workplace.flush()
        beside = {"decoder": run(decoder, ROOT).seconds}
        cost = tool.run(tree, "oxide", "frames", "clips", "--into", "frames", "--first-middle-last")
        made = sum(1 for _ in (tree / "frames").rglob("*.jpg"))
        assert made == 3 * clips.clips, f"{made} frames of {clips.clips} clips"
        bench.results.add((clips.name, "frames", tool.name), bench.versions[tool.name], cost, beside)
        again = tool.run(tree, "oxide", "frames", "clips", "--into", "frames", "--first-middle-last")
        bench.results.add((clips.name, "again", tool.name), bench.versions[tool.name], again, beside)
        bench.workplace.put_aside(tree)

    bench.take_turns(clips, one_round, clips.rounds, ("oxide",))
    bench.workplace.put_aside(original)


def make_clips(folder: Path, clips: ClipSet) -> None:
    """Clips in ten class folders: H.264 with B-frames, a field of noise that moves."""
    import av
    import numpy

    source = numpy.random.default_rng(1)
    encoded = []
    for number in range(min(ENCODED, clips.clips)):
        path = folder / f"{number}.mp4"
        folder.mkdir(parents=True, exist_ok=True)
        field = source.integers(0, 255, (HEIGHT + clips.frames, WIDTH // 8, 3), numpy.uint8).repeat(8, axis=1)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=RATE)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.options = {"bf": "2", "g": "25"}
            for at in range(clips.frames):
                picture = numpy.ascontiguousarray(field[at : at + HEIGHT])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        encoded.append(path.read_bytes())
        path.unlink()
    chance = random.Random("clips")
    for number in range(clips.clips):
        place = folder / f"class_{number % 10}" / f"{number:06}.mp4"
        place.parent.mkdir(exist_ok=True)
        # A box that players skip (ISO/IEC 14496-12, 8.1.2).
        free = struct.pack(">I4sQ", 16, b"free", number)
        place.write_bytes(chance.choice(encoded) + free)
