"""Regenerates the bundled demo: scenes, tokenizers, CLIP, LLaVA, export, evaluation, choice of images, annotations, POPE, captions.

    pip install -r assets/demo/make/requirements.txt
    python assets/demo/make/make.py --out DIR            # everything, hours on two cores
    python assets/demo/make/make.py --quick --out DIR    # the same pipeline at toy scale, minutes: proves that it works, answers nonsense
    python assets/demo/make/make.py --check-images       # the shipped images still come out of their seeds
    python assets/demo/make/make.py --measure --out DIR  # the shipped models on a fresh test split
    python assets/demo/make/make.py --captions           # captions.json anew from the shipped model and images

DIR gets the layout of `assets/demo` (llava, clip, images, instances.json, pope.jsonl, captions.json, measured); DIR/work what training needs
in between. A step whose result is there is not repeated, so that an interrupted run goes on. One thread a process (OMP_NUM_THREADS=1).
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch  # noqa: E402

import dataset  # noqa: E402
import demo_set  # noqa: E402
import evaluate  # noqa: E402
import evaluate_clip  # noqa: E402
import export  # noqa: E402
import train_clip  # noqa: E402
import train_llava  # noqa: E402
import vocabulary  # noqa: E402
from train_llava import Stage  # noqa: E402

SHIPPED = Path(__file__).resolve().parent.parent
FIRST_SEEDS = dict(train0=0, train1=1_000_000, validation=5_000_000, test=6_000_000)


@dataclasses.dataclass
class Recipe:
    """How much of everything. The shipped models were trained by the clock; the steps are what those times amount to."""

    train_scenes: int = 12_000  # in each of two splits
    held_out_scenes: int = 400  # in each of validation and test
    vocabulary_scenes: int = 4_000
    clip_steps: int = 4_500
    text_steps: int = 1_000
    picture_steps: int = 3_200
    refine_steps: int = 800
    side_steps: int = 450
    evaluated: int = 120
    candidates: int = 140


QUICK = Recipe(
    train_scenes=96, held_out_scenes=40, vocabulary_scenes=192, clip_steps=16, text_steps=12, picture_steps=10, refine_steps=4, side_steps=4,
    evaluated=6, candidates=42,
)  # fmt: skip


def stages(recipe):
    return [
        Stage("words", recipe.text_steps, rate=1.5e-3, text_only=True),
        Stage("pictures", recipe.picture_steps, rate=1.5e-3, start="words", keep_projector=False, pooled_share=0.5),
        Stage("refinement", recipe.refine_steps, rate=8e-4, start="pictures", attributes=True),
        Stage("sides", recipe.side_steps, rate=6e-4, start="refinement", attributes=True, sides=True),
    ]


def step(name, result, work):
    """Runs `work` unless `result` is there."""
    if result.exists():
        print(f"== {name}: there already", flush=True)
        return
    start = time.time()
    work()
    print(f"== {name}: {time.time() - start:.0f} s", flush=True)


def build_split(name, out, count, jobs):
    path = out / "work" / name
    step(name, Path(f"{path}.jsonl"), lambda: dataset.build(path, FIRST_SEEDS[name], count, jobs))


def regenerate(recipe, out, jobs):
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    for name in FIRST_SEEDS:
        build_split(name, out, recipe.train_scenes if name.startswith("train") else recipe.held_out_scenes, jobs)
    training = dataset.Split(work / "train0", work / "train1")
    records = training.records
    step("vocabulary", work / "clip_tokenizer.json", lambda: vocabulary.build(records[: recipe.vocabulary_scenes], work))
    step("clip", work / "clip", lambda: train_clip.train(training, work, work / "clip", recipe.clip_steps))
    for stage in stages(recipe):
        step(stage.name, work / stage.name, lambda stage=stage: train_llava.train(stage, training, work, work / "clip"))
    step("export llava", out / "llava", lambda: export.export_llava(work / "sides", work / "llava_tokenizer.json", out / "llava"))
    step("export clip", out / "clip", lambda: export.export_clip(work / "clip", work / "clip_tokenizer.json", out / "clip"))
    for split in ("validation", "test"):
        measure(out, out, split, recipe)
    seeds = work / "seeds.json"
    step("selection", seeds, lambda: seeds.write_text(json.dumps(demo_set.select(out / "llava", recipe.candidates))))
    step("images", out / "pope.jsonl", lambda: demo_set.write_images(json.loads(seeds.read_text()), records, out))
    step("captions", out / "captions.json", lambda: demo_set.write_captions(out / "llava", out))


def measure(models, out, name, recipe):
    """`measured/NAME.json` of the models on the split in `out/work`."""
    result = out / "measured" / f"{name}.json"
    training = [json.loads(line) for line in (out / "work" / "train0.jsonl").read_text().splitlines()]

    def work():
        split, count = dataset.Split(out / "work" / name), recipe.evaluated
        llava = evaluate.evaluate(models / "llava", split, training, count, min(80, count), min(100, count))
        result.parent.mkdir(exist_ok=True)
        result.write_text(json.dumps(dict(llava=llava, clip=evaluate_clip.evaluate(models / "clip", split)), indent=1) + "\n")

    step(f"measurement, {name}", result, work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check-images", action="store_true")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--captions", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = QUICK if arguments.quick else Recipe()
    if arguments.check_images:
        demo_set.check_images(SHIPPED)
    elif arguments.captions:
        demo_set.write_captions(SHIPPED / "llava", SHIPPED)
    elif arguments.measure:
        build_split("train0", arguments.out, 4_000, arguments.jobs)  # only for what is popular and what occurs together
        build_split("test", arguments.out, 200, arguments.jobs)
        measure(SHIPPED, arguments.out, "test", recipe)
    else:
        regenerate(recipe, arguments.out, arguments.jobs)


if __name__ == "__main__":
    main()
