"""MMVP-VLM by transformers on the bundled demo CLIP: the reference of `tests/models/mmvp_vlm.rs`.

Made with torch, transformers 5, tokenizers and Pillow; eager attention, f32, one thread. Not run in CI. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/mmvp_vlm.py --seed 42

makes `tests/golden/mmvp_vlm`: `Questions.csv`, small drawn photos, and `expected.json` with the decisions of every pair by plain loops
over the protocol of MMVP's `scripts/evaluate_vlm.py` (cosines times 100, softmax over both photos, more than a half for the first).
"""

import argparse
import csv
import json
import math
import shutil
import sys
from pathlib import Path

# The `statistics.py` beside this file would stand for Python's own, which the libraries use.
sys.path.pop(0)

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import CLIPImageProcessorPil, CLIPModel

DEMO = Path("assets/demo/clip")
OUT = Path("tests/golden/mmvp_vlm")
NUM_PAIRS = 18
OBJECTS = ["umbrella", "boat", "car", "chair", "dog", "cat", "ball", "bicycle", "bird"]
PATTERNS = ["Orientation and Direction", "Presence of Specific Features"]


def photo(rng):
    """A field of two colours with a block of a third."""
    width, height = (int(side) for side in rng.integers(20, 40, size=2))
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    top, bottom, block = rng.integers(0, 256, size=(3, 3))
    pixels[: height // 2], pixels[height // 2 :] = top, bottom
    y, x = int(rng.integers(0, height // 2)), int(rng.integers(0, width // 2))
    pixels[y : y + height // 3, x : x + width // 3] = block
    return Image.fromarray(pixels)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=42)
    rng = np.random.default_rng(parser.parse_args().seed)
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    rows = []
    for number in range(1, 2 * NUM_PAIRS + 1):
        pattern = PATTERNS[(number - 1) // 30]
        path = OUT / "MLLM_VLM Images" / pattern / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(rng).save(path, optimize=True)
        some, other = rng.choice(OBJECTS, size=2, replace=False)
        rows.append((number, pattern, f"a {some}, beside the {other}" if number % 3 else f"the {some}"))
    with open(OUT / "Questions.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("Question ID", "Type", "Statement"), *rows])

    model = CLIPModel.from_pretrained(DEMO, dtype=torch.float32, attn_implementation="eager").eval()
    processor = CLIPImageProcessorPil.from_pretrained(DEMO)
    tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
    eos = model.config.text_config.eos_token_id

    def image_of(number, pattern):
        image = Image.open(OUT / "MLLM_VLM Images" / pattern / f"{number}.png")
        pixels = processor(image, return_tensors="pt")["pixel_values"]
        return model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)[0].double().tolist()

    def text_of(words):
        ids = tokenizer.encode(words).ids
        ids = torch.tensor([ids[: ids.index(eos) + 1]])
        return model.text_projection(model.text_model(input_ids=ids).pooler_output)[0].double().tolist()

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b))
        return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))

    pairs, right = [], [0] * 9
    for first, second in zip(rows[::2], rows[1::2]):
        images = [image_of(first[0], first[1]), image_of(second[0], first[1])]
        chances, is_right = [], True
        for number, _, statement in (first, second):
            text = text_of("a photo of " + statement)
            exps = [math.exp(100 * cosine(text, image) - 100) for image in images]
            chances.append(exps[0] / sum(exps))
            is_right = is_right and ((chances[-1] > 0.5) == (number % 2 == 1))
        right[len(pairs) // 15] += is_right
        pairs.append({"questions": [first[0], second[0]], "first_photo": chances, "is_right": is_right})
    shares = [right[place] / len(pairs[15 * place : 15 * place + 15]) if len(pairs) > 15 * place else None for place in range(9)]
    expected = {"pairs": pairs, "patterns": shares, "logit_scale": math.exp(float(model.logit_scale))}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main()
