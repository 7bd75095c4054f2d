"""The main job end to end on real files: version, branch, change, merge, go back, label, query, check.

Makes a small dataset (rendered pictures, short videos, an annotation file) in a fresh folder, or copies the files of
`--data FOLDER`, then runs the installed `oxide` on it: every command is shown with what it prints and what that means.
The folder is left for exploration. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

SHAPES = ("circle", "square", "ring")
WIDTH, HEIGHT = 96, 64
Box = tuple[int, int, int, int]


# -- pictures and videos ---------------------------------------------------------------------------------------------
def render(shape: str, position: float, tint: int) -> tuple[bytes, Box]:
    """RGB pixels of a shape over a gradient, and the box around the shape (left, top, width, height)."""
    radius = 12
    centre_x = int(radius + position * (WIDTH - 2 * radius))
    centre_y = HEIGHT // 2 + int(10 * math.sin(position * 6))
    pixels = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            distance = math.hypot(x - centre_x, y - centre_y)
            inside = {
                "circle": distance <= radius,
                "square": max(abs(x - centre_x), abs(y - centre_y)) <= radius,
                "ring": radius - 5 <= distance <= radius,
            }[shape]
            pixels += bytes((230, tint, 60)) if inside else bytes((x, y * 2, (x + y + tint) // 2 % 256))
    return bytes(pixels), (centre_x - radius, centre_y - radius, 2 * radius + 1, 2 * radius + 1)


def png(pixels: bytes) -> bytes:
    """A PNG file of RGB pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + pixels[row * WIDTH * 3 : (row + 1) * WIDTH * 3] for row in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def avi(frames: list[bytes], rate: int = 12) -> bytes:
    """An AVI video of uncompressed frames (BI_RGB), which every player opens."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    def group(kind: bytes, body: bytes) -> bytes:
        return chunk(b"LIST", kind + body)

    size = WIDTH * HEIGHT * 3
    header = struct.pack(
        "<14I", 1_000_000 // rate, size * rate, 0, 0x10, len(frames), 0, 1, size, WIDTH, HEIGHT, 0, 0, 0, 0
    )
    stream = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", b"DIB ", 0, 0, 0, 0, 1, rate, 0, len(frames), size, 0, 0, 0, 0, WIDTH, HEIGHT
    )
    bitmap = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 24, 0, size, 0, 0, 0, 0)
    headers = group(b"hdrl", chunk(b"avih", header) + group(b"strl", chunk(b"strh", stream) + chunk(b"strf", bitmap)))
    movie = b""
    index = b""
    for frame in frames:
        index += b"00db" + struct.pack("<III", 0x10, 4 + len(movie), size)
        movie += chunk(b"00db", bottom_up_bgr(frame))
    return chunk(b"RIFF", b"AVI " + headers + group(b"movi", movie) + chunk(b"idx1", index))


def bottom_up_bgr(pixels: bytes) -> bytes:
    """Pixels in the order of Windows bitmaps."""
    swapped = bytearray(pixels)
    swapped[0::3], swapped[2::3] = pixels[2::3], pixels[0::3]
    stride = WIDTH * 3
    return b"".join(swapped[row * stride : (row + 1) * stride] for row in reversed(range(HEIGHT)))


def make_dataset(folder: Path) -> dict[str, Box]:
    """Pictures by shape, one video a shape, and the boxes of all pictures in one file, which are returned too."""
    annotations, boxes = [], []
    for number, shape in enumerate(SHAPES):
        (folder / "images" / shape).mkdir(parents=True)
        for index in range(8):
            pixels, box = render(shape, index / 7, 60 + 40 * number)
            path = f"images/{shape}/{shape}_{index:02}.png"
            (folder / path).write_bytes(png(pixels))
            annotations.append({"path": path, "label": shape, "bbox": box})
            boxes.append(box)
        (folder / "videos").mkdir(exist_ok=True)
        frames = [render(shape, frame / 23, 60 + 40 * number)[0] for frame in range(24)]
        (folder / "videos" / f"{shape}.avi").write_bytes(avi(frames))
    write_json(folder / "annotations.json", annotations)
    write_json(folder / "labels.json", list(SHAPES))
    return {str(annotation["path"]): box for annotation, box in zip(annotations, boxes, strict=True)}


def make_clips(folder: Path) -> None:
    """Four clips of each shape, in class folders."""
    for number, shape in enumerate(SHAPES):
        (folder / "clips" / shape).mkdir(parents=True)
        for index in range(4):
            frames = [render(shape, (frame + 3 * index) / 24, 60 + 40 * number)[0] for frame in range(12)]
            (folder / "clips" / shape / f"{shape}_{index}.avi").write_bytes(avi(frames))


def copy_dataset(source: Path, folder: Path) -> None:
    """A copy of the user's files: the originals are only read."""
    shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".oxide", ".git"))


