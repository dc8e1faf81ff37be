"""Writes what pycocotools makes of masks, for `tests/ground_truth/masks.rs`. Not run in CI.

Made with Python 3.11, pycocotools 2.0.11, numpy 2.4.6. Seed 20.

    python tests/golden/coco_masks.py

`coco_synthetic.json` is an instances file of random polygons and run lengths of every form, in small images; `coco_masks.json` holds, for it and
for the real subset in ../shared/data/coco, a line for every annotation (`annToMask`) and for every category of an image with and without
crowds: number of pixels inside and the first 16 digits of the SHA-256 of the mask's bytes (0 and 1, row by row).
"""

import contextlib
import hashlib
import io
import json
import random
from pathlib import Path

import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO

HERE = Path(__file__).resolve().parent
REAL = HERE.parents[2] / "shared" / "data" / "coco" / "instances.json"
IMAGES = 40
PER_IMAGE = 8


def coordinate(rng: random.Random, edge: int) -> float:
    """Anything a polygon may hold: inside, on the border, outside; whole, half, on a rounding's edge, with many digits."""
    value = rng.uniform(-0.2 * edge, 1.2 * edge)
    kind = rng.randrange(6)
    if kind == 0:
        return float(round(value))
    if kind == 1:
        return round(value) + 0.5
    if kind == 2:
        return round(value * 5) / 5 + 0.1
    if kind == 3:
        return round(value, 2)
    if kind == 4:
        return float(rng.choice([0, edge, edge - 1]))
    return value


def polygon(rng: random.Random, width: int, height: int) -> list[float]:
    points = [[coordinate(rng, width), coordinate(rng, height)] for _ in range(rng.choice([3, 3, 4, 5, 8, 20]))]
    if rng.random() < 0.2:
        # A corner twice, and the first one again at the end.
        points.insert(1, points[0])
        points.append(points[0])
    return [value for point in points for value in point]


def runs(rng: random.Random, width: int, height: int) -> dict:
    mask = np.zeros((height, width), dtype=np.uint8, order="F")
    for _ in range(rng.randrange(4)):
        x, y = rng.randrange(width), rng.randrange(height)
        mask[y : y + rng.randrange(1, height + 1), x : x + rng.randrange(1, width + 1)] = 1
    if rng.random() < 0.3:
        mask ^= (np.random.default_rng(rng.randrange(1 << 30)).random(mask.shape) < 0.4).astype(np.uint8)
    flat = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    if flat[0]:
        counts.insert(0, 0)
    if rng.random() < 0.5:
        return {"size": [height, width], "counts": counts}
    return {"counts": masks.encode(np.asfortranarray(mask))["counts"].decode("ascii"), "size": [height, width]}


def synthetic() -> dict:
    rng = random.Random(20)
    images, annotations = [], []
    for image_id in range(1, IMAGES + 1):
        width, height = rng.choice([(1, 1), (1, 7), (9, 1), (5, 4), (33, 21), (64, 64), (100, 37)])
        images.append({"id": image_id, "file_name": f"{image_id:012}.jpg", "width": width, "height": height})
        for _ in range(PER_IMAGE):
            crowd = rng.random() < 0.2
            if crowd or rng.random() < 0.4:
                segmentation = runs(rng, width, height)
            else:
                segmentation = [polygon(rng, width, height) for _ in range(rng.choice([1, 1, 1, 2, 4]))]
                if len(segmentation) > 1 and rng.random() < 0.2:
                    segmentation[-1] = segmentation[-1][: rng.randrange(6)]
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id, "category_id": rng.randrange(1, 4),
                "iscrowd": int(crowd), "area": 0, "bbox": [0, 0, 0, 0], "segmentation": segmentation,
            })
    categories = [{"id": number, "name": name} for number, name in enumerate(["cat", "dog", "hat"], 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def digest(mask: np.ndarray) -> str:
    return f"{int(mask.sum())} {hashlib.sha256(np.ascontiguousarray(mask).tobytes()).hexdigest()[:16]}"


def golden(path: Path) -> dict:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    of_annotation, of_category = [], []
    for image_id, image in coco.imgs.items():
        unions = {}
        for annotation in coco.imgToAnns[image_id]:
            mask = coco.annToMask(annotation)
            of_annotation.append(f"{annotation['id']} {digest(mask)}")
            for crowds in [True, False]:
                union = unions.setdefault((annotation["category_id"], crowds), np.zeros((image["height"], image["width"]), np.uint8))
                if crowds or not annotation["iscrowd"]:
                    union |= mask
        for (category, crowds), union in unions.items():
            of_category.append(f"{image_id} {category} {'all' if crowds else 'no-crowd'} {digest(union)}")
    return {"annotations": of_annotation, "categories": of_category}


def main() -> None:
    path = HERE / "coco_synthetic.json"
    whole = synthetic()
    lines = ",\n".join(json.dumps(annotation, separators=(",", ":")) for annotation in whole["annotations"])
    head = json.dumps({key: whole[key] for key in ("images", "categories")}, separators=(",", ":"))
    path.write_text(f'{head[:-1]},"annotations":[\n{lines}\n]}}\n')
    found = {"synthetic": golden(path), "real": golden(REAL)}
    (HERE / "coco_masks.json").write_text(json.dumps(found, indent=0) + "\n")
    print({name: {kind: len(lines) for kind, lines in of.items()} for name, of in found.items()})


if __name__ == "__main__":
    main()
