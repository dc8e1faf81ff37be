"""What the published attention prompting makes of the bundled models: the reference of `tests/golden_parity/prompting.rs`.

Written from the formulas (head by head, with loops, torch and Pillow), not from this project's code. Made with torch 2.15.0,
transformers 5.23.0, tokenizers and Pillow 13.0.0; eager attention, f32, one thread, greedy. Not run in CI. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/prompting.py

writes `tests/golden/prompting.safetensors`; its metadata `golden` holds the words and the parameters of every case.

| tensor | shape | meaning |
| --- | --- | --- |
| photo | u8 [40, 63, 3] | a part of a bundled image, made small: neither square nor a multiple of anything |
| cls_map, token_map | f32 [6, 144] | CLIP: contributions to `[CLS]` of every layer, patches leaving every layer |
| last_cosines | f32 [144] | CLIP: patches of the last layer and the text |
| yes_probability | f32 [1] | CLIP: `photo of dogs` against `photo of no dogs` |
| {crop,pad}_image_attention, {crop,pad}_attention | f32 [4, 144] | LLaVA, photo cropped or padded: softmax over image keys alone; ordinary attention |
| N_grid | f32 [144] | case N: one value a patch |
| N_mask, N_blend | u8 [40, 63], [40, 63, 3] | case N: mask and prompted photo |
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import CLIPModel, LlavaForConditionalGeneration
from transformers.models.llama import modeling_llama

DEMO = Path("assets/demo")
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SIDE, GRID = 144, 12
QUERY = "a photo of a dog"
QUESTIONS = {"crop": "Is there a dog in the image?", "pad": "Describe this image in detail."}
NEW_TOKENS = 20
CASES = [
    dict(source="clip", formula="official", framing="crop", layer=4, kernel=3, enhance=5.0, resample="lanczos", grey=0, geometry="official"),
    dict(source="clip", formula="paper", framing="crop", layer=3, kernel=7, enhance=10.0, resample="bicubic", grey=200, geometry="aligned"),
    dict(source="clip", formula="official", framing="crop", layer=5, kernel=5, enhance=1.0, resample="nearest", grey=77, geometry="official"),
    dict(source="llava", formula="official", framing="crop", layer=2, kernel=3, enhance=5.0, resample="lanczos", grey=0, geometry="official"),
    dict(source="llava", formula="paper", framing="pad", layer=1, kernel=1, enhance=1.0, resample="bilinear", grey=128, geometry="aligned"),
]


def photo() -> Image.Image:
    whole = Image.open(DEMO / "images/demo_04_park.png").convert("RGB")
    return whole.crop((0, 150, 576, 516)).resize((63, 40), Image.Resampling.BICUBIC)


def pixel_values(image: Image.Image, framing: str) -> torch.Tensor:
    """CLIPImageProcessor's steps by Pillow; padded first as LLaVA does it."""
    if framing == "pad":
        side = max(image.size)
        square = Image.new("RGB", (side, side), tuple(int(255 * m) for m in MEAN))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    short, long = min(image.size), max(image.size)
    long = int(SIDE * long / short)
    image = image.resize((long, SIDE) if image.width >= image.height else (SIDE, long), Image.Resampling.BICUBIC)
    left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
    image = image.crop((left, top, left + SIDE, top + SIDE))
    pixels = (np.asarray(image, dtype=np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1).unsqueeze(0).contiguous()


def clip_text(model: CLIPModel, text: str) -> torch.Tensor:
    ids = Tokenizer.from_file(str(DEMO / "clip/tokenizer.json")).encode(text).ids
    ids = torch.tensor([ids[: ids.index(model.config.text_config.eos_token_id) + 1]])
    embedding = model.text_projection(model.text_model(input_ids=ids).pooler_output)[0]
    return embedding / embedding.norm()


def clip_maps(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """phi and psi of every layer, head by head."""
    model = CLIPModel.from_pretrained(DEMO / "clip", dtype=torch.float32, attn_implementation="eager").eval()
    text = clip_text(model, QUERY)
    values = []
    for layer in model.vision_model.encoder.layers:
        layer.self_attn.v_proj.register_forward_hook(lambda _m, _i, out: values.append(out[0]))
    out = model.vision_model(pixel_values=pixels, output_attentions=True, output_hidden_states=True)
    last = out.hidden_states[-1][0, 0]
    mu, sigma = last.mean(), (last.var(unbiased=False) + 1e-5).sqrt()
    norm, projection = model.vision_model.post_layernorm, model.visual_projection.weight.T
    image = norm(last) @ projection
    terms = 2 * len(values) - 1
    cls_map, token_map = [], []
    for index, (layer, value) in enumerate(zip(model.vision_model.encoder.layers, values)):
        attention = out.attentions[index][0]
        heads, tokens = attention.shape[0], attention.shape[1]
        width = value.shape[1] // heads
        a = torch.zeros(tokens, value.shape[1])
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            w_o = layer.self_attn.out_proj.weight[:, part].T
            a += attention[head, 0].unsqueeze(1) * (value[:, part] @ w_o)
        a += layer.self_attn.out_proj.bias / tokens
        z = out.hidden_states[index + 1][0]
        phi = (norm.weight * (a - mu / (terms * tokens)) / sigma + norm.bias / (terms * tokens)) @ projection
        psi = (norm.weight * (z - mu / terms) / sigma + norm.bias / terms) @ projection
        cls_map.append((phi / image.norm() @ text)[1:])
        token_map.append((psi / image.norm() @ text)[1:])
    patches = norm(out.hidden_states[-1][0, 1:]) @ projection
    cosines = patches / patches.norm(dim=1, keepdim=True) @ text
    logits = model.logit_scale.exp() * torch.stack(
        [image / image.norm() @ clip_text(model, words) for words in ("photo of dogs", "photo of no dogs")]
    )
    return {
        "cls_map": torch.stack(cls_map),
        "token_map": torch.stack(token_map),
        "last_cosines": cosines,
        "yes_probability": logits.softmax(0)[:1],
    }


def llava_maps(pixels: torch.Tensor, question: str) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Means over heads and tokens of the scores' softmax over the image alone, and of the attention itself."""
    model = LlavaForConditionalGeneration.from_pretrained(DEMO / "llava", dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(str(DEMO / "llava/tokenizer.json"))
    image_token = model.config.image_token_index
    ids = []
    for token in tokenizer.encode(f"USER: <image>\n{question} ASSISTANT:").ids:
        ids += [image_token] * GRID**2 if token == image_token else [token]
    start = ids.index(image_token)
    alone: list[torch.Tensor] = []
    ordinary: list[torch.Tensor] = []
    published = modeling_llama.eager_attention_forward

    def watched(module, query, key, value, attention_mask, scaling, **kwargs):
        keys = modeling_llama.repeat_kv(key, module.num_key_value_groups)
        scores = (query[0, :, -1:] @ keys[0].transpose(1, 2))[:, 0] * scaling  # the last row sees every key
        image = slice(start, start + GRID**2)
        alone.append(scores[:, image].softmax(-1).mean(0))
        ordinary.append(scores.softmax(-1)[:, image].mean(0))
        return published(module, query, key, value, attention_mask, scaling, **kwargs)

    modeling_llama.eager_attention_forward = watched
    input_ids = torch.tensor([ids])
    out = model.generate(
        input_ids=input_ids, attention_mask=torch.ones_like(input_ids), pixel_values=pixels, do_sample=False, max_new_tokens=NEW_TOKENS
    )
    modeling_llama.eager_attention_forward = published
    layers = model.config.text_config.num_hidden_layers
    steps = out.shape[1] - len(ids)
    assert len(alone) == steps * layers, "one row a layer and generated token"
    means = [torch.stack(rows).reshape(steps, layers, -1).mean(0) for rows in (alone, ordinary)]
    return means[0], means[1], tokenizer.decode(out[0, len(ids) :].tolist(), skip_special_tokens=True).strip()


def stretched(x: torch.Tensor) -> torch.Tensor:
    return (x - x.min()) / (x.max() - x.min())


def box(x: torch.Tensor, kernel: int) -> torch.Tensor:
    x = torch.nn.functional.pad(x.reshape(1, 1, GRID, GRID), [kernel // 2] * 4, mode="replicate")
    return torch.nn.functional.conv2d(x, torch.full((1, 1, kernel, kernel), 1 / kernel**2)).flatten()


def grid_mask(case: dict, t: dict[str, torch.Tensor]) -> torch.Tensor:
    def enhanced(x: torch.Tensor) -> torch.Tensor:
        x = stretched(x)
        return torch.sigmoid(case["enhance"] * (x - x.mean()) / x.std())

    layer = case["layer"]
    if case["source"] == "llava":
        name = "image_attention" if case["formula"] == "official" else "attention"
        return box(enhanced(t[f"{case['framing']}_{name}"][layer]), case["kernel"])
    if case["formula"] == "official":
        looked, unlike = t["cls_map"][layer], 1 - stretched(t["token_map"][layer])
    else:
        looked, unlike = t["cls_map"][layer:].sum(0), 1 - t["last_cosines"]
    a, b = box(enhanced(looked), case["kernel"]), box(unlike, case["kernel"])
    return stretched(a + b - a * b)


def prompted(case: dict, grid: torch.Tensor, image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    levels = Image.fromarray((255 * grid).reshape(GRID, GRID).to(torch.uint8).numpy(), "L")
    resample = getattr(Image.Resampling, case["resample"].upper())
    w, h = image.size
    if case["geometry"] == "official":
        mask = levels.resize((w, h), resample)
    else:
        mask = Image.new("L", (w, h), 255)
        if case["framing"] == "pad":
            side = max(w, h)
            x0, y0, x1, y1 = -((side - w) // 2), -((side - h) // 2), side - (side - w) // 2, side - (side - h) // 2
        else:
            long = int(SIDE * w / h)
            left = (long - SIDE) // 2
            x0, x1, y0, y1 = round(left * w / long), round((left + SIDE) * w / long), 0, h
        mask.paste(levels.resize((x1 - x0, y1 - y0), resample), (x0, y0))
    share = np.asarray(mask)[:, :, None] / 255
    return np.asarray(mask), (np.asarray(image) * share + (1 - share) * case["grey"]).astype(np.uint8)


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    image = photo()
    tensors = {"photo": torch.from_numpy(np.array(image)), **clip_maps(pixel_values(image, "crop"))}
    words = {"query": QUERY, "cases": CASES}
    for framing, question in QUESTIONS.items():
        alone, ordinary, answer = llava_maps(pixel_values(image, framing), question)
        tensors[f"{framing}_image_attention"], tensors[f"{framing}_attention"] = alone, ordinary
        words[f"{framing}_question"], words[f"{framing}_answer"] = question, answer
    for number, case in enumerate(CASES):
        grid = grid_mask(case, tensors)
        mask, blend = prompted(case, grid, image)
        tensors[f"{number}_grid"] = grid
        tensors[f"{number}_mask"], tensors[f"{number}_blend"] = torch.from_numpy(mask.copy()), torch.from_numpy(blend)
    for name, tensor in tensors.items():
        print(name, tuple(tensor.shape), tensor.dtype, float(tensor.min()), float(tensor.max()))
    print(words)
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, "tests/golden/prompting.safetensors", metadata={"golden": json.dumps(words)})


if __name__ == "__main__":
    main()
