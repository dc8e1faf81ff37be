"""The bundled images: which scenes, their pictures and masks in COCO's form, POPE questions, and the model's own descriptions."""

import json
import random

import numpy as np
from PIL import Image

import language
import scenes
from answering import DETAIL, Answerer, mentions
from catalogue import CATEGORIES, COCO_IDS, SCENES, SIDE
from evaluate import CoOccurrence, there

IMAGE_PX = 576
FIRST_SEED = 7_000_000  # no training, validation or test scene is near
NUM_IMAGES = 24


def draw(seed, scene):
    """(picture, annotated objects) of a candidate."""
    sampled = scenes.sample_scene(seed, scene)
    picture, masks = scenes.render(sampled, IMAGE_PX)
    return picture, scenes.annotate(sampled, masks, IMAGE_PX)


def select(folder, num_candidates):
    """[(seed, scene)]: per scene two descriptions that invent something (with few omissions) and two that do not, if there are."""
    answerer, seen = Answerer(folder), []
    for start in range(0, num_candidates, 14):
        chosen = [(FIRST_SEED + start + k, SCENES[k % len(SCENES)]) for k in range(min(14, num_candidates - start))]
        drawn = [draw(seed, scene) for seed, scene in chosen]
        for (seed, scene), (_, objects), text in zip(chosen, drawn, answerer.answers([picture for picture, _ in drawn], DETAIL)):
            real, named = {o["cat"] for o in objects}, {c for _, _, c in mentions(text)}
            seen.append(dict(seed=seed, scene=scene, real=real, invented=named - real, missed=real - named))
    print(f"{sum(bool(c['invented']) for c in seen)} of {len(seen)} candidates' descriptions invent something", flush=True)
    picked = []
    for scene in SCENES:
        fit = [c for c in seen if c["scene"] == scene and 2 <= len(c["real"]) <= 6]
        wrong = sorted([c for c in fit if c["invented"]], key=lambda c: len(c["missed"]))
        right = sorted([c for c in fit if not c["invented"]], key=lambda c: (len(c["missed"]), -len(c["real"])))
        picked += wrong[:2] + right[:2]
    kept = [c for k, c in enumerate(picked) if k not in (3, 7, 15, 19)]  # 7 scenes x 4 - 4
    return [(c["seed"], c["scene"]) for c in kept[:NUM_IMAGES]]


def run_lengths(mask):
    """COCO's uncompressed run lengths: column by column, zeros first."""
    flat = mask.T.reshape(-1).astype(np.uint8)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [len(flat)]])
    return dict(size=[int(side) for side in mask.shape], counts=([0] if flat[0] else []) + np.diff(edges).tolist())


def annotation(o, annotation_id, image_id):
    box = [round(value * IMAGE_PX / SIDE, 1) for value in o["bbox"]]
    return dict(id=annotation_id, image_id=image_id, category_id=COCO_IDS[o["cat"]], bbox=box, area=int(o["mask"].sum()), iscrowd=0,
                segmentation=run_lengths(o["mask"]), color=o["color"])  # fmt: skip


def write_images(seeds, training_records, out):
    """`images/`, `instances.json` and `pope.jsonl`."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    statistics, rng = CoOccurrence(training_records), random.Random(3)
    categories = [dict(id=COCO_IDS[c], name=c, supercategory="object") for c in CATEGORIES]
    coco, questions = dict(info=dict(description="procedural demo scenes"), images=[], annotations=[], categories=categories), []
    for number, (seed, scene) in enumerate(seeds, 1):
        picture, objects = draw(seed, scene)
        name = f"demo_{number:02d}_{scene}.png"
        Image.fromarray(picture).save(out / "images" / name, optimize=True)
        caption = language.short_caption(dict(scene=scene, objs=objects), rng)
        coco["images"].append(dict(id=number, file_name=name, width=IMAGE_PX, height=IMAGE_PX, scene=scene, seed=seed, captions=[caption]))
        for o in objects:
            coco["annotations"].append(annotation(o, len(coco["annotations"]) + 1, number))
        present = {o["cat"] for o in objects}
        first = statistics.questions(present, "random", rng)
        kinds = dict(random=first)
        for kind in ("popular", "adversarial"):  # the same present categories in all three
            others = statistics.questions(present, kind, random.Random(0))
            kinds[kind] = [entry for entry in first if entry[1]] + [entry for entry in others if not entry[1]]
        for kind, asked in kinds.items():
            for category, is_there in asked:
                questions.append(dict(question_id=len(questions) + 1, image=name, text=f"Is there {language.article(category)} in the image?",
                                      label="yes" if is_there else "no", split=kind))  # fmt: skip
    (out / "instances.json").write_text(json.dumps(coco))
    (out / "pope.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))


def write_captions(folder, out):
    """`captions.json`: the model's greedy descriptions of the images, and what they invent and miss."""
    coco = json.loads((out / "instances.json").read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    pictures = [Image.open(out / "images" / image["file_name"]).convert("RGB") for image in coco["images"]]
    entries = []
    for image, text in zip(coco["images"], Answerer(folder).answers(pictures, DETAIL)):
        present = {names[a["category_id"]] for a in coco["annotations"] if a["image_id"] == image["id"]}
        named = {c for _, _, c in mentions(text)}
        entries.append(dict(image=image["file_name"], prompt=DETAIL, caption=text, present=sorted(present),
                            hallucinated=sorted(named - present), missed=sorted(present - named)))  # fmt: skip
    (out / "captions.json").write_text(json.dumps(entries, indent=1))


def check_images(folder):
    """Raises unless the images in `folder` come out of their seeds bit for bit."""
    coco = json.loads((folder / "instances.json").read_text())
    for image in coco["images"]:
        picture, objects = draw(image["seed"], image["scene"])
        shipped = np.asarray(Image.open(folder / "images" / image["file_name"]).convert("RGB"))
        own = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        if not np.array_equal(picture, shipped) or [run_lengths(o["mask"]) for o in objects] != [a["segmentation"] for a in own]:
            raise SystemExit(f"Expected the picture of seed {image['seed']}, found another in {image['file_name']}")
    print(f"{len(coco['images'])} images and their masks are those of their seeds")
