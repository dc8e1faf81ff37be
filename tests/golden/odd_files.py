"""Writes files as people have them, and what is right for them, for `tests/ground_truth/odd_files.rs`. Not run in CI.

Made with Python 3.11, pycocotools 2.0.11, numpy 2.4.6. Seed 20.

    python tests/golden/odd_files.py [--seed N] [--times N]

Sound annotations, captions and questions are made and read by pycocotools and by plain loops. Then each is written again: numbers as 42, 42.0,
42e0, "42" or as COCO's name for a file, fields that no asked number needs as anything or not at all, members in any order, every form
of file. What is right for a file is what its sound original gives.
"""

import argparse
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
WORDS = ["dog", "cat", "bus", "chair", "toilet", "person"]
JUNK = [
    "NaN", "Infinity", "-Infinity", "null", "true", '"x"', '""', "[]", "{}", "[NaN]", "[null, null, null, null]", "-1", "1e400", "0.5",
    '{"a": [Infinity, {"b": null}]}', r'"\ud83d"', r'"}, {\"id\": 1"', "[600.0]", "18446744073709551616", "[" * 70 + "]" * 70,
]


class Raw(str):
    """Text that stands in the file as it is."""


def write(value, gap: str) -> str:
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        return "{" + f",{gap}".join(f"{json.dumps(key)}:{gap}{write(item, gap)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + f",{gap}".join(write(item, gap) for item in value) + "]"
    return json.dumps(value)


def spelled(rng: random.Random, number: int) -> Raw:
    return Raw(rng.choice([f"{number}", f"{number}", f"{number}.0", f"{number}e0", f'"{number}"', f'"{number}.0"', f'" {number} "']))


def image_number(rng: random.Random, number: int) -> Raw:
    name = rng.choice(["COCO_val2014_{:012}.jpg", "COCO_train2014_{:012}", "{:012}.jpg", "val2017/{:012}.png", "{:012}"]).format(number)
    return Raw(json.dumps(name)) if rng.random() < 0.3 else spelled(rng, number)


def coordinate(rng: random.Random, number: float) -> Raw:
    return Raw(rng.choice([repr(number), repr(number), f'"{number!r}"', f"{number!r}e0"]))


def junk(rng: random.Random, but: tuple[str, ...] = ()) -> Raw:
    return Raw(rng.choice([value for value in JUNK if value not in but]))


def shuffled(rng: random.Random, record: dict) -> dict:
    for name in rng.sample(["score", "attributes", "track", "logits", "note"], rng.randrange(3)):
        record[name] = junk(rng)
    items = list(record.items())
    rng.shuffle(items)
    return dict(items)


def drop(rng: random.Random, record: dict, name: str, *, but: tuple[str, ...] = ()) -> None:
    """A field that nothing needs: as it is, anything else, or not there."""
    kind = rng.randrange(3)
    if kind == 0:
        record[name] = junk(rng, but)
    elif kind == 1:
        record.pop(name, None)


def segmentation(rng: random.Random, width: int, height: int, crowd: bool):
    if not crowd and rng.random() < 0.6:
        corner = lambda: [rng.choice([rng.uniform(0, width), float(rng.randrange(width + 1))]), rng.uniform(0, height)]
        return [[value for _ in range(rng.choice([3, 4, 7])) for value in corner()] for _ in range(rng.choice([1, 2]))]
    mask = np.zeros((height, width), dtype=np.uint8, order="F")
    mask[rng.randrange(height) :, rng.randrange(width) :] = 1
    encoded = masks.encode(mask)
    if rng.random() < 0.3:
        return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}
    flat = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return {"size": [height, width], "counts": ([0] if flat[0] else []) + counts}


def sound_instances(rng: random.Random) -> dict:
    ids = rng.sample([1, 2, 42, 139, 2**31, 999_999_999_999], 3)
    images = [
        {"id": number, "file_name": f"{number:012}.jpg", "width": rng.randrange(20, 60), "height": rng.randrange(20, 60)} for number in ids
    ]
    names = rng.sample(WORDS, 3)
    if rng.random() < 0.3:
        names.append(names[0])
    categories = [{"id": rng.randrange(5) + 10 * place, "name": name, "supercategory": "thing"} for place, name in enumerate(names)]
    annotations = []
    for number in range(rng.randrange(5, 10)):
        image = rng.choice(images)
        crowd = rng.random() < 0.25
        annotations.append({
            "id": number + 1, "image_id": image["id"], "category_id": rng.choice(categories)["id"], "iscrowd": int(crowd),
            "area": float(rng.randrange(1, 900)), "bbox": [1.0, 2.0, 3.0, 4.0],
            "segmentation": segmentation(rng, image["width"], image["height"], crowd),
        })
    return {"images": images, "annotations": annotations, "categories": categories}


