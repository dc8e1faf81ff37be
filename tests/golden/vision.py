"""Writes `tests/golden/vision/`: encoders that only see, and where transformers says their `[CLS]` looks. Not run in CI.

Made with torch 2.15.0, transformers 5.23.0 (SigLIP: 5.24.0), safetensors 0.8.0; eager attention, f32, CPU, seeds below.

    OMP_NUM_THREADS=1 python tests/golden/vision.py                      # all
    OMP_NUM_THREADS=1 python tests/golden/vision.py NAME... [--seed N]   # some, perhaps with another seed

For each encoder `NAME/checkpoint/` as `save_pretrained` writes it, and `NAME/golden.safetensors`: `pixel_values` f32 [3, S, S] (random),
`cls_attention` f32 [L, H, patches] (row 0, `[CLS]` and register columns dropped), `pooled` f32 [D] (`[CLS]` after the last norm).
SigLIP has no `[CLS]`: in place of the last two, `received_attention` f32 [L, H, patches] (mean over queries), `hidden_states` f32
[L + 1, patches, D] and `patch_norms` f32 [L, patches] (of the layers' outputs).
The position tables are made for another size than S, in both directions, so that interpolation counts.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    CLIPVisionConfig, CLIPVisionModelWithProjection, Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel,
    SiglipVisionConfig, SiglipVisionModel,
)

HERE = Path(__file__).resolve().parent / "vision"
SMALL = dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, patch_size=7)
SPECS = [  # name, class, configuration, input size, seed
    ("dinov2", Dinov2Model, Dinov2Config(image_size=28, **SMALL), 42, 31),
    ("dinov2_own_size", Dinov2Model, Dinov2Config(image_size=28, qkv_bias=False, **SMALL), 28, 32),
    ("dinov2_registers", Dinov2WithRegistersModel,
     Dinov2WithRegistersConfig(image_size=56, use_swiglu_ffn=True, num_register_tokens=3, **SMALL), 35, 33),
    ("clip_vision", CLIPVisionModelWithProjection,
     CLIPVisionConfig(image_size=28, intermediate_size=48, hidden_act="gelu", projection_dim=24, **SMALL), 28, 34),
    ("siglip", SiglipVisionModel, SiglipVisionConfig(image_size=29, intermediate_size=48, **SMALL), 29, 35),
]


@torch.no_grad()
def make(name, kind, config, size, seed) -> None:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    config._attn_implementation = "eager"
    model = kind(config).eval()
    generator = torch.Generator().manual_seed(seed)
    for key, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in key:
            noise = 0.1 * noise + (1.0 if key.endswith("weight") else 0.0)
        elif "lambda1" in key:
            noise = 0.5 + 0.2 * noise
        elif key.endswith("bias"):
            noise = 0.2 * noise
        elif parameter.ndim > 1 and "embedding" not in key and "token" not in key:
            gain = 2.0 if any(part in key for part in ("q_proj", "k_proj", "query", "key")) else 1.0
            noise = gain * noise / parameter[0].numel() ** 0.5
        parameter.copy_(noise)
    model.save_pretrained(folder / "checkpoint")
    square = dict(height=size, width=size)
    if name == "siglip":
        make_siglip(model, folder, square, torch.randn(1, 3, size, size, generator=generator))
        return
    processor = dict(
        image_processor_type="CLIPImageProcessor" if name.startswith("clip") else "BitImageProcessor", do_resize=True,
        size=dict(shortest_edge=size + 4), resample=3, do_center_crop=True, crop_size=square, do_rescale=True, rescale_factor=1 / 255,
        do_normalize=True, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], do_convert_rgb=True)
    (folder / "checkpoint" / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
    pixels = torch.randn(1, 3, size, size, generator=generator)
    if name.startswith("clip"):
        out = model.vision_model(pixels, output_attentions=True)
        prefix = 1
    else:
        out = model(pixels, output_attentions=True)
        prefix = 1 + getattr(config, "num_register_tokens", 0)
    rows = torch.stack([layer[0, :, 0, prefix:] for layer in out.attentions]).contiguous()
    save_file(dict(pixel_values=pixels[0].contiguous(), cls_attention=rows, pooled=out.pooler_output[0].contiguous()),
              folder / "golden.safetensors")
    report(name, folder, rows)


def make_siglip(model, folder, square, pixels) -> None:
    processor = dict(
        image_processor_type="SiglipImageProcessor", do_resize=True, size=square, resample=3, do_rescale=True, rescale_factor=1 / 255,
        do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_convert_rgb=True)
    (folder / "checkpoint" / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
    states = []
    def keep(_module, _inputs, output):
        states.append((output[0] if isinstance(output, tuple) else output).reshape(-1, pixels_width))
    tower = getattr(model, "vision_model", model)
    pixels_width = model.config.hidden_size
    embedded = tower.embeddings(pixels)[0]
    hooks = [layer.register_forward_hook(keep) for layer in tower.encoder.layers]
    out = model(pixels, output_attentions=True)
    for hook in hooks:
        hook.remove()
    # A received share is the mean over queries: every one of them is a patch.
    received = torch.stack([layer[0].mean(1) for layer in out.attentions]).contiguous()
    norms = torch.stack([state.norm(dim=-1) for state in states]).contiguous()
    save_file(dict(pixel_values=pixels[0].contiguous(), received_attention=received, patch_norms=norms,
                   hidden_states=torch.stack([embedded, *states]).contiguous()), folder / "golden.safetensors")
    report("siglip", folder, received)


def report(name, folder, rows) -> None:
    bytes_ = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{name}: {bytes_ / 1000:.0f} kB, attention {tuple(rows.shape)}, peak {rows.amax(-1).mean():.2f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seed", type=int)
    wanted = parser.parse_args()
    for *spec, seed in SPECS:
        if not wanted.names or spec[0] in wanted.names:
            make(*spec, wanted.seed or seed)
