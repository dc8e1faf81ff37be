"""Scenes: what is where (`sample_scene`), the picture with exact masks (`render`), what counts as visible (`annotate`).

A scene is a plain dictionary of a seed. The order of the random draws is part of the format: `assets/demo/images` must come out of the
seeds in `instances.json` bit for bit (make.py --check-images).
"""

import math

import numpy as np
import skia

import backdrops
import objects_indoors
import objects_outdoors
from canvas import NOISE_FINE, NOISE_MEDIUM, SKIA_RGBA, Pen, jitter, noise_crop
from catalogue import (
    CATEGORIES, COLOURS, MIN_AREA, MIN_VISIBLE, NEVER_STRAY, PALETTES, PROGRAMS, SCENES, SHAPES, SIDE, STRAY_CHANCE,
)  # fmt: skip

DRAW = {**objects_outdoors.DRAW, **objects_indoors.DRAW}
FREELY_TURNED = ("kite", "banana", "apple")  # turned about their middle; the rest stands on its foot
HANGING = ("sky", "wall", "bldg", "water")  # places without a shadow, painted first


# ---------------------------------------------------------------- sampling


def sample_scene(seed, scene=None):
    """Chooses backdrop geometry, categories, and a place, size, colour and pose for every instance."""
    rng = np.random.default_rng(seed)
    scene = scene or SCENES[rng.integers(len(SCENES))]
    layout = sample_layout(rng, scene)
    objects, boxes = [], []
    for category, count, place in sample_categories(rng, scene):
        colour = PALETTES[category][rng.integers(len(PALETTES[category]))]
        for k in range(count):
            if k and rng.random() < 0.4:
                colour = PALETTES[category][rng.integers(len(PALETTES[category]))]
            x, y, size, box, actual, flying = place_object(rng, category, place, layout, boxes)
            boxes.append(box)
            objects.append(
                dict(
                    cat=category, color=colour, x=float(x), y=float(y), s=float(size),
                    rot=float(np.clip(rng.normal() * 0.5, -1, 1) * SHAPES[category][2]), flip=bool(rng.random() < 0.5),
                    seed=int(rng.integers(1 << 31)), fly=flying or (category == "bird" and actual == "sky"), place=actual,
                    behind=actual == "behind",
                )
            )  # fmt: skip
    objects.sort(key=lambda o: (0 if o["place"] in HANGING else (1 if o["behind"] else 2), o["y"]))
    return dict(seed=seed, scene=scene, layout=layout, objs=objects)


def sample_layout(rng, scene):
    """`ground`: where the floor, table or street begins; `horizon` where there is water."""
    if scene == "beach":
        horizon = rng.uniform(44, 60)
        return dict(horizon=horizon, ground=horizon + rng.uniform(22, 32))
    if scene == "lake":
        return dict(horizon=rng.uniform(44, 60), ground=rng.uniform(112, 122))
    ranges = dict(park=(54, 72), street=(74, 86), room=(84, 98), kitchen=(70, 84), office=(70, 84))
    return dict(ground=rng.uniform(*ranges[scene]))


def sample_categories(rng, scene):
    """(category, count, place), following the scene's program; tried again until it is neither empty nor crowded."""
    for _ in range(20):
        present, wanted = [], []
        for category, chance, given, weights, place in PROGRAMS[scene]:
            if rng.random() < max([chance] + [v for k, v in given.items() if k in present]):
                present.append(category)
                count = 1 + rng.choice(len(weights), p=np.array(weights) / sum(weights))
                wanted.append((category, count, place))
        usual = {entry[0] for entry in PROGRAMS[scene]}
        for category in CATEGORIES:
            if category not in usual and category not in NEVER_STRAY and rng.random() < STRAY_CHANCE:
                wanted.append((category, 1, "table" if scene in ("kitchen", "office") else "ground"))
                present.append(category)
        if 1 <= len(present) <= 6 and sum(entry[1] for entry in wanted) <= 9:
            break
    return wanted


