"""Writes `head_ranking.safetensors`: heads ranked for AD-HH in PyTorch. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, safetensors 0.8.0, numpy 2.4.6.

    OMP_NUM_THREADS=1 python tests/golden/head_ranking.py [--seed N] [--checkpoint NAME]... [--out FILE]

A plain loop without any cache: for every word and every head the whole sequence runs again with that head's output 0 in its last row. For every
checkpoint `CHECKPOINT/scores` and `CHECKPOINT/errors`, f32 [L, H]. The metadata entry `golden` is JSON with the list `words`: `checkpoint`,
`prompt`, `photo` (0 or 1: the same pixels under two names), `hallucinated`, and either `tokens` (the answer's ids up to the word's first) or
`before` and `word`.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from safetensors.torch import save_file

from methods_attention import Edit, Model, Places
from strategies import QUESTIONS

HERE = Path(__file__).resolve().parent
CHECKPOINTS = ["newest_shards", "nested_full", "prefixed_shards", "mistral_window"]
WORDS = [" dog", " kites", " a beach", " boat", " lake", " person", " clock", " wall"]


class Silent(Edit):
    """A head without output in the last row."""

    def heads(self, l, o):
        layer, head = self.given["head"]
        if l == layer:
            o = o.clone()
            o[head, -1] = 0
        return o


def common(a, b):
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--checkpoint", action="append", help="a folder as make.py makes them; repeatable")
    parser.add_argument("--out", type=Path, default=HERE / "head_ranking.safetensors")
    given = parser.parse_args()
    tensors, listed = {}, []
    for name in given.checkpoint or CHECKPOINTS:
        model = Model(name, given.seed)
        draw = random.Random(given.seed)
        layers, heads = model.config.num_hidden_layers, model.config.num_attention_heads
        plain = Edit(model, {}, None)
        features = model.see(plain)
        found = []
        for idx in range(6):
            question = draw.choice(QUESTIONS[:2])
            prompt = f"USER: <image>\n{question} ASSISTANT:"
            before = "".join(draw.sample(WORDS, idx % 3))
            ids = model.ids(prompt + before)
            word = dict(checkpoint=name, prompt=prompt, photo=idx % 2, hallucinated=draw.random() < 0.5 if idx > 1 else idx == 0)
            if idx % 3 == 2:
                text = draw.choice(WORDS)
                whole = model.ids(prompt + before + text)
                length = common(ids.tolist(), whole.tolist())
                ids, target = whole[:length], int(whole[length])
                word.update(before=before, word=text)
            else:
                # The token that the model would say: influences are large.
                answer = ids[len(model.ids(prompt)):].tolist()
                target = int(model.decode(model.embed(ids, features), plain)[2].argmax())
                word.update(tokens=[*answer, target])
            embedded = model.embed(ids, features)
            chance = lambda edit: float(model.decode(embedded, edit)[2].double().softmax(-1)[target])
            whole = chance(plain)
            silent = [[whole - chance(Silent(model, dict(head=(l, h)), None)) for h in range(heads)] for l in range(layers)]
            found.append((word, torch.tensor(silent, dtype=torch.float64)))
            listed.append(word)
        kinds = {kind: [influence for word, influence in found if word["hallucinated"] is kind] for kind in (True, False)}
        means = {kind: torch.stack(all_of).mean(0) for kind, all_of in kinds.items()}
        tensors[f"{name}/scores"] = means[True] - means[False]
        squares = 0
        for photo in (0, 1):
            own = sum((1 if word["hallucinated"] else -1) * (influence - means[word["hallucinated"]]) / len(kinds[word["hallucinated"]])
                      for word, influence in found if word["photo"] == photo)
            squares = squares + own ** 2
        tensors[f"{name}/errors"] = (squares * 2).sqrt()
        print(f"{name}: scores up to {tensors[f'{name}/scores'].abs().max():.4f}, {len(kinds[True])} of {len(found)} hallucinated")
    tensors = {key: value.float().contiguous() for key, value in tensors.items()}
    save_file(tensors, given.out, metadata=dict(golden=json.dumps(dict(words=listed), ensure_ascii=False)))
    print(f"{len(listed)} words, {given.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
