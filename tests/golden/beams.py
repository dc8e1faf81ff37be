"""Writes `beams.json`: beam search of the golden checkpoints and of the demo by transformers. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/beams.py --seed 7

`generate(num_beams=.., length_penalty=.., early_stopping=False)`, its default, f32 and eager attention. Every case runs in f64 too, and is kept
only if that gives the same answer: none hangs on a rounding. The checkpoints have random weights and hardly ever end an answer, so the seed
draws further ids that end it from what their beams write. `cases` is a list of `checkpoint`, `image` (of the demo), `raw_prompt`,
`stop_token_ids`, `max_new_tokens`, `beams`, `length_penalty`, `repetition_penalty`, `ids` (the answer, the end token included) and `score`
(`sequences_scores`).
"""

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoProcessor, LlavaForConditionalGeneration

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "assets/demo"
CHECKPOINTS = {  # name: prompts
    "prefixed_shards": 3, "newest_shards": 1, "nested_full": 1, "mistral_window": 2, "qwen2_biases": 1, "llama3_rope": 1,
}
QUESTIONS = ["What is in this image?", "Is there a clock in the image?", "Why?"]
DEMO_QUESTIONS = [
    ("demo_01_beach.png", "Describe this image in detail."), ("demo_01_beach.png", "Is there a dog in the image?"),
]
WIDTHS = [2, 3, 4, 5]
LENGTH_PENALTIES = [0.0, 0.5, 1.0, 2.0]
NEW_TOKENS = 12


def demo_pixels(name: str) -> torch.Tensor:
    """CLIPImageProcessor's steps by Pillow and numpy, as in `demo_llava.py`."""
    fields = json.loads((DEMO / "llava/preprocessor_config.json").read_text())
    side = fields["size"]["shortest_edge"]
    image = Image.open(DEMO / "images" / name).convert("RGB")
    assert image.width == image.height, "a square image needs no crop"
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    pixels = (pixels - np.float32(fields["image_mean"])) / np.float32(fields["image_std"])
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1).unsqueeze(0).contiguous()


class Asked:
    """A model in two precisions, and a prompt for it."""

    def __init__(self, models: list, ids: torch.Tensor, pixels: torch.Tensor):
        self.models, self.ids, self.pixels = models, ids, pixels

    def beams(self, stop: list, length_penalty: float, beams: int, repetition_penalty: float, new_tokens: int):
        """Ids and score, or None where f32 and f64 do not agree."""
        found = []
        for model in self.models:
            out = model.generate(
                input_ids=self.ids[None], attention_mask=torch.ones_like(self.ids[None]), pixel_values=self.pixels.to(model.dtype),
                do_sample=False, num_beams=beams, length_penalty=length_penalty, early_stopping=False, eos_token_id=stop, pad_token_id=0,
                max_new_tokens=new_tokens, repetition_penalty=repetition_penalty, output_scores=True, return_dict_in_generate=True)
            ids = out.sequences[0, len(self.ids):].tolist()
            ends = [idx for idx, token in enumerate(ids) if token in stop]
            found.append((ids[: ends[0] + 1] if ends else ids, float(out.sequences_scores[0])))
        (ids, score), (exact, exact_score) = found
        return (ids, score) if ids == exact and abs(score - exact_score) < 2e-5 else None


def load(folder: Path) -> list:
    kinds = (torch.float32, torch.float64)
    return [LlavaForConditionalGeneration.from_pretrained(folder, dtype=kind, attn_implementation="eager").eval() for kind in kinds]


def cases_of(asked: Asked, what: dict, stop: list, new_tokens: int, penalties: list) -> list:
    cases = []
    for beams in WIDTHS:
        for length_penalty in LENGTH_PENALTIES:
            for repetition_penalty in penalties:
                found = asked.beams(stop, length_penalty, beams, repetition_penalty, new_tokens)
                if found is None:
                    print("f32 and f64 disagree:", what, beams, length_penalty, file=sys.stderr)
                    continue
                ids, score = found
                cases.append(dict(
                    what, stop_token_ids=stop, max_new_tokens=new_tokens, beams=beams, length_penalty=length_penalty,
                    repetition_penalty=repetition_penalty, ids=ids, score=score))
    return cases


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    draw = random.Random(parser.parse_args().seed)
    cases = []
    for name, count in CHECKPOINTS.items():
        folder = HERE / name / "checkpoint"
        models, processor = load(folder), AutoProcessor.from_pretrained(folder)
        photo = Image.open(HERE / name / "photo.png").convert("RGB")
        pixels = load_file(HERE / name / "golden.safetensors")["pixel_values"][None]
        for idx, question in enumerate(QUESTIONS[:count]):
            raw_prompt = f"USER: <image>\n{question} ASSISTANT:"
            asked = Asked(models, processor(images=photo, text=raw_prompt, return_tensors="pt")["input_ids"][0], pixels)
            free = [asked.beams([2], 1.0, beams, 1.0, NEW_TOKENS) for beams in (2, 5)]
            written = sorted({token for one in free if one for token in one[0][3:]} - {2})
            stop = [2, *draw.sample(written, min(2, len(written)))]
            penalties = [1.0, 1.3] if (name, idx) == ("prefixed_shards", 0) else [1.0]
            cases += cases_of(asked, dict(checkpoint=name, image=None, raw_prompt=raw_prompt), stop, NEW_TOKENS, penalties)
    models = load(DEMO / "llava")
    from tokenizers import Tokenizer
    tokenizer, config = Tokenizer.from_file(str(DEMO / "llava/tokenizer.json")), models[0].config
    image_id = config.image_token_index if hasattr(config, "image_token_index") else config.image_token_id
    num_patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    for image, question in DEMO_QUESTIONS:
        raw_prompt = f"USER: <image>\n{question} ASSISTANT:"
        ids = []
        for token in tokenizer.encode(raw_prompt).ids:
            ids += [image_id] * num_patches if token == image_id else [token]
        asked = Asked(models, torch.tensor(ids), demo_pixels(image))
        cases += cases_of(asked, dict(checkpoint=None, image=image, raw_prompt=raw_prompt), [2], 48, [1.0])
    lines = ",\n".join(json.dumps(case) for case in cases)
    path = HERE / "beams.json"
    path.write_text(f'{{"cases": [\n{lines}\n]}}\n')
    ended = sum(case["ids"][-1] in case["stop_token_ids"] for case in cases)
    print(f"{len(cases)} cases, {ended} end by themselves, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