def stand(rng, place, layout):
    """Height of the foot, and the scale that goes with that depth, for each kind of place."""
    ground, horizon = layout["ground"], layout.get("horizon", layout["ground"])
    depth = SIDE - ground
    if place == "ground":
        y = rng.uniform(max(ground + 6, ground + 0.25 * depth), SIDE - 3)
        return y, 0.62 + 0.5 * (y - ground) / depth
    if place == "water":
        y = rng.uniform(horizon + 5, min(ground, 112) - 3)
        return y, 0.5 + 0.7 * (y - horizon) / (SIDE - horizon)
    if place == "sky":
        return rng.uniform(22, max(30, horizon - 4)), rng.uniform(0.75, 1.1)
    if place == "road":
        y = rng.uniform(ground + 14, SIDE - 4)
        return y, 0.85 + 0.4 * (y - ground) / depth
    if place == "curb":
        near = rng.random() < 0.75
        y = rng.uniform(ground + 1, ground + 16) if near else rng.uniform(ground + 16, SIDE - 4)
        return y, 0.8 + 0.35 * (y - ground) / depth
    if place == "bldg":
        return rng.uniform(34, ground - 18), 0.8
    if place == "wall":
        return rng.uniform(24, min(54, ground - 22)), rng.uniform(0.75, 1.15)
    if place == "stand":
        return ground + rng.uniform(-2, 14), rng.uniform(0.85, 1.15)
    if place == "table":
        y = rng.uniform(ground + 14, SIDE - 5)
        return y, 1.0 + 0.4 * (y - ground) / depth
    if place == "tback":
        y = rng.uniform(ground + 6, ground + 36)
        return y, 1.05 + 0.35 * (y - ground) / depth
    return ground + rng.uniform(24, 36), 1.5  # behind the table


