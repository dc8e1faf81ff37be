"""Splits on disk: rendered scenes at the model's size, what covers each patch, and the annotations.

`NAME.images.npy` u8 [n, 144, 144, 3]; `NAME.patches.npy` u8 [n, 12, 12], the category that covers most of the patch or 24 for background;
`NAME.covers.npy` u8 [objects, 12, 12], share of each patch that an object covers (255 = all), objects in order; `NAME.jsonl`, one scene a line.
"""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from catalogue import CATEGORIES, COLOUR_NAMES, SIDE

PATCH = 12
GRID = SIDE // PATCH
BACKGROUND = len(CATEGORIES)
RENDER_PX = 216  # drawn at 1.5 times the size and scaled down, which is the antialiasing of photos
BACKGROUND_SHARE = 0.15  # an object that covers less of a patch does not name it
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def pixel_values(images):
    """CLIP's normalisation of u8 [n, height, width, 3]."""
    return (torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def make_example(seed):
    """(image, patch labels, covers, record) of one seed."""
    import scenes  # here: the noise bank and the nominal areas are drawn on import, once a worker

    scene = scenes.sample_scene(seed)
    picture, masks = scenes.render(scene, RENDER_PX)
    image = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.BICUBIC))
    objects = scenes.annotate(scene, masks, RENDER_PX)
    cell = RENDER_PX // GRID
    votes = np.zeros((BACKGROUND + 1, GRID, GRID), np.float32)
    votes[BACKGROUND] = BACKGROUND_SHARE
    covers = []
    for o in objects:
        cover = o.pop("mask").reshape(GRID, cell, GRID, cell).mean((1, 3))
        votes[CATEGORIES.index(o["cat"])] += cover
        covers.append(np.round(cover * 255).astype(np.uint8))
        o.update(bbox=[round(float(v), 2) for v in o["bbox"]], cx=round(o["cx"], 3), cy=round(o["cy"], 3), area=round(o["area"], 1))
    return image, votes.argmax(0).astype(np.uint8), covers, dict(seed=seed, scene=scene["scene"], objs=objects)


def build(path, seed, count, jobs):
    """Draws `count` scenes from `seed` on into `path.*`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    images = np.lib.format.open_memmap(f"{path}.images.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
    patches = np.zeros((count, GRID, GRID), np.uint8)
    all_covers, lines = [], []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for k, (image, labels, covers, record) in enumerate(pool.imap(make_example, range(seed, seed + count), chunksize=16)):
            images[k], patches[k] = image, labels
            all_covers += covers
            lines.append(json.dumps(record))
    images.flush()
    np.save(f"{path}.patches.npy", patches)
    np.save(f"{path}.covers.npy", np.array(all_covers, np.uint8).reshape(-1, GRID, GRID))
    Path(f"{path}.jsonl").write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {count} scenes, {len(all_covers)} objects", flush=True)


class Split:
    """One or several built splits, read as one."""

    def __init__(self, *paths):
        self.records = [json.loads(line) for path in paths for line in Path(f"{path}.jsonl").read_text().splitlines()]
        self._images = [np.load(f"{path}.images.npy", mmap_mode="r") for path in paths]
        self._starts = np.cumsum([0] + [len(part) for part in self._images])
        self.patches = np.concatenate([np.load(f"{path}.patches.npy") for path in paths]).astype(np.int64)
        covers = np.concatenate([np.load(f"{path}.covers.npy") for path in paths])
        ends = np.cumsum([len(record["objs"]) for record in self.records])
        self.covers = np.split(covers, ends[:-1])

    def __len__(self):
        return len(self.records)

    def image(self, k):
        part = int(np.searchsorted(self._starts, k, "right")) - 1
        return self._images[part][k - self._starts[part]]

    def images(self, indices):
        return np.stack([self.image(k) for k in indices])

    def cover(self, k, category):
        """Share of each patch under any instance of the category, f64 [12, 12]."""
        own = [cover for cover, o in zip(self.covers[k], self.records[k]["objs"]) if o["cat"] == category]
        return np.max(own, axis=0) / 255.0

    def patch_colours(self, k):
        """Index of the colour of the object under each patch, -100 on background."""
        labels = self.patches[k]
        colours = np.full(labels.shape, -100, np.int64)
        for y, x in zip(*np.where(labels < BACKGROUND)):
            same = [o for o in self.records[k]["objs"] if o["cat"] == CATEGORIES[labels[y, x]]]
            if same:
                nearest = min(same, key=lambda o: abs((x + 0.5) / GRID - o["cx"]) + abs((y + 0.5) / GRID - o["cy"]))
                colours[y, x] = COLOUR_NAMES.index(nearest["color"])
        return colours

    def presence(self, indices):
        """Which categories are there: f32 [n, 24]."""
        rows = [[float(any(o["cat"] == c for o in self.records[k]["objs"])) for c in CATEGORIES] for k in indices]
        return torch.tensor(rows)
