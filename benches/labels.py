"""Labels in numbers that no single picture has: import, export, scattered edits, and what two commits differ in."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from benches.bench import Bench
from benches.process import Cost, run
from benches.sets import FileSet, LabelSet, make_files
from benches.tools.base import Tool, usage

ROOT = Path(__file__).resolve().parents[1]
BYTES_OF_A_PICTURE = 64
BYTES_OF_AN_ANNOTATION = 600
CATEGORIES = 80


def measure(bench: Bench, labels: LabelSet) -> None:
    """Oxide alone, all rounds of the import and one of the rest."""
    tool = bench.oxide
    if tool is None:
        return
    bench.workplace.need(BYTES_OF_AN_ANNOTATION * (2 * labels.annotations + labels.boxes))
    bench.results.begin(labels, [tool.name])
    print(f"\n{labels.title}: making the pictures and the COCO file")
    root = bench.workplace.root / labels.name
    tree, source, target = root / "tree", root / "instances.json", root / "boxes.json"
    pictures = FileSet("pictures", labels.pictures, BYTES_OF_A_PICTURE, BYTES_OF_A_PICTURE, 0)
    make_files(tree, pictures)
    tool.first(tree)
    make_coco(source, pictures, labels.annotations)

    def note(operation: str, cost: Cost) -> None:
        bench.results.add((labels.name, operation, tool.name), bench.versions[tool.name], cost, {})

    for _ in range(bench.rounds):
        bench.workplace.flush()
        note("import", tool.run(tree, "oxide", "import", "coco", str(source)))
        tool.run(tree, "oxide", "undo")
    before = stored(tool, tree)
    step(tool, tree, "fill", labels.boxes)
    facts = {"bytes a box": (stored(tool, tree) - before) / labels.boxes}
    bench.workplace.flush()
    note("export", tool.run(tree, "oxide", "export", "coco", str(target)))
    before = stored(tool, tree)
    note("edit", step(tool, tree, "edit", labels.edits))
    facts["growth"] = stored(tool, tree) - before
    step(tool, tree, "edit", labels.apart)
    for _ in range(bench.rounds):
        note("diff", tool.run(tree, "oxide", "diff", "HEAD~1", "HEAD"))
    for operation in ("stats", "stats again"):
        note(operation, tool.run(tree, "oxide", "stats", "--json"))
    for name, value in facts.items():
        bench.results.fact((labels.name, name, tool.name), bench.versions[tool.name], value)
    bench.workplace.put_aside(root)


def stored(tool: Tool, tree: Path) -> int:
    """Bytes of the store."""
    return usage(tool.stores(tree))[0]


def step(tool: Tool, tree: Path, name: str, number: int) -> Cost:
    """A step of :mod:`benches.label_steps`; its seconds are those that it prints, without Python's start."""
    cost = run([sys.executable, "-m", "benches.label_steps", name, str(tree), str(number)], ROOT, tool.environment)
    return Cost(float(cost.said), cost.processor, cost.memory, cost.written)


def make_coco(target: Path, pictures: FileSet, annotations: int) -> None:
    """A COCO file in the order of the published ones: images, annotations in no order, categories."""
    source = random.Random(pictures.name)
    with target.open("w") as out:
        out.write('{"info": {}, "licenses": [], "images": [')
        for number in range(pictures.files):
            name = pictures.name_of(number)
            image = {"license": 3, "file_name": name, "height": 480, "width": 640, "id": 7 * number + 3}
            out.write((", " if number else "") + json.dumps(image))
        out.write('], "annotations": [')
        for number in range(annotations):
            element = {"id": number + 1, "image_id": 7 * source.randrange(pictures.files) + 3, **outline(source)}
            out.write((", " if number else "") + json.dumps(element))
        categories = [{"supercategory": f"kind {id % 12}", "id": id, "name": f"thing {id}"} for id in range(CATEGORIES)]
        out.write(f'], "categories": {json.dumps(categories)}}}')


def outline(source: random.Random) -> dict[str, object]:
    """A polygon somewhere in the picture, with the keys of an annotation."""
    left, top, width, height = (source.uniform(0, most) for most in (500, 400, 130, 70))
    points = [
        (round(left + width * source.random(), 2), round(top + height * source.random(), 2))
        for _ in range(source.randint(6, 26))
    ]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return {
        "segmentation": [[number for point in points for number in point]],
        "area": round(width * height / 2, 4),
        "iscrowd": 0,
        "bbox": [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)],
        "category_id": source.randrange(CATEGORIES),
    }
