"""What transformers computes for the bundled demo CLIP: the reference of `tests/models/demo_clip.rs`.

Made with torch 2.15.0, transformers 5.23.0 and tokenizers; eager attention, f32, one thread. Not run in CI. From the project's root,
after `demo_llava.py` (whose pixel values it uses: both models preprocess alike):

    OMP_NUM_THREADS=1 python tests/golden/demo_clip.py

writes `tests/golden/demo_clip.safetensors`: `text_ids` i64 [texts, len] (rows end at their first end token, the rest repeats it),
`image_embedding` f32 [D], `text_embeddings` f32 [texts, D], `logits` f32 [texts], `vision_cls_attention` f32 [L_v, H_v, N].
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import CLIPModel

DEMO = Path("assets/demo/clip")
TEXTS = ["a photo of a chair", "umbrella", "a photo of a car on the street"]


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    model = CLIPModel.from_pretrained(DEMO, dtype=torch.float32, attn_implementation="eager").eval()
    pixels = load_file("tests/golden/demo_llava.safetensors")["pixel_values"].unsqueeze(0)
    tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
    eos = model.config.text_config.eos_token_id
    rows = [tokenizer.encode(text).ids for text in TEXTS]
    rows = [row[: row.index(eos) + 1] for row in rows]
    length = max(map(len, rows))
    ids = torch.tensor([row + [eos] * (length - len(row)) for row in rows])
    out = model(input_ids=ids, pixel_values=pixels, output_attentions=True)
    texts = model.text_projection(model.text_model(input_ids=ids).pooler_output)
    vision = model.vision_model(pixel_values=pixels, output_attentions=True)
    image = model.visual_projection(vision.pooler_output)
    tensors = {
        "text_ids": ids,
        "image_embedding": image[0],
        "text_embeddings": texts,
        "logits": out.logits_per_image[0],
        "vision_cls_attention": torch.stack([attention[0, :, 0, 1:] for attention in vision.attentions]),
    }
    for name, tensor in tensors.items():
        print(name, tuple(tensor.shape), tensor.dtype)
    save_file({name: t.contiguous() for name, t in tensors.items()}, "tests/golden/demo_clip.safetensors")


if __name__ == "__main__":
    main()