def write_json(path: Path, value: object) -> None:
    """Readable JSON, one entry a line."""
    lines = ",\n ".join(json.dumps(entry) for entry in value) if isinstance(value, list) else json.dumps(value)
    path.write_text(f"[{lines}]\n" if isinstance(value, list) else lines + "\n", encoding="utf-8")


# -- running oxide ---------------------------------------------------------------------------------------------------
class Show:
    """Runs `oxide` in a folder and shows it. Long output is shortened on the screen, never in what is returned."""

    LINES = 16

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands = 0
        self.bold, self.plain = (
            ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
        )
        beside = Path(sys.executable).parent / "oxide"
        found = str(beside) if beside.exists() else shutil.which("oxide")
        if found is None:
            sys.exit("missing: the command `oxide`; `make demo` installs it")
        self.oxide = found
        self.environment = {"OXIDE_USER_NAME": "Demo", "OXIDE_USER_EMAIL": "demo@example.org", **os.environ}

    def step(self, title: str, meaning: str) -> None:
        """Introduce what comes."""
        print(f"\n{self.bold}== {title}{self.plain}\n{meaning}")

    def __call__(self, *arguments: str, expect: int = 0, quiet: bool = False) -> str:
        """Run one command; end the demo when it does not end as expected."""
        done = subprocess.run(
            [self.oxide, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        self.commands += 1
        if not quiet or done.returncode != expect:
            print(f"\n{self.bold}$ oxide {shlex.join(arguments)}{self.plain}")
            for line in self._shortened(done.stdout + done.stderr):
                print(f"  {line}")
        if done.returncode != expect:
            sys.exit(
                f"\nThe demo stops: this ended with {done.returncode}, expected was {expect}. Files: {self.folder}"
            )
        return done.stdout

    def did(self, text: str) -> None:
        """Say what was done outside of oxide."""
        print(f"\n  [{text}]")

    def _shortened(self, output: str) -> Iterator[str]:
        lines = output.rstrip().splitlines()
        yield from lines[: self.LINES]
        if len(lines) > self.LINES:
            yield f"... {len(lines) - self.LINES} more lines"


def tree(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes, links with their target."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if ".oxide" not in path.relative_to(folder).parts and (path.is_symlink() or path.is_file())
    }


# -- the story -------------------------------------------------------------------------------------------------------
def story(oxide: Show, boxes: dict[str, Box]) -> int:
    """Tell it; returns how many checks held. What it changes are any of the user's files."""
    folder = oxide.folder
    checks = 0

    def same(expected: dict[str, bytes], what: str) -> None:
        nonlocal checks
        if tree(folder) != expected:
            sys.exit(f"\nThe demo stops: {what} differs from what was committed. Files: {folder}")
        checks += 1
        oxide.did(f"checked: {what} equals what was committed, byte for byte")

    oxide.step("Put it under version control", "Everything Oxide keeps lies in .oxide; your files stay ordinary files.")
    oxide("init")
    oxide("status")
    oxide("add", ".")
    oxide("commit", "-m", "First version of the dataset")
    first = tree(folder)
    changed, removed = pick_victims(first)

    oxide.step("Try something on a branch", "An experiment changes, adds and removes files; main stays as it is.")
    oxide("checkout", "-b", "experiment/crops")
    change_file(folder / changed)
    (folder / "crops").mkdir()
    for index in range(3):
        (folder / "crops" / f"crop_{index}.png").write_bytes(png(render(SHAPES[index], 0.5, 200)[0]))
    (folder / removed).unlink()
    oxide.did(f"changed {changed}, removed {removed}, added a folder crops/ with 3 pictures")
    oxide("status")
    oxide("diff", "--stat")
    oxide("add", ".")
    oxide("commit", "-m", "Crops, and a corrected file")
    experiment = tree(folder)

    oxide.step(
        "Go back, and forth", "A checkout brings a commit back exactly: the folder that main does not have is gone."
    )
    oxide("checkout", "main")
    same(first, "main")
    oxide("checkout", "experiment/crops", quiet=True)
    same(experiment, "experiment/crops")
    oxide("checkout", "main", quiet=True)

    oxide.step(
        "Main moves on too, then both are merged", "Different files merge on their own; one commit has both parents."
    )
    (folder / "NOTES.txt").write_text("Collected by the demo; licence: CC0.\n", encoding="utf-8")
    oxide("add", "NOTES.txt")
    oxide("commit", "-m", "Say where the data comes from")
    oxide("diff", "main..experiment/crops", "--stat")
    oxide("merge", "experiment/crops")
    oxide("log", "--graph")
    same({**experiment, "NOTES.txt": (folder / "NOTES.txt").read_bytes()}, "the merge")
    merged = tree(folder)

    oxide.step(
        "Mistakes are cheap",
        "Unsaved work is never overwritten unasked; restore brings back one file, undo a whole operation.",
    )
    change_file(folder / changed)
    oxide.did(f"changed {changed} without committing it")
    oxide("checkout", "HEAD~1", expect=6)
    oxide("restore", "--force", changed)
    same(merged, "the restored file")
    oxide("restore", "--source", "HEAD~1", removed)
    oxide.did(f"{removed} is back from before the merge; take that back too:")
    oxide("undo")
    oxide("status")
    same(merged, "the tree after undo")
    oxide("operations")

    label_story(oxide, boxes)
    same(merged, "the tree, which no label touches,")

    oxide.step("Ask questions in SQL", "Files, labels and history are tables, at any revision.")
    by_kind = "regexp_extract(path, '[.][^.]*$') AS kind, count(*) AS files, sum(size) AS bytes"
    oxide("sql", f"SELECT {by_kind} FROM files GROUP BY kind ORDER BY bytes DESC")
    oxide("sql", "SELECT count(*) AS files, count(DISTINCT content_id) AS different FROM files", "--at", "HEAD~1")
    joined = "FROM annotations JOIN files USING (item_id) LEFT JOIN metadata USING (item_id)"
    oxide("sql", f"SELECT path, label, x, y, w, h, attributes, value AS metadata {joined} ORDER BY path, label")
    oxide("sql", "SELECT message, author_name FROM commits ORDER BY time DESC LIMIT 5")

    ask_in_every_way(oxide)

    oxide.step("Trust it", "Reads everything that is stored and compares it with its digests.")
    oxide("fsck", "--data")
    oxide("du")
    return checks


def clip_story(oxide: Show) -> int:
    """Clips in classes: a hold-out, three branches of frames, and their distributions; returns how many checks held."""
    folder = oxide.folder
    oxide.step(
        "Clips in classes",
        "A second dataset: short videos in a folder a class. Each is classified as what its folder says.",
    )
    oxide("init")
    oxide("add", ".")
    for path in sorted(folder.rglob("*.avi")):
        oxide("annotate", path.relative_to(folder).as_posix(), "--label", path.parent.name, quiet=True)
    oxide("commit", "-m", "Clips with their classes")

    oxide.step(
        "Hold some out",
        "One clip a class becomes a test set that is frozen: no later commit on any branch may train on it.",
    )
    oxide("split", "create", "test", "--per-class", "1", "--freeze")
    oxide("split", "create", "train", "--ratio", "1")
    oxide("commit", "-m", "A test set that holds")
    oxide("split", "list")
    main = tree(folder)

    oxide.step(
        "Frames on three branches",
        "The first, three, and every frame of each clip, with the clip's labels; held-out clips are left out.",
    )
    for branch, way in (("first", "--first"), ("three", "--first-middle-last"), ("every", "--all")):
        oxide("checkout", "main", quiet=True)
        oxide("checkout", "-b", f"frames/{branch}", quiet=True)
        oxide("frames", "clips", "--into", "frames", way)
        oxide("commit", "-m", f"Frames: {branch}")
    oxide("checkout", "main")
    if tree(folder) != main:
        sys.exit(f"\nThe demo stops: main differs from what was committed. Files: {folder}")
    oxide.did("checked: main equals what was committed, byte for byte; the folder frames/ is gone")

    oxide.step("The hold-out holds", "A copy of a held-out clip under another name is refused.")
    held = oxide("split", "show", "test", quiet=True).splitlines()[0]
    shutil.copyfile(folder / held, folder / "clips" / "another_name.avi")
    oxide("add", "clips/another_name.avi")
    oxide("commit", "-m", "Train on it after all", expect=8)
    oxide("restore", "--staged", "clips/another_name.avi", quiet=True)
    (folder / "clips" / "another_name.avi").unlink()
    oxide("split", "check")

    oxide.step(
        "See the distributions before training", "Of one branch with bars, of all side by side, and as a picture."
    )
    oxide("stats", "frames/three")
    drawn = folder.parent / "distributions.png"
    oxide("stats", "--branches", "--plot", str(drawn))
    oxide("fsck", "--data", quiet=True)
    return 1


def label_story(oxide: Show, boxes: dict[str, Box]) -> None:
    """Labels on two branches: both change the same box, each in its own way, and are merged."""
    first, second = pick_pictures(tree(oxide.folder), boxes)
    left, top, width, height = boxes.get(first, (4, 4, 20, 16))
    box = [left + 3, top + 2, width, height]  # drawn in haste, to be corrected

    oxide.step(
        "Label what is in the pictures",
        "Annotations, metadata and the labels that there are lie in the same commit as the files. No file is touched.",
    )
    oxide("label", "add", "shape", "--color", "#33aa33", "--attribute", "tone=bright,dark")
    identifier = oxide("annotate", first, "--label", "shape", "--box", numbers(box)).strip()
    oxide("annotate", second, "--label", "shape", "--box", numbers(boxes.get(second, (2, 2, 12, 12))))
    oxide("metadata", "set", first, second, "source=demo", "camera.lens=35")
    oxide("status")
    oxide("commit", "-m", "Label two pictures")
    oxide("annotations", first)

    oxide.step(
        "Two people correct the same box",
        "One moves it, on a branch. On main the other says more about it, and draws a second one.",
    )
    oxide("checkout", "-b", "boxes", quiet=True)
    moved = numbers((left, top, width, height))
    oxide("annotate", first, "--id", identifier, "--label", "shape", "--box", moved)
    oxide("commit", "-m", "Move the box to where the shape is")
    oxide("checkout", "main", quiet=True)
    described = ["--box", numbers(box), "--attribute", "tone=bright"]
    oxide("annotate", first, "--id", identifier, "--label", "shape", *described)
    oxide("annotate", first, "--label", "corner", "--box", "0,0,6,6")
    oxide("commit", "-m", "Say more about the picture")
    oxide("merge", "boxes")
    oxide("annotations", first)
    oxide("diff", "HEAD~1", "HEAD", "--rows", "annotations")
    drawn = oxide.folder.parent / "difference"
    oxide("diff", "HEAD~2", "HEAD", "--render", str(drawn))
    oxide.did(f"the pictures in {drawn} show each box before and after")

    oxide.step(
        "Rename a label everywhere",
        "First what it would do, then as one commit; a label that is in use but not defined is found.",
    )
    oxide("label", "rename", "shape", "form", "--dry-run")
    oxide("label", "rename", "shape", "form", "-m", "One word for shapes")
    oxide("label", "check", expect=1)
    oxide("label", "merge", "corner", "form", "-m", "A corner is a form too")
    oxide("label", "list", "--count")


def ask_in_every_way(oxide: Show) -> None:
    """One question as text, as JSON, in SQL and with Filters: the same rows."""
    from oxide import Filters, Repository

    oxide.step(
        "Ask which pictures",
        "The same question in four ways: text, JSON, SQL, Python. Labels, metadata and files are one document.",
    )
    by_text = oxide("query", "label:form metadata.source:demo -metadata.camera.lens>50").splitlines()
    filters = {"annotations.label": "form", "metadata.source": "demo"}
    wide = {"$not": {"metadata.camera.lens": {"$gt": 50}}}
    by_json = oxide("query", json.dumps({**filters, **wide})).splitlines()
    by_sql = oxide(
        "sql",
        "SELECT path FROM files WHERE item_id IN (SELECT item_id FROM annotations WHERE label = 'form')"
        " AND item_id IN (SELECT item_id FROM metadata WHERE value ->> '$.source' = 'demo') ORDER BY path",
        "--csv",
    ).splitlines()[1:]
    question = Filters("metadata.user.source", "demo").add_join("label", "form")
    with_filters = Repository.open(oxide.folder).query(question).paths
    oxide.did(
        oxide.did(
            f"in Python: repo.query(Filters('metadata.user.source', 'demo').add_join('label', 'form')): {with_filters}"
        )
    )
    if not by_text == by_json == by_sql == with_filters:
        sys.exit(f"\nThe demo stops: four ways, different rows: {by_text} {by_json} {by_sql} {with_filters}")
    oxide("query", "label:form OR size>1000000", "--count")
    oxide("query", json.dumps({"annotations": {"$match": {"label": "form"}, "$count": {"$gte": 2}}}))
    oxide("query", json.dumps({"$changedSince": "HEAD~3"}), "--count")
    oxide("query", "label:form", "--explain")


def pick_pictures(files: dict[str, bytes], boxes: dict[str, Box]) -> tuple[str, str]:
    """Two files to label: pictures with known boxes, else pictures, else any."""
    names = [name for name in files if Path(name).name != "NOTES.txt"]
    known = [name for name in names if name in boxes]
    pictures = [name for name in names if name.lower().endswith((".png", ".jpg", ".jpeg"))]
    first, second = next(some for some in (known, pictures, names) if len(some) > 1)[:2]
    return first, second


def numbers(values: Sequence[int]) -> str:
    """Numbers as an option takes them."""
    return ",".join(map(str, values))


def pick_victims(files: dict[str, bytes]) -> tuple[str, str]:
    """Two different files: one to change (a text when there is one) and one to remove."""
    names = [name for name in files if Path(name).name != "NOTES.txt"]
    if len(names) < 2:
        sys.exit("The demo needs a folder with at least two files.")
    texts = [name for name in names if name.endswith((".json", ".txt", ".csv", ".xml"))]
    changed = (texts or names)[0]
    return changed, next(name for name in reversed(names) if name != changed)


def change_file(path: Path) -> None:
    """A small edit at the end, as a tool that appends would make it; links get another target."""
    if path.is_symlink():
        target = os.readlink(path)
        path.unlink()
        path.symlink_to(target + ".changed")
        return
    with path.open("ab") as file:
        file.write(b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Oxide's main job, end to end, in a fresh folder.")
    parser.add_argument("--data", type=Path, help="use a copy of this folder instead of the rendered dataset")
    options = parser.parse_args()
    if options.data is not None and not options.data.is_dir():
        sys.exit(f"DATA names no folder: {options.data}")
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="oxide-demo-")) / "dataset"
    folder.mkdir()
    if options.data is None:
        print("Rendering a dataset: 24 pictures of three shapes, 3 short videos, their boxes ...")
        boxes = make_dataset(folder)
    else:
        print(f"Copying {options.data} ...")
        copy_dataset(options.data, folder)
        boxes = {}
    files = tree(folder)
    print(f"{len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB, in {folder}")
    oxide = Show(folder)
    checks = story(oxide, boxes)
    clips = Show(folder.parent / "clips")
    clips.folder.mkdir()
    make_clips(clips.folder)
    checks += clip_story(clips)
    print(
        f"\nDone: {oxide.commands + clips.commands} commands in {time.monotonic() - started:.1f} s, "
        f"{checks} trees compared byte for byte, store clean."
        f"\nLook around:  cd {folder}  and try  {oxide.oxide} --help"
    )


if __name__ == "__main__":
    main()