def digest(mask: np.ndarray) -> str:
    return f"{int(mask.sum())} {hashlib.sha256(np.ascontiguousarray(mask).tobytes()).hexdigest()[:16]}"


def expected_masks(whole: dict) -> list[str]:
    """`image, category, crowds, pixels, hash` of every category in every image."""
    coco = COCO()
    coco.dataset = json.loads(json.dumps(whole))
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    lines = []
    for image in whole["images"]:
        for name in sorted({category["name"] for category in whole["categories"]}):
            numbers = coco.getCatIds(catNms=[name])
            for crowds in ["all", "no-crowd"]:
                union = np.zeros((image["height"], image["width"]), np.uint8)
                for one in coco.dataset["annotations"]:
                    counts = crowds == "all" or not one["iscrowd"]
                    if one["image_id"] == image["id"] and one["category_id"] in numbers and counts:
                        union |= coco.annToMask(one)
                lines.append(f"{image['id']} {name} {crowds} {digest(union)}")
    return lines


def odd_instances(rng: random.Random, whole: dict) -> str:
    images, annotations, categories = [], [], []
    for image in whole["images"]:
        record = {**image, "id": image_number(rng, image["id"])}
        record |= {name: spelled(rng, image[name]) for name in ("width", "height")}
        if rng.random() < 0.4:
            # LVIS.
            del record["file_name"]
            record |= {"coco_url": f"http://host/train2017/{image['file_name']}", "neg_category_ids": [1], "not_exhaustive_category_ids": []}
        else:
            drop(rng, record, "file_name")
        images.append(shuffled(rng, record))
    for one in whole["annotations"]:
        record = {**one, "image_id": image_number(rng, one["image_id"]), "category_id": spelled(rng, one["category_id"])}
        shape = one["segmentation"]
        if isinstance(shape, list):
            record["segmentation"] = [[coordinate(rng, number) for number in part] for part in shape]
        else:
            record["segmentation"] = {**shape, "size": [spelled(rng, edge) for edge in shape["size"]]}
            if isinstance(shape["counts"], list):
                record["segmentation"]["counts"] = [spelled(rng, count) for count in shape["counts"]]
        crowd = ["1", "1.0", '"1"', "true"] if one["iscrowd"] else ["0", "0.0", '"0"', "false", "null", ""]
        record["iscrowd"] = Raw(rng.choice(crowd))
        if not record["iscrowd"]:
            del record["iscrowd"]
        for name in ["id", "area", "bbox"]:
            drop(rng, record, name)
        annotations.append(shuffled(rng, record))
    for category in whole["categories"]:
        record = {**category, "id": spelled(rng, category["id"]), "synonyms": [category["name"]]}
        drop(rng, record, "supercategory")
        categories.append(shuffled(rng, record))
    rng.shuffle(images)
    annotations.append({"image_id": 5, "category_id": whole["categories"][0]["id"], "segmentation": []})
    lists = [("images", images), ("annotations", annotations), ("categories", categories), ("info", junk(rng)), ("licenses", junk(rng))]
    rng.shuffle(lists)
    return filled(rng, write(dict(lists), rng.choice(["", " ", "\n", "\r\n  "])))


def filled(rng: random.Random, text: str) -> str:
    return rng.choice(["", "", "\ufeff"]) + text + rng.choice(["", "\n", "\0\0\0", " \r\n\0"])


def sound_captions(rng: random.Random, whole: dict) -> list[dict]:
    images = [image["id"] for image in whole["images"]]
    return [{"image_id": number, "caption": " and ".join(f"a {rng.choice(WORDS)}" for _ in range(rng.randrange(1, 4)))} for number in images]


def expected_figures(whole: dict, captions: list[dict]) -> dict:
    names = {category["id"]: category["name"] for category in whole["categories"]}
    objects = {image["id"]: set() for image in whole["images"]}
    for one in whole["annotations"]:
        objects[one["image_id"]].add(names[one["category_id"]])
    said = wrong = hallucinated = recalled = there = 0
    for caption in captions:
        mentions = [word for word in caption["caption"].split() if word in WORDS]
        bad = [word for word in mentions if word not in objects[caption["image_id"]]]
        said, wrong, hallucinated = said + len(mentions), wrong + len(bad), hallucinated + bool(bad)
        recalled += len(set(mentions) & objects[caption["image_id"]])
        there += len(objects[caption["image_id"]])
    return {"CHAIRs": hallucinated / len(captions), "CHAIRi": wrong / said, "recall": recalled / there if there else None}


