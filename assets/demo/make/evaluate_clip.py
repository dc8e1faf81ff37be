"""The demo CLIP's measured quality: zero-shot presence, and whether its patch maps point at the named object.

`api_last`, `api_last2`, `api_last3`: the attention-weighted values that [CLS] receives in the last one, two, three layers, projected and
compared with the text (attention prompting's CLIP map); `patch_sim`: plain cosine of patch and text, for comparison.
"""

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, CLIPModel

import language
from catalogue import CATEGORIES
from dataset import pixel_values
from train_clip import run_layer


def contributions(layer, hidden):
    """What each patch adds to [CLS] through this layer's attention, **shape** [n, patches, width]."""
    normed = layer.layer_norm1(hidden)
    count, tokens, width = normed.shape
    own = layer.self_attn

    def heads(projection):
        return projection(normed).view(count, tokens, own.num_heads, -1).transpose(1, 2)

    weights = (heads(own.q_proj) * own.scale @ heads(own.k_proj).transpose(-1, -2)).softmax(-1)
    mixed = (weights[:, :, 0, :, None] * heads(own.v_proj)).transpose(1, 2).reshape(count, tokens, width)
    return (mixed @ own.out_proj.weight.T)[:, 1:]


def maps_of(clip, pixels, texts):
    """({name: [n, patches, texts]}, image-text cosines [n, texts])."""
    vision = clip.vision_model
    hidden, parts = vision.pre_layrnorm(vision.embeddings(pixels)), []
    for layer in vision.encoder.layers:
        parts.append(contributions(layer, hidden))
        hidden = run_layer(layer, hidden)
    norm, cls = vision.post_layernorm, hidden[:, 0]
    deviation = (cls.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()

    def project(part):
        centred = (part - part.mean(-1, keepdim=True)) / deviation[:, None] * norm.weight
        return clip.visual_projection(centred) @ texts.T

    maps = {f"api_last{n if n > 1 else ''}": project(sum(parts[-n:])) for n in (1, 2, 3)}
    maps["patch_sim"] = F.normalize(clip.visual_projection(norm(hidden[:, 1:])), dim=-1) @ texts.T
    return maps, F.normalize(clip.visual_projection(norm(cls)), dim=-1) @ texts.T


@torch.inference_mode()
def evaluate(folder, split, num_images=200):
    """Everything, as a dictionary for `measured/clip.json`."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    clip = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    words = tokenizer(["a photo of " + language.article(c) for c in CATEGORIES], return_tensors="pt", padding=True)
    texts = clip.get_text_features(**words)
    texts = F.normalize(texts if torch.is_tensor(texts) else texts.pooler_output, dim=-1)
    indices = [k for k in range(len(split)) if split.records[k]["objs"]][:num_images]
    hits, overlaps, precision = {}, {}, []
    for start in range(0, len(indices), 32):
        part = indices[start : start + 32]
        maps, cosines = maps_of(clip, pixel_values(split.images(part)), texts)
        present = split.presence(part)
        for row, truth in zip(cosines, present):
            precision.append(truth[row.topk(int(truth.sum())).indices].mean().item())
        for j, k in enumerate(part):
            for category in sorted({o["cat"] for o in split.records[k]["objs"]}):
                cover = split.cover(k, category).reshape(-1)
                truth = cover > 0.25 if (cover > 0.25).any() else cover >= cover.max()
                for name, values in maps.items():
                    values = values[j, :, CATEGORIES.index(category)].numpy()
                    marked = values > values.mean()
                    hits.setdefault(name, []).append(cover[values.argmax()] > 0.1)
                    overlaps.setdefault(name, []).append((marked & truth).sum() / (marked | truth).sum())
    result = {k: dict(pointing=float(np.mean(hits[k])), iou=float(np.mean(overlaps[k])), n=len(hits[k])) for k in hits}
    return {**result, "presence_P@k": float(np.mean(precision))}
