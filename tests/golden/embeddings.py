"""Writes `tests/golden/embeddings.safetensors`: embeddings of photos by transformers, and pairs of photos by NumPy. Not run in CI.

Made with torch 2.15.0, transformers 5.24.0, Pillow 12, numpy 2.4.6; eager attention, f32, CPU; seed 17. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/embeddings.py --seed 17

`clip` and `dinov2` f32 [photos, D], of unit length: the first photos of `assets/demo/images` by a random CLIP (`embeddings/clip`, with the
configuration, tokenizer and processor of the bundled one) and by the random DINOv2 of `vision/dinov2`. Preprocessing is written out with
Pillow. `first` f32 [N, 24] and `second` f32 [N, 16]: vectors of unit length in close groups; `pairs` i64 [P, 2] and `cosines` f64 [P, 2]:
all pairs above 0.95 by `first` and below 0.6 by `second`, largest difference first, from two loops in f64.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, Dinov2Model

HERE = Path("tests/golden")
DEMO = Path("assets/demo/clip")
NUM_PHOTOS = 5


def random_clip(seed):
    """The bundled CLIP's configuration with weights of its own."""
    folder = HERE / "embeddings/clip"
    shutil.rmtree(folder, ignore_errors=True)
    config = CLIPConfig.from_pretrained(DEMO, attn_implementation="eager")
    for part in (config.vision_config, config.text_config):
        part.hidden_size, part.intermediate_size, part.num_hidden_layers, part.num_attention_heads = 32, 48, 2, 4
    config.projection_dim = config.vision_config.projection_dim = config.text_config.projection_dim = 24
    model = CLIPModel(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            if key == "logit_scale":
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in key:
                noise = 0.1 * noise + (1.0 if key.endswith("weight") else 0.0)
            elif key.endswith("bias"):
                noise = 0.2 * noise
            elif parameter.ndim > 1:
                noise = 1.5 * noise / parameter[0].numel() ** 0.5
            parameter.copy_(noise)
    model.half().save_pretrained(folder)
    for file in DEMO.iterdir():
        if file.suffix == ".json" and file.name != "config.json":
            shutil.copy(file, folder / file.name)
    return CLIPModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval(), folder


def pixels(photo, folder):
    """Shorter edge to size, bicubic, centre crop, scaled and normalised."""
    processor = json.loads((folder / "preprocessor_config.json").read_text())
    size, crop = processor["size"], processor["crop_size"]
    edge, crop = size["shortest_edge"], crop["height"]
    image = Image.open(photo).convert("RGB")
    width, height = image.size
    short, long = min(width, height), max(width, height)
    other = int(edge * long / short)
    image = image.resize((edge, other) if width <= height else (other, edge), Image.Resampling.BICUBIC)
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    values = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float64) * (1 / 255)
    values = (values - np.array(processor["image_mean"])) / np.array(processor["image_std"])
    return torch.tensor(values.transpose(2, 0, 1)[None], dtype=torch.float32)


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    seed = parser.parse_args().seed
    torch.set_num_threads(1)
    photos = sorted(Path("assets/demo/images").iterdir())[:NUM_PHOTOS]
    clip, clip_folder = random_clip(seed)
    dino_folder = HERE / "vision/dinov2/checkpoint"
    dino = Dinov2Model.from_pretrained(dino_folder, dtype=torch.float32, attn_implementation="eager").eval()
    by_clip = [clip.visual_projection(clip.vision_model(pixels(photo, clip_folder)).pooler_output)[0].numpy() for photo in photos]
    by_dino = [dino(pixels(photo, dino_folder)).last_hidden_state[0, 0].numpy() for photo in photos]

    rng = np.random.default_rng(seed)
    groups = rng.normal(size=(40, 24))
    first = unit(groups[rng.integers(0, 40, 240)] + 0.2 * rng.normal(size=(240, 24)))
    groups = rng.normal(size=(8, 16))
    second = unit(groups[rng.integers(0, 8, 240)] + 0.3 * rng.normal(size=(240, 16)))
    found = []
    for i in range(len(first)):
        for j in range(i + 1, len(first)):
            a = sum(float(x) * float(y) for x, y in zip(first[i], first[j]))
            b = sum(float(x) * float(y) for x, y in zip(second[i], second[j]))
            assert min(abs(a - 0.95), abs(b - 0.6)) > 1e-9, "no pair on the limit"
            if a > 0.95 and b < 0.6:
                found.append((b - a, i, j, a, b))
    found.sort()
    assert len(found) > 100
    save_file({
        "clip": torch.tensor(unit(by_clip)), "dinov2": torch.tensor(unit(by_dino)),
        "first": torch.tensor(first), "second": torch.tensor(second),
        "pairs": torch.tensor([[i, j] for _, i, j, _, _ in found]),
        "cosines": torch.tensor([[a, b] for *_, a, b in found], dtype=torch.float64),
    }, str(HERE / "embeddings.safetensors"))
    print(len(found), "pairs")


main()
