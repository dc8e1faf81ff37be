"""Writes `directions.safetensors`: directions of VTI in PyTorch. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, safetensors 0.8.0, numpy 2.4.6.

    OMP_NUM_THREADS=1 python tests/golden/directions.py [--seed N] [--checkpoint NAME] [--out FILE]

Plain passes of every caption and of every masked photo, principal components by torch's singular value decomposition. The masks are those of
the seed in gazelens's own generator. Tensors: `text` f32 [L, hidden], `vision` f32 [L_v, tokens, width]. The metadata entry `golden` is JSON
with `checkpoint`, `seed`, `masks`, `question`, `pairs` (right, wrong), `text_variance_share`.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from methods_attention import Edit, Model, Places

HERE = Path(__file__).resolve().parent
MASKS = 3
WORDS = ["The image shows a dog", " and two red kites", " on the beach.", " A small boat", " on the lake,", " a person in the park.", " Yes,",
         " there is a clock", " on the wall."]


class Draws:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def below(self, end):
        m = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & m
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & m
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & m
        return (z ^ (z >> 31)) % end


def mean_and_component(rows):
    """Rows [n, width]."""
    rows = rows.double()
    mean = rows.mean(0)
    u, s, vh = torch.linalg.svd(rows - mean, full_matrices=False)
    sign = torch.sign(u[u[:, 0].abs().argmax(), 0])
    return mean + sign * vh[0], float(s[0] ** 2 / (s ** 2).sum())


class Recorder(Edit):
    """Notes the states of the vision encoder."""

    def __init__(self, *given):
        super().__init__(*given)
        self.states = []

    def vision_output(self, l, x):
        self.states.append(x)
        return x


def vision_states(model, pixels):
    kept, model.pixels = model.pixels, pixels
    recorder = Recorder(model, {}, None)
    first = model.tower.pre_layrnorm(model.tower.embeddings(pixels))[0]
    model.see(recorder)
    model.pixels = kept
    return torch.stack([first, *recorder.states])


def masked(pixels, per_side, draws):
    patch = pixels.shape[-1] // per_side
    count, pixels = per_side * per_side, pixels.clone()
    means = pixels.double().mean((-1, -2), keepdim=True).float()
    order = list(range(count))
    for i in range(int(0.99 * count)):
        j = i + draws.below(count - i)
        order[i], order[j] = order[j], order[i]
        y, x = order[i] // per_side * patch, order[i] % per_side * patch
        pixels[..., y:y + patch, x:x + patch] = means
    return pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--checkpoint", default="newest_shards")
    parser.add_argument("--out", type=Path, default=HERE / "directions.safetensors")
    given = parser.parse_args()
    model = Model(given.checkpoint, given.seed)
    with safe_open(HERE / given.checkpoint / "golden.safetensors", "pt") as file:
        words = json.loads(file.metadata()["golden"])
    draw = random.Random(given.seed)
    pairs = [["".join(draw.sample(WORDS, 3)) for _ in range(2)] for _ in range(4)]
    config = model.model.config.vision_config
    draws = Draws(given.seed)
    texts, shifts = [], []
    for right, wrong in pairs:
        rows = []
        for caption in (right, wrong):
            ids = model.ids(words["templated_prompt"] + caption)
            edit = Edit(model, {}, Places(model, ids))
            embedded = model.embed(ids, model.see(edit))
            _, residuals, _, _ = model.decode(embedded, edit)
            rows.append(torch.cat([embedded[-1], *(x[-1] for x in residuals)]))
        texts.append(rows[0] - rows[1])
        copies = [vision_states(model, masked(model.pixels, config.image_size // config.patch_size, draws)) for _ in range(MASKS)]
        shifts.append(torch.stack(copies).mean(0) - vision_states(model, model.pixels))
    text, share = mean_and_component(torch.stack(texts))
    text = text.view(-1, model.config.hidden_size)[1:]
    shifts = torch.stack(shifts)  # [pairs, entries, tokens, width]
    # One photo: all shifts differ by their masks alone.
    tokens = [mean_and_component(shifts[:, :, token].flatten(1))[0].view(shifts.shape[1], -1)[1:] for token in range(shifts.shape[2])]
    tensors = dict(text=text.float().contiguous(), vision=torch.stack(tokens, 1).float().contiguous())
    words = dict(checkpoint=given.checkpoint, seed=given.seed, masks=MASKS, question=words["question"], pairs=pairs, text_variance_share=share)
    save_file(tensors, given.out, metadata=dict(golden=json.dumps(words, ensure_ascii=False)))
    print(f"{given.out.stat().st_size / 1000:.0f} kB, {share:.3f} of the variance")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
