"""Writes `tests/golden/localisation.json`: figures of maps against masks as NumPy and scikit-learn have them. Not run in CI.

Made with numpy 2.4.6, scikit-learn 1.9.1, pycocotools 2.0.11; seed 4.

    python tests/golden/localisation.py FOLDER_OF_COCO

`pixels`: small maps with `values` and `inside` (one character a pixel), with ties, empty and full masks, constants.
`views`: a patch map on a photo: `size` [width, height], `framing`, 6 x 6 `values` (shorter edge to 48 pixels, patches of 8), `inside`, and the
figures of both `seen` and `paper`, from the preprocessing's own formulas.
`coco`: real masks (union of a category's instances) against the 8-bit map `heat` below.
Figures that are not defined are null. `mse` is on 0..255 for bytes and on min-max elsewhere; `steps` are [threshold, tp, fp].
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

HERE = Path(__file__).parent
# No centre of a pixel lies exactly on an edge between patches, where either would be right.
SIZES = [(98, 62, "crop"), (98, 62, "pad"), (40, 76, "crop"), (40, 76, "pad"), (48, 48, "crop")]


def heat(width, height, seed):
    """An 8-bit map by integers alone, so that any language makes the same."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    return ((x * 160 // width + y * 60 // height + ((x * 73) ^ (y * 151)) % 64 + seed) % 256).astype(np.uint8)


def figures(h, g, unit):
    h, g = h.astype(np.float64).ravel(), g.ravel().astype(bool)
    tau = h.mean()
    b = h >= tau
    tp, fp, fn, tn = (int(v.sum()) for v in (b & g, b & ~g, ~b & g, ~b & ~g))
    lo, hi = unit if unit else (h.min(), h.max())
    part = lambda a, of: a / of if of else None
    negative, total = bool((h < 0).any()), h.sum()
    mass = None if negative or total <= 0 else float(h[g].sum() / total)
    both = g.any() and not g.all()
    top = h == h.max()
    return {
        "mask_area": int(g.sum()), "pixels": int(g.size), "threshold": float(tau), "tp": tp, "fp": fp, "fn": fn, "tn": tn,
        "precision": part(tp, tp + fp), "recall": part(tp, tp + fn), "iou": part(tp, tp + fp + fn),
        "mse": float((((h - lo) / (hi - lo) - g) ** 2).mean()) if hi > lo else None,
        "mass": mass,
        "mass_ratio": float(mass / g.mean()) if mass is not None and g.any() else None,
        "pointing_game": float(g[top].mean()) if g.any() else None,
        "roc_auc": float(roc_auc_score(g, h)) if both else None,
        "average_precision": float(average_precision_score(g, h)) if g.any() else None,
    }


def steps(h, g):
    return [[float(t), int(((h >= t) & g).sum()), int(((h >= t) & ~g).sum())] for t in np.unique(h)[::-1]]


def pixels(rng):
    g = rng.random(60) < 0.3
    ties = (rng.random(60) * 8).round() / 8
    maps = {
        "noise": (rng.random(60), g), "ties": (ties, g), "signed": (rng.standard_normal(60), g),
        "tiny": (rng.random(60) * 1e-6, g), "empty": (ties, np.zeros(60, bool)), "full": (ties, np.ones(60, bool)),
        "constant": (np.full(60, 0.1), g), "zero": (np.zeros(60), g), "found": (g * 0.5 + 0.25, g), "one": (np.array([0.3]), np.array([True])),
    }
    for name, (h, g) in maps.items():
        h = h.astype(np.float32)
        yield {"name": name, "values": [float(v) for v in h], "inside": bits(g), "figures": figures(h, g, None),
               "steps": steps(h, g)}


def bits(g):
    return "".join("1" if v else "0" for v in g.ravel())


def views(rng):
    for w, h, framing in SIZES:
        values = rng.random((6, 6)).astype(np.float32) * np.float32(1e-2)
        y, x = np.mgrid[0:h, 0:w]
        inside = ((x - w * 0.2) / (w * 0.3)) ** 2 + ((y - h * 0.6) / (h * 0.3)) ** 2 < 1
        if framing == "crop":
            short = min(w, h)
            rw, rh = 48 * w // short, 48 * h // short
            ix, iy = (x + 0.5) * rw / w - (rw - 48) // 2, (y + 0.5) * rh / h - (rh - 48) // 2
        else:
            side = max(w, h)
            ix, iy = (x + 0.5 + (side - w) // 2) * 48 / side, (y + 0.5 + (side - h) // 2) * 48 / side
        col, row = np.floor(ix / 8).astype(int), np.floor(iy / 8).astype(int)
        seen = (col >= 0) & (col < 6) & (row >= 0) & (row < 6)
        full = np.where(seen, values[row.clip(0, 5), col.clip(0, 5)], np.float32(0))
        yield {"size": [w, h], "framing": framing, "values": [float(v) for v in values.ravel()], "inside": bits(inside),
               "seen": figures(full[seen], inside[seen], None), "paper": figures(full, inside, None)}


def coco(folder):
    from pycocotools.coco import COCO

    data = COCO(folder / "instances.json")
    pairs = []
    for image_id in sorted(data.imgs)[:40:2]:
        annotations = data.imgToAnns[image_id]
        for category in sorted({a["category_id"] for a in annotations})[:2]:
            pairs.append((image_id, category, [a for a in annotations if a["category_id"] == category]))
    for seed, (image_id, category, annotations) in enumerate(pairs):
        image = data.imgs[image_id]
        inside = np.zeros((image["height"], image["width"]), bool)
        for annotation in annotations:
            inside |= data.annToMask(annotation).astype(bool)
        h = heat(image["width"], image["height"], seed)
        yield {"image_id": image_id, "category": data.cats[category]["name"], "seed": seed,
               "size": [image["width"], image["height"]], "figures": figures(h, inside, (0.0, 255.0))}


def main():
    rng = np.random.default_rng(4)
    out = {"pixels": list(pixels(rng)), "views": list(views(rng)), "coco": list(coco(Path(sys.argv[1])))}
    lines = [f'"{key}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]" for key, cases in out.items()]
    (HERE / "localisation.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
