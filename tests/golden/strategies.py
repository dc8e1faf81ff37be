"""Writes `strategies.safetensors`: contrastive decoding of the golden checkpoints in PyTorch. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0, numpy 2.4.6. Seed: `NOISE_SEED`.

    OMP_NUM_THREADS=1 python tests/golden/strategies.py

Two loops without any cache (every step runs both branches from their beginning), written from the methods' equations. For every case
`CHECKPOINT/NAME/`, greedy over `STEPS` tokens:

    output_ids       i64 [T]
    logits           f32 [T, V]   the ordinary branch
    negative_logits  f32 [T, V]   the other one
    final_logits     f32 [T, V]   what the token was chosen from, removed candidates -inf
    outlier_tokens   i64 [k]      damro

and for every checkpoint `CHECKPOINT/noise` f32 [3, S, S]. The metadata entry `golden` is JSON with the list `cases`: `checkpoint`, `name`,
`spec` (`NOISE` and `PROMPT` stand for files), `raw_prompt`, `disturbed` (the text of the file PROMPT).
"""

import json
import math
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, LlavaForConditionalGeneration

HERE = Path(__file__).resolve().parent
STEPS = 4
NOISE_SEED = 7
MIN_MARGIN = 0.004  # least distance of a choice from the next, and of any logit from the cut-off: forty times what f32 differs by
CONFUSED = "You are a confused objects detector to provide a fuzzy overview or impression of the image."
QUESTIONS = ["What is in this image?", "Is there a clock in the image?", "Describe this image in detail.", "Is there a dog?", "What is red?",
             "Where is the boat?", "Who is in the park?", "How many kites?", "Why?", "Name the wall.", "Is it a lake?", "Count.", "A beach?"]
DISTURBED = "Dim eyes. USER: <image>\n{question} Guess. ASSISTANT:"
CHECKPOINTS = ["prefixed_shards", "nested_full", "newest_shards"]
CASES = {  # name: spec
    "vcd": "vcd:alpha=1,beta=0.1,step=500,noise=NOISE",
    "vcd_official": "vcd:preset=official,step=999,noise=NOISE",
    "damro_unsplit": "damro:alpha=2,beta=0.1,k=3,cls=unsplit",
    "damro_mean": "damro:alpha=1,beta=0.2,k=5,cls=mean",
    "icd": "icd",
    "icd_raw": "icd:alpha=2,beta=0.05,prompt=PROMPT",
    "pai": "pai-cfg",
    "pai_official": "pai-cfg:preset=official",
    "m3id": "m3id:lambda=0.3,threshold=0.9",
}
ALL_CASES_OF = "prefixed_shards"
SOME = ["vcd", "damro_unsplit", "damro_mean", "icd_raw"]


class Checkpoint:
    def __init__(self, name: str):
        folder = HERE / name / "checkpoint"
        self.name = name
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.processor = AutoProcessor.from_pretrained(folder)
        self.image_id = self.model.config.image_token_id
        self.photo = Image.open(HERE / name / "photo.png").convert("RGB")
        golden = load_file(HERE / name / "golden.safetensors")
        self.pixels = golden["pixel_values"][None]
        generator = torch.Generator().manual_seed(NOISE_SEED)
        self.noise = torch.randn(self.pixels.shape[1:], generator=generator)
        self.features = self.encode(self.pixels)
        self.cls_unsplit, self.cls_mean = self.cls()

    def encode(self, pixels):
        out = self.model.model.get_image_features(pixel_values=pixels)
        out = getattr(out, "pooler_output", out)
        return (out[0] if isinstance(out, (list, tuple)) else out).reshape(-1, self.model.config.text_config.hidden_size)

    def cls(self):
        """[CLS] rows over patches of the layer whose output is the feature: DAMRO's hooks, and the encoder's own softmax."""
        config = self.model.config
        count = config.vision_config.num_hidden_layers
        entry = config.vision_feature_layer
        layer_idx = (entry if entry >= 0 else count + 1 + entry) - 1
        tower = getattr(self.model.model.vision_tower, "vision_model", self.model.model.vision_tower)
        attention = tower.encoder.layers[layer_idx].self_attn
        seen = {}
        hooks = [getattr(attention, part).register_forward_hook(lambda _m, _i, out, part=part: seen.__setitem__(part, out))
                 for part in ("q_proj", "k_proj")]
        probs = self.model.model.vision_tower(self.pixels, output_attentions=True).attentions[layer_idx]
        for hook in hooks:
            hook.remove()
        query, key = seen["q_proj"][0], seen["k_proj"][0]
        unsplit = (query @ key.T / math.sqrt(query.shape[-1])).softmax(-1)[0, 1:]
        return unsplit, probs[0, :, 0, 1:].mean(0)

    def ids(self, prompt: str):
        return self.processor(images=self.photo, text=prompt, return_tensors="pt")["input_ids"][0]

    def embed(self, ids, features):
        embeddings = self.model.get_input_embeddings()(ids.clamp(max=self.model.config.text_config.vocab_size - 1))
        embeddings = embeddings.clone()
        embeddings[ids == self.image_id] = features
        return embeddings

    def next_logits(self, prompt_embeddings, answer: list):
        tail = self.model.get_input_embeddings()(torch.tensor(answer, dtype=torch.long))
        embeddings = torch.cat([prompt_embeddings, tail])[None]
        hidden = self.model.model.language_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        return self.model.lm_head(hidden[0, -1])


