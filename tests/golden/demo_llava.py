"""What transformers computes for the bundled demo model: the reference of `tests/models/demo_llava.rs`.

Made with torch 2.15.0, transformers 5.23.0, tokenizers and Pillow; eager attention, f32, one thread, greedy (no random numbers).
Not run in CI. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/demo_llava.py

writes `tests/golden/demo_llava.safetensors`:

| tensor | shape | meaning |
| --- | --- | --- |
| pixel_values | f32 [3, S, S] | the preprocessed image |
| input_ids | i64 [P] | prompt, image placeholder expanded |
| output_ids | i64 [T] | greedy answer, cut at T tokens |
| logits | f32 [T, V] | what each token was chosen from |
| decoder_attention | f32 [T, L, H, P+T] | softmax row of the position that predicted token t, zero beyond its keys |
| vision_cls_attention | f32 [L_v, H_v, N] | `[CLS]` row over patches of every vision layer |
| image_features | f32 [N, hidden] | the projector's output |
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import CLIPImageProcessor, LlavaForConditionalGeneration

DEMO = Path("assets/demo")
IMAGE = "images/demo_01_beach.png"
PROMPT = "USER: <image>\nDescribe this image in detail. ASSISTANT:"
NEW_TOKENS = 24


def pixel_values() -> torch.Tensor:
    """CLIPImageProcessor's steps by Pillow and numpy: the torchvision default differs from Pillow by a grey level here and there."""
    processor = CLIPImageProcessor.from_pretrained(DEMO / "llava")
    side = processor.size["shortest_edge"]
    image = Image.open(DEMO / IMAGE).convert("RGB")
    assert image.width == image.height, "a square image needs no crop"
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    pixels = (pixels - np.float32(processor.image_mean)) / np.float32(processor.image_std)
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1).unsqueeze(0).contiguous()


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    model = LlavaForConditionalGeneration.from_pretrained(
        DEMO / "llava", dtype=torch.float32, attn_implementation="eager"
    ).eval()
    image_token = model.config.image_token_index
    num_patches = (model.config.vision_config.image_size // model.config.vision_config.patch_size) ** 2
    ids = []
    for token in Tokenizer.from_file(str(DEMO / "llava/tokenizer.json")).encode(PROMPT).ids:
        ids += [image_token] * num_patches if token == image_token else [token]
    input_ids, pixels = torch.tensor([ids]), pixel_values()

    out = model.generate(
        input_ids=input_ids,
        attention_mask=torch.ones_like(input_ids),
        pixel_values=pixels,
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        output_attentions=True,
        output_logits=True,
        return_dict_in_generate=True,
    )
    output_ids = out.sequences[0, len(ids) :]
    steps, width = len(output_ids), len(ids) + len(output_ids)
    rows = torch.zeros(steps, len(out.attentions[0]), out.attentions[0][0].shape[1], width)
    for step, layers in enumerate(out.attentions):
        for layer, attention in enumerate(layers):
            rows[step, layer, :, : attention.shape[-1]] = attention[0, :, -1]

    vision = model.model.vision_tower(pixels, output_attentions=True)
    features = model.model.get_image_features(pixels)
    features = getattr(features, "pooler_output", features)
    features = features[0]
    tensors = {
        "pixel_values": pixels[0],
        "input_ids": input_ids[0],
        "output_ids": output_ids,
        "logits": torch.stack([step[0] for step in out.logits]),
        "decoder_attention": rows,
        "vision_cls_attention": torch.stack([attention[0, :, 0, 1:] for attention in vision.attentions]),
        "image_features": features.reshape(num_patches, -1),
    }
    for name, tensor in tensors.items():
        print(name, tuple(tensor.shape), tensor.dtype)
    save_file({name: t.contiguous() for name, t in tensors.items()}, "tests/golden/demo_llava.safetensors")


if __name__ == "__main__":
    main()
