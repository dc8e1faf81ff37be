"""Makes `vti.safetensors`, the directions that the method `vti` steers the bundled model by (`vti:directions=demo`).

    python assets/demo/make/directions.py --gazelens target/release/gazelens                 # the file
    python assets/demo/make/directions.py --gazelens target/release/gazelens --pairs P.jsonl # and its pairs of captions

Needs nothing but Python and the program. Every bundled photo gets four pairs: a caption composed from its annotations,
and the same with one or two things that other photos of its kind of scene have and this one lacks.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import language

DEMO = Path(__file__).resolve().parent.parent
PAIRS_PER_PHOTO = 4
SEED = 16
MASKS = 10  # of every pair: 40 a photo


def records():
    """[(file name, record of `language`)] from the annotations."""
    coco = json.loads((DEMO / "instances.json").read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    found = []
    for image in coco["images"]:
        own = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        centre = {a["id"]: (a["bbox"][0] + a["bbox"][2] / 2) / image["width"] for a in own}
        objects = [dict(cat=names[a["category_id"]], color=a["color"], area=a["area"], cx=centre[a["id"]]) for a in own]
        found.append((image["file_name"], dict(scene=image["scene"], objs=objects)))
    return found


def pairs():
    """One dictionary a pair, as `gazelens directions` reads them."""
    found, rng = records(), random.Random(SEED)
    for name, record in found:
        present = {o["cat"] for o in record["objs"]}
        kin = [other["objs"] for _, other in found if other["scene"] == record["scene"]]
        lacked = {o["cat"]: o for objects in kin for o in objects if o["cat"] not in present}
        if not lacked:  # it has all that its kind has: things of any other scene
            lacked = {o["cat"]: o for _, other in found for o in other["objs"] if o["cat"] not in present}
        absent = sorted(lacked.items())
        for _ in range(PAIRS_PER_PHOTO):
            seed, invented = rng.random(), rng.sample(absent, min(len(absent), rng.choice([1, 2])))
            # The smallest things are named last, so that both captions begin alike.
            more = [dict(o, area=1) for _, o in invented]
            right = language.detailed_caption(record, random.Random(seed))
            wrong = language.detailed_caption(dict(record, objs=record["objs"] + more), random.Random(seed))
            yield dict(image=name, value=right, h_value=wrong, question=language.ASK_DETAIL[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gazelens", default="gazelens", metavar="PROGRAM")
    parser.add_argument("--pairs", type=Path, metavar="P.jsonl")
    parser.add_argument("--out", type=Path, default=DEMO / "vti.safetensors", metavar="D.safetensors")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.pairs or Path(folder) / "pairs.jsonl"
        path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs()))
        made = ["directions", "vti", "--images", DEMO / "images", "--pairs", path, "--out", arguments.out]
        subprocess.run([arguments.gazelens, *made, "--masks", str(MASKS), "--vision-tokens", "mean"], check=True)


if __name__ == "__main__":
    main()