def noised(checkpoint: Checkpoint, step: int):
    betas = torch.linspace(-6, 6, 1000, dtype=torch.float64).sigmoid() * (0.5e-2 - 1e-5) + 1e-5
    kept = (1 - betas).cumprod(0)[step].item()
    return math.sqrt(kept) * checkpoint.pixels + math.sqrt(1 - kept) * checkpoint.noise


def parse(spec: str):
    name, _, rest = spec.partition(":")
    return name, dict(pair.split("=") for pair in rest.split(",") if pair)


def other_branch(checkpoint: Checkpoint, spec: str, raw_prompt: str, disturbed: str):
    """Embeddings of the other branch's prompt, and the outliers."""
    name, given = parse(spec)
    ids = checkpoint.ids(raw_prompt)
    if name == "vcd":
        return checkpoint.embed(ids, checkpoint.encode(noised(checkpoint, int(given["step"])))), None
    if name == "damro":
        row = checkpoint.cls_unsplit if given["cls"] == "unsplit" else checkpoint.cls_mean
        outliers = row.topk(int(given["k"])).indices
        first = int((ids == checkpoint.image_id).nonzero()[0])
        count = int((ids == checkpoint.image_id).sum())
        features = checkpoint.features[count - len(row) + outliers]
        ids = torch.cat([ids[:first], ids[first:first + len(outliers)], ids[first + count:]])
        return checkpoint.embed(ids, features), outliers
    if name == "icd":
        text = disturbed if "prompt" in given else CONFUSED + " " + raw_prompt
        ids = checkpoint.ids(text)
        return checkpoint.embed(ids, checkpoint.features), None
    ids = ids[ids != checkpoint.image_id]
    return checkpoint.model.get_input_embeddings()(ids), None


def combine(spec: str, step_idx: int, l, other):
    """The methods' equations; and how far the nearest logit is from the cut-off."""
    name, given = parse(spec)
    if name == "m3id":
        s, u = l.log_softmax(-1), other.log_softmax(-1)
        x = float(given["lambda"]) * (step_idx + 1)
        acts = s.max() < math.log(float(given["threshold"]))
        weight = (1 - math.exp(-x)) / math.exp(-x) if acts else 0.0
        return s + weight * (s - u), abs(s.max().item() - math.log(float(given["threshold"])))
    if name == "pai-cfg":
        gamma = 2.0 if given.get("preset") == "official" else 1.1
        s, u = l.log_softmax(-1), other.log_softmax(-1)
        scores, cutoff, l = gamma * (s - u) + u, math.log(0.1) + s.max(), s
    else:
        alpha = float(given.get("alpha", dict(vcd=1, damro=2, icd=1)[name]))
        beta = float(given.get("beta", 0.2 if given.get("preset") == "official" else 0.1))
        scores, cutoff = (1 + alpha) * l - alpha * other, math.log(beta) + l.max()
    return scores.masked_fill(l < cutoff, -math.inf), (l - cutoff).abs().min().item()


def run(checkpoint: Checkpoint, spec: str, question: str):
    raw_prompt = f"USER: <image>\n{question} ASSISTANT:"
    disturbed = DISTURBED.format(question=question)
    ids = checkpoint.ids(raw_prompt)
    ordinary = checkpoint.embed(ids, checkpoint.features)
    negative, outliers = other_branch(checkpoint, spec, raw_prompt, disturbed)
    answer, rows, margin, plain = [], ([], [], []), math.inf, 0
    for step_idx in range(STEPS):
        l, other = checkpoint.next_logits(ordinary, answer), checkpoint.next_logits(negative, answer)
        final, from_cutoff = combine(spec, step_idx, l, other)
        best = final.topk(2).values
        margin = min(margin, from_cutoff, (best[0] - best[1]).item())
        for kept, row in zip(rows, (l, other, final)):
            kept.append(row)
        answer.append(int(final.argmax()))
        plain += int(l.argmax()) != answer[-1]
    tensors = dict(output_ids=torch.tensor(answer))
    tensors.update(zip(("logits", "negative_logits", "final_logits"), (torch.stack(kept) for kept in rows)))
    if outliers is not None:
        tensors["outlier_tokens"] = outliers
    ends = 2 in answer
    return tensors, (0 if ends else margin), plain, dict(raw_prompt=raw_prompt, disturbed=disturbed)


def main() -> None:
    tensors, cases = {}, []
    for checkpoint in map(Checkpoint, CHECKPOINTS):
        tensors[f"{checkpoint.name}/noise"] = checkpoint.noise
        for name, spec in CASES.items():
            if checkpoint.name != ALL_CASES_OF and name not in SOME:
                continue
            # The case in which the contrast changes most choices, of those without a near tie.
            tried = [run(checkpoint, spec, question) for question in QUESTIONS]
            good = [one for one in tried if one[1] > MIN_MARGIN]
            made, margin, changed, words = max(good, key=lambda one: one[2])
            tensors.update({f"{checkpoint.name}/{name}/{key}": value.contiguous() for key, value in made.items()})
            cases.append(dict(checkpoint=checkpoint.name, name=name, spec=spec, **words))
            print(f"{checkpoint.name} {name}: {made['output_ids'].tolist()}, {changed} of {STEPS} changed, margin {margin:.3f}")
    path = HERE / "strategies.safetensors"
    save_file(tensors, path, metadata=dict(golden=json.dumps(dict(cases=cases), ensure_ascii=False)))
    print(f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
