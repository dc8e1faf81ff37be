"""Writes `tests/golden/cls_unsplit.safetensors`: DAMRO's `[CLS]` row of the bundled demo model. Not run in CI.

As DAMRO's code does it: hooks on `q_proj` and `k_proj` of every vision layer, their outputs (with bias, before the heads are split and before
any scaling), softmax of Q K^T / sqrt(width) over all keys, row of `[CLS]` without its own column.
Made with torch 2.15.0, transformers 5.23.0; f32, one thread. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/cls_unsplit.py
"""

import torch
from demo_llava import DEMO, pixel_values
from safetensors.torch import save_file
from transformers import LlavaForConditionalGeneration


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    model = LlavaForConditionalGeneration.from_pretrained(DEMO / "llava", dtype=torch.float32, attn_implementation="eager").eval()
    seen = {"q_proj": [], "k_proj": []}
    for name, module in model.model.vision_tower.named_modules():
        part = name.rsplit(".", 1)[-1]
        if part in seen:
            module.register_forward_hook(lambda _module, _inputs, out, part=part: seen[part].append(out[0]))
    out = model.model.vision_tower(pixel_values(), output_attentions=True)
    rows = [torch.softmax(q @ k.T / q.shape[-1] ** 0.5, -1)[0, 1:] for q, k in zip(seen["q_proj"], seen["k_proj"])]
    assert len(rows) == len(out.attentions)
    save_file({"vision_cls_unsplit": torch.stack(rows).contiguous()}, "tests/golden/cls_unsplit.safetensors")
    print([f"{row.max():.3f}" for row in rows])


main()