def overlap(first, second):
    """Common area as a share of the smaller box."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0

    def area(box):
        return (box[2] - box[0]) * (box[3] - box[1])

    return width * height / min(area(first), area(second))


def place_object(rng, category, place, layout, boxes):
    """The least overlapping of up to twelve tries."""
    height, half_width, _ = SHAPES[category]
    best, tolerated = None, rng.choice([0.05, 0.15, 0.35])
    for _ in range(12):
        actual = place
        if place == "both":
            actual = "sky" if rng.random() < 0.4 else "ground"
        y, scale = stand(rng, actual, layout)
        size = height * scale * float(np.exp(rng.normal() * 0.2))
        half = half_width * size
        x = rng.uniform(min(half * 0.85, 70), max(SIDE - half * 0.85, 74))
        box = (x - half, y - size, x + half, y)
        covered = max([overlap(box, other) for other in boxes], default=0)
        if best is None or covered < best[0]:
            best = (covered, x, y, size, box, actual, actual == "sky")
        if covered < tolerated:
            break
    return best[1:]


# ---------------------------------------------------------------- rendering


def render(scene, size_px=288):
    """The picture, u8 **shape** [size_px, size_px, 3], and one visible-pixel mask an object, bool [size_px, size_px]."""
    scale = size_px / SIDE
    rng = np.random.default_rng(scene["seed"] + 10**9)
    backdrop = backdrops.Backdrop(size_px, rng)
    backdrops.PAINT[scene["scene"]](backdrop, rng, dict(scene["layout"]))
    image, masks = backdrop.pixels, []
    table = image.copy() if any(o["behind"] for o in scene["objs"]) else None
    for o in scene["objs"]:
        mask = draw_object(image, o, size_px, scale)
        if o["behind"]:
            edge = int(scene["layout"]["ground"] * scale)
            image[edge:] = table[edge:]
            mask[edge:] = False
        for earlier in masks:
            earlier &= ~mask
        masks.append(mask)
    return develop(image, scene["seed"], size_px, scale), masks


def draw_object(image, o, size_px, scale):
    """Paints one object with texture and contact shadow; returns the pixels it covers."""
    rng = np.random.default_rng(o["seed"])
    colour, category, size = jitter(rng, COLOURS[o["color"]]), o["cat"], o["s"]
    _, half_width, rotation = SHAPES[category]
    reach = max(half_width, 0.5) * size * 1.35 + 3
    top, bottom = o["y"] - size * 1.3 - 3, o["y"] + size * 0.35 + 3
    if rotation >= 180:
        top, bottom = o["y"] - size * 1.4, o["y"] + size * 0.4
    x0, y0 = max(0, math.floor((o["x"] - reach) * scale)), max(0, math.floor(top * scale))
    x1, y1 = min(size_px, math.ceil((o["x"] + reach) * scale)), min(size_px, math.ceil(bottom * scale))
    mask = np.zeros((size_px, size_px), bool)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return mask
    surface = skia.Surface(x1 - x0, y1 - y0)
    canvas = surface.getCanvas()
    canvas.clear(0)
    canvas.translate(-x0, -y0)
    canvas.scale(scale, scale)
    canvas.translate(o["x"], o["y"])
    if rotation >= 180 or category in FREELY_TURNED:
        canvas.translate(0, -size * 0.5)
        canvas.rotate(o["rot"])
        canvas.translate(0, size * 0.5)
    else:
        canvas.rotate(o["rot"])
    canvas.scale(-size if o["flip"] else size, size)
    extra = (o["fly"],) if category == "bird" else ()
    DRAW[category](Pen(canvas), rng, colour, *extra)
    layer = surface.makeImageSnapshot().toarray(colorType=SKIA_RGBA).astype(np.float32)  # not premultiplied
    alpha = layer[..., 3] / 255
    texture = noise_crop(NOISE_MEDIUM, alpha.shape[1], alpha.shape[0], rng, scale)[..., None]
    rgb = np.clip(layer[..., :3] * (1 + 0.055 * texture) + 2.5 * texture, 0, 255)
    if o["place"] not in HANGING:
        cast_shadow(image, o, half_width * size * 1.02, size_px, scale)
    image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - alpha[..., None]) + rgb * alpha[..., None]
    mask[y0:y1, x0:x1] = alpha > 0.5
    return mask


def cast_shadow(image, o, reach, size_px, scale):
    """A soft dark ellipse under the object."""
    depth = o["s"] * 0.09
    rows = slice(max(0, int((o["y"] - depth) * scale)), min(size_px, int((o["y"] + o["s"] * 0.1) * scale) + 1))
    columns = slice(max(0, int((o["x"] - reach) * scale)), min(size_px, int((o["x"] + reach) * scale) + 1))
    y, x = np.mgrid[rows, columns]
    if y.size:
        distance = ((x / scale - o["x"]) / reach) ** 2 + ((y / scale - o["y"]) / depth) ** 2
        image[rows, columns] *= 1 - np.clip(1 - distance, 0, 1)[..., None] * 0.5


def develop(image, seed, size_px, scale):
    """Exposure, tint, contrast, vignette and grain."""
    rng = np.random.default_rng(seed + 2 * 10**9)
    gain, tint, contrast = 1 + rng.normal() * 0.06, 1 + rng.normal(size=3) * 0.03, 1 + rng.normal() * 0.06
    y, x = np.mgrid[0:size_px, 0:size_px] / size_px - 0.5
    vignette = 1 - 0.28 * rng.random() * (x**2 + y**2) * 2
    grain = noise_crop(NOISE_FINE, size_px, size_px, rng, scale)[..., None] * rng.uniform(0.5, 3)
    return np.clip(((image - 128) * contrast + 128) * gain * tint * vignette[..., None] + grain, 0, 255).astype(np.uint8)


# ---------------------------------------------------------------- annotation


def annotate(scene, masks, size_px):
    """The visible instances: category, colour, box [x, y, width, height] and area in base units, centre as shares, mask."""
    scale, visible = size_px / SIDE, []
    for o, mask in zip(scene["objs"], masks):
        area = mask.sum() / scale / scale
        if area < MIN_AREA or area < MIN_VISIBLE * NOMINAL_AREAS[o["cat"]] * o["s"] ** 2:
            continue
        y, x = np.where(mask)
        box = [x.min() / scale, y.min() / scale, (x.max() + 1 - x.min()) / scale, (y.max() + 1 - y.min()) / scale]
        centre = dict(cx=float(x.mean() / scale / SIDE), cy=float(y.mean() / scale / SIDE))
        visible.append(dict(cat=o["cat"], color=o["color"], bbox=box, area=float(area), **centre, mask=mask))
    return visible


def nominal_area(category):
    """Unoccluded area of the category at size 1, measured by drawing it once."""
    o = dict(cat=category, color=PALETTES[category][0], x=72.0, y=110.0, s=60.0, rot=0.0, flip=False, seed=1, fly=False,
             place="wall", behind=False)  # fmt: skip
    _, masks = render(dict(seed=1, scene="room", layout=dict(ground=90.0), objs=[o]), SIDE)
    return float(masks[0].sum()) / 3600


NOMINAL_AREAS = {category: nominal_area(category) for category in CATEGORIES}