def odd_captions(rng: random.Random, captions: list[dict], form: str) -> str:
    records = []
    for caption in captions:
        number, text = caption["image_id"], caption["caption"]
        record = {"image_id": image_number(rng, number)}
        if rng.random() < 0.3:
            record = {"image": rng.choice([f"COCO_val2014_{number:012}.jpg", f"/data/val/{number:012}.jpg"])}
            if rng.random() < 0.5:
                record["image_id"] = Raw("null")
        name = rng.choice(["caption", "caption", "text", "answer"])
        for other in ["caption", "text", "answer"][: ["caption", "text", "answer"].index(name)]:
            drop(rng, record, other, but=('"x"', '""', r'"\ud83d"', r'"}, {\"id\": 1"'))
        record[name] = text
        if rng.random() < 0.5:
            record["id"] = junk(rng)
        records.append(shuffled(rng, record))
    gap = rng.choice(["", " "])
    if form == "lines":
        end = rng.choice(["\n", "\r\n", "\n\n"])
        return filled(rng, end.join(write(record, gap) for record in records))
    gap = rng.choice(["", " ", "\n", "\r\n"])
    if form == "array":
        return filled(rng, write(records, gap))
    overall = {"SPICE": Raw("NaN"), "Bleu_1": 0.5}
    if form == "annotations":
        return filled(rng, write({"info": junk(rng), "annotations": records, "overall": overall}, gap))
    keyed = {}
    for caption, record in zip(captions, records):
        if rng.random() < 0.5:
            record.pop("image_id", None)
            record.pop("image", None)
        keyed[str(caption["image_id"])] = {**record, "SPICE": {"All": {"pr": Raw("NaN")}}}
    return filled(rng, write({"overall": overall, "imgToEval": keyed}, gap))


def sound_questions(rng: random.Random) -> list[dict]:
    return [
        {"question_id": number + 1, "image": f"COCO_val2014_{rng.randrange(600000):012}.jpg", "text": f"Is there a {rng.choice(WORDS)}?",
         "label": rng.choice(["yes", "no"])}
        for number in range(rng.randrange(1, 5))
    ]


def odd_questions(rng: random.Random, questions: list[dict]) -> str:
    records = []
    for question in questions:
        record = {"question_id": spelled(rng, question["question_id"]), "image": question["image"], "text": question["text"],
                  "label": rng.choice([str.lower, str.upper, str.title])(question["label"])}
        if rng.random() < 0.5:
            # The names of lmms-lab.
            record = {"id": junk(rng), "question_id": record["question_id"], "image_source": record["image"], "question": record["text"],
                      "answer": record["label"], "category": rng.choice(["random", "popular", Raw("null")])}
        records.append(shuffled(rng, record))
    form = rng.randrange(4)
    if form == 0:
        return filled(rng, "[\n" + ",\n".join(write(record, " ") for record in records) + "\n]")
    if form == 1:
        return filled(rng, write(records, rng.choice(["", " ", "\r\n"])))
    return filled(rng, rng.choice(["\n", "\r\n"]).join(write(record, " ") for record in records))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--times", type=int, default=1, help="so many times as many files")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    found = {"instances": [], "captions": [], "questions": []}
    for _ in range(20 * options.times):
        whole = sound_instances(rng)
        found["instances"].append({"file": odd_instances(rng, whole), "masks": expected_masks(whole)})
    for place in range(24 * options.times):
        whole = sound_instances(rng)
        captions = sound_captions(rng, whole)
        form = ["lines", "array", "annotations", "imgToEval"][place % 4]
        found["captions"].append({
            "form": form, "file": odd_captions(rng, captions, form), "instances": odd_instances(rng, whole),
            "figures": expected_figures(whole, captions),
        })
    for _ in range(24 * options.times):
        questions = sound_questions(rng)
        found["questions"].append({"file": odd_questions(rng, questions), "questions": questions})
    (HERE / "odd_files.json").write_text(json.dumps(found, indent=0) + "\n")
    print({name: len(cases) for name, cases in found.items()})


if __name__ == "__main__":
    main()
