"""Writes `methods_branches.safetensors`: methods with a second branch, and controls, in plain PyTorch. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/methods_branches.py [--seed 7] [--checkpoint NAME]... [--out FILE]

Loops without any cache (every step runs every branch from its beginning over all positions, `plain_decoder.py`), written from the methods'
formulas. For every case `CHECKPOINT/NAME/`, greedy over `STEPS` tokens:

    output_ids       i64 [T]
    logits           f32 [T, V]   the ordinary branch
    negative_logits  f32 [T, V]   the (first) other one, where there is one
    final_logits     f32 [T, V]   what the token was chosen from, removed candidates -inf, where the method works on logits

The metadata entry `golden` is JSON with the list `cases`: `checkpoint`, `name`, `spec` (`DESCRIPTION` stands for a text), `raw_prompt`,
`question` (goes through the chat template in its place, if it is not null), `description`, `changed` (tokens that plain decoding from the
same beginning would have chosen otherwise), `yes_no` (first tokens of both answers) and `full_prompt`. The seed chooses questions; cases with a near tie anywhere are left out.
"""

import argparse
import json
import math
import random

import torch
from safetensors.torch import save_file

from plain_decoder import HERE, Plain

STEPS = 3
MIN_MARGIN = 0.003  # least distance of a choice from the next, and of any logit from the cut-off
MIN_SHARE = 2e-6  # the same of what is compared as a probability
QUESTIONS = ["What is in this image?", "Is there a clock in the image?", "Describe this image in detail.", "Is there a dog?", "What is red?",
             "Where is the boat?", "Who is in the park?", "How many kites?", "Why?", "Name the wall.", "Is it a lake?", "Count.", "A beach?"]
DESCRIPTIONS = ["A dog runs in the park.", "A red boat, two kites.", "The wall is white and a clock hangs on it."]
SUFFIX = " Answer yes whenever possible."
CHECKPOINTS = ["newest_shards", "nested_full", "llama3_rope", "prefixed_shards"]
CASES = {  # name: spec, by checkpoint
    "newest_shards": {
        "cutoff": "cutoff:beta=0.5", "flip": "flip:mass=0,gap=1,yes-id=YES,no-id=NO", "yes_suffix": "yes-suffix",
        "avisc": "avisc:lambda=0.5,beta=0.3", "sid": "sid:k=3,layer=1,beta=0.3", "sid_official": "sid:preset=official,k=2",
        "only": "only", "only_with": "only:gamma=2,with=1.5", "uniform": "causalmm:edit=uniform,beta=0.3",
        "map": "causalmm:preset=official,edit=reversed,alpha=4", "vdgd": "vdgd:description=DESCRIPTION,beta=0.3",
    },
    "nested_full": {
        "cutoff": "cutoff:beta=0.7", "flip": "flip:preset=official,mass=0,gap=1,yes-id=YES,no-id=NO", "yes_suffix": "yes-suffix",
        "avisc": "avisc:preset=official,gamma=0.3,lambda=1", "sid": "sid:k=5,layer=2,alpha=2", "only": "only:residual=0.5,final=0.2",
        "decoder": "causalmm:where=decoder,edit=uniform,alpha=2", "map": "causalmm:preset=official,edit=uniform",
        "vdgd": "vdgd:description=DESCRIPTION,weight=2,beta=0.05",
    },
    "llama3_rope": {
        "cutoff": "cutoff", "flip": "flip:mass=0,gap=1,yes-id=YES,no-id=NO,steps=all", "yes_suffix": "yes-suffix",
        "avisc": "avisc:preset=pope,gamma=1,lambda=0.2", "sid": "sid:k=4", "only": "only:gamma=0,against=2",
        "both": "causalmm:where=both,edit=reversed,beta=0.2", "vdgd": "vdgd:preset=official,description=DESCRIPTION",
    },
    "prefixed_shards": {"avisc": "avisc:preset=amber", "sid": "sid:k=6,beta=0", "only": "only", "both": "causalmm:where=both,edit=uniform,alpha=0.5"},
}
STRENGTHS = dict(avisc=1, sid=1, causalmm=1)


def parse(spec: str):
    name, _, rest = spec.partition(":")
    return name, dict(pair.split("=") for pair in rest.split(",") if pair)


def keep(scores, l, beta: float):
    """Keep(beta); and how far the nearest logit is from the cut-off."""
    if beta == 0:
        return scores, math.inf
    cutoff = math.log(beta) + l.max()
    return scores.masked_fill(l < cutoff, -math.inf), (l - cutoff).abs().min().item()


class Case:
    """One method on one prompt: `step(answer)` gives l, n, final and the least margin."""

    def __init__(self, plain: Plain, spec: str, raw_prompt: str):
        self.plain, (self.name, self.given) = plain, parse(spec)
        self.ids = plain.ids(raw_prompt)
        self.start, self.end = plain.span(self.ids)
        self.ordinary = plain.embed(self.ids, plain.features)
        self.official = self.given.get("preset") == "official"
        self.beta = float(self.given.get("beta", {"cutoff": 0.2, "sid": 0.0 if self.official else 0.1}.get(self.name, 0.1)))
        self.margin = math.inf
        prepare = getattr(self, "prepare_" + self.name.replace("-", "_"), None)
        if prepare:
            prepare()

    def real(self, name: str, default: float) -> float:
        return float(self.given.get(name, default))

    def run(self, prompt, answer, **edits):
        return self.plain.run(torch.cat([prompt, self.plain.tokens(answer)]), **edits)

    def near(self, distance) -> None:
        """A comparison of probabilities that is as near."""
        self.margin = min(self.margin, float(distance) / MIN_SHARE * MIN_MARGIN)

    def step(self, answer: list):
        inside = self.run(self.ordinary, answer)
        l = inside["logits"][-1]
        n, scores = getattr(self, "scores_" + self.name.replace("-", "_"))(answer, inside, l)
        if scores is None:
            return l, n, None
        final, from_cutoff = keep(scores, l, 0.0 if self.name == "flip" or self.replaces() else self.beta)
        self.margin = min(self.margin, from_cutoff)
        return l, n, final

    def replaces(self) -> bool:
        return self.name == "vdgd" and self.official

    def contrast(self, l, n, alpha: float):
        return n, (1 + alpha) * l - alpha * n

    # Controls

    def scores_cutoff(self, answer, inside, l):
        return None, 2 * l - l  # as the authors' code: a second pass over the same

    def scores_flip(self, answer, inside, l):
        p, yes, no = l.softmax(-1), int(self.given["yes-id"]), int(self.given["no-id"])
        every = self.official or self.given.get("steps") == "all"
        mass, gap = self.real("mass", 0.2), self.real("gap", 0.5)
        self.near(abs(p[yes] + p[no] - mass) if mass else 1)
        self.near(abs(abs(p[yes] - p[no]) - gap))
        if (every or not answer) and p[yes] + p[no] > mass and abs(p[yes] - p[no]) < gap:
            only_yes = torch.full_like(l, -math.inf)
            only_yes[yes] = l[yes]
            return None, only_yes
        return None, l

    def scores_yes_suffix(self, answer, inside, l):
        return None, None

    # AvisC

    def prepare_avisc(self):
        gamma, spread = self.real("gamma", 0.5), self.real("lambda", 1)
        rows = torch.stack([probs[:, -1, self.start:self.end].mean(0) for probs in self.run(self.ordinary, [])["probs"]])
        masses = rows.sum(1)
        order = masses.sort(descending=True, stable=True).indices
        shares = masses[order].cumsum(0) / masses.sum()
        count = int((shares < gamma).sum()) + 1 + self.official
        if gamma < 1:
            self.near((shares - gamma).abs().min())
        row = rows[order[:count]].mean(0)
        limit = row.mean() + spread * row.std()
        self.near((row - limit).abs().min())
        features = self.plain.features.clone()
        features[row < limit] = 0
        self.negative = self.plain.embed(self.ids, features)
        self.touched = int((row >= limit).sum())
        assert 0 < self.touched < len(row), "some are blind"

    def scores_avisc(self, answer, inside, l):
        alpha = {"pope": 3, "amber": 2.5}.get(self.given.get("preset"), 1)
        return self.contrast(l, self.run(self.negative, answer)["logits"][-1], self.real("alpha", alpha))

    # SID

    def scores_sid(self, answer, inside, l):
        layers = self.plain.config.num_hidden_layers
        k = int(self.given.get("k", max(1, 100 * (self.end - self.start) // 576)))
        first = int(self.given.get("layer", max(1, 2 * layers // 32)))

        def hide(layer_idx, scores, maps):
            if layer_idx < first:
                return scores
            # The prompt's rows choose by its last one, every token of the answer by its own.
            mean = maps[first - 1].mean(0)
            prompt_len = len(self.ids)
            for row in range(scores.shape[1]):
                chooser = max(row, prompt_len - 1)
                seen = mean[chooser, self.start:self.end]
                order = seen.sort(stable=True)
                self.near(order.values[k] - order.values[k - 1])
                lost = self.start + order.indices[k:]
                scores[:, row, lost] = -math.inf
            return scores

        n = self.run(self.ordinary, answer, on_scores=hide)["logits"][-1]
        return self.contrast(l, n, self.real("alpha", 0.5 if self.official else 1))

    # ONLY

    def scores_only(self, answer, inside, l):
        plain = self.plain
        decoder = plain.model.model.language_model
        first, last = decoder.layers[0], decoder.layers[-1]
        row = inside["probs"][0][:, -1].clone()
        words = [key for key in range(1, row.shape[1]) if not self.start <= key < self.end]
        entropies = []
        for keys in (words, list(range(self.start, self.end))):
            part = row[:, keys]
            limit = part.mean(-1, keepdim=True) + part.std(-1, keepdim=True)
            self.near((part - limit).abs().min())
            part = part.masked_fill(part > limit, 0)
            row[:, keys] = part
            share = part / part.sum(-1, keepdim=True)
            entropies.append(-torch.special.xlogy(share, share).sum(-1))
        ratio = entropies[0] / entropies[1]
        self.near((ratio - ratio.mean()).abs().min())
        row[ratio < ratio.mean()] = 0
        values = first.self_attn.v_proj(first.input_layernorm(inside["hidden"][0]))
        values = values.reshape(row.shape[1], -1, first.self_attn.head_dim).transpose(0, 1)
        values = values.repeat_interleave(row.shape[0] // values.shape[0], 0)
        stream = first.self_attn.o_proj((row[:, None] @ values).reshape(-1))
        stream = last.input_layernorm(stream) + self.real("residual", 0.2) * inside["hidden"][-2][-1]
        stream = stream + last.mlp(last.post_attention_layernorm(stream))
        n = plain.model.lm_head(decoder.norm(stream) + self.real("final", 0.5) * inside["hidden"][-1][-1])
        distance, gamma = (l.softmax(-1) - n.softmax(-1)).abs().sum(), self.real("gamma", 0.2)
        self.near(abs(distance - gamma))
        if distance < gamma:
            return n, l + self.real("with", 3) * n
        against = self.real("against", 1)
        return n, (1 + against) * l - against * n

    # CausalMM

    def other(self, a):
        """Another attention of the same sum over the last axis."""
        other = torch.ones_like(a) if self.given["edit"] == "uniform" else a.max(-1, keepdim=True).values - a
        return other / other.sum(-1, keepdim=True) * a.sum(-1, keepdim=True)

    def prepare_causalmm(self):
        where = self.given.get("where", "vision")
        self.branches = []
        if where != "decoder":
            features = self.plain.encode(on_probs=self.other)
            if self.official:
                kept = {}
                self.plain.encode(on_probs=lambda a: kept.setdefault("a", a))
                a = kept["a"]
                a = a.mean((1, 2), keepdim=True).expand_as(a) if self.given["edit"] == "uniform" else a.amax((1, 2), keepdim=True) - a
                side = math.isqrt(a.shape[-1] - 1)
                image_map = torch.nn.functional.interpolate(a[None], size=(side, side), mode="bilinear", align_corners=False)[0].mean(0)
                factors = torch.cat([torch.ones(1), image_map.flatten()])[:, None]
                features = self.plain.encode(on_output=lambda x: x * factors)
            self.branches.append((self.plain.embed(self.ids, features), {}))
        if where != "vision":
            def edit(_layer_idx, probs):
                probs = probs.clone()
                image = slice(self.start, self.end)
                for row in range(len(self.ids) - 1, probs.shape[1]):
                    probs[:, row, image] = self.other(probs[:, row, image])
                return probs
            self.branches.append((self.ordinary, dict(on_probs=edit)))

    def scores_causalmm(self, answer, inside, l):
        alpha = self.real("alpha", 1)
        others = [self.run(prompt, answer, **edits)["logits"][-1] for prompt, edits in self.branches]
        return others[0], (1 + alpha * len(others)) * l - alpha * sum(others)

    # VDGD

    def ground(self, description: str, full_prompt: str):
        """The distance of every token to the description, from where the prompt predicts its tokens."""
        encoding = self.plain.processor.tokenizer(full_prompt, return_offsets_mapping=True)
        start = full_prompt.index(description)
        own = [idx for idx, (a, b) in enumerate(encoding["offset_mapping"]) if a < start + len(description) and b > start]
        behind = len(encoding["input_ids"]) - 1 - own[-1]
        rows = [len(self.ids) - 1 - behind - (own[-1] - idx) - 1 for idx in own]
        assert [int(self.ids[row + 1]) for row in rows] == [encoding["input_ids"][idx] for idx in own], "the same tokens"
        logits = self.run(self.ordinary, [])["logits"]
        self.distance = torch.stack([-logits[row].log_softmax(-1) for row in rows]).min(0).values

    def scores_vdgd(self, answer, inside, l):
        if not self.official:
            return None, l - self.real("weight", 1) * self.distance
        p = (l / 0.5).softmax(-1).sort(descending=True)
        before = p.values.cumsum(0) - p.values
        self.near((before - 0.5).abs().min())
        survivors = p.indices[before <= 0.5]
        final = torch.full_like(l, -math.inf)
        final[survivors] = -self.distance[survivors] / len(l)
        # Divided by the vocabulary they are hardly apart.
        best = self.distance[survivors].sort().values
        self.margin = min(self.margin, float(best[1] - best[0]) if len(best) > 1 else math.inf)
        return None, final


def templated(plain: Plain, question: str) -> str:
    content = [dict(type="image"), dict(type="text", text=question)]
    return plain.processor.apply_chat_template([dict(role="user", content=content)], add_generation_prompt=True)


def described(prompt: str, description: str) -> str:
    return prompt.replace("<image>\n", f"<image>\nThe input image is described as follows: {description} ", 1)


def tried(plain: Plain, spec: str, question: str, draw: random.Random):
    raw_prompt, description = f"USER: <image>\n{question} ASSISTANT:", draw.choice(DESCRIPTIONS)
    full_prompt, asked = raw_prompt, None
    if spec.startswith("yes-suffix"):
        full_prompt, asked = templated(plain, question + SUFFIX), question
    if spec.startswith("vdgd"):
        full_prompt = described(raw_prompt, description)
    if "YES" in spec:
        # The two that are most probable, the second of which is to be yes.
        plain_case = Case(plain, "cutoff:beta=0", raw_prompt)
        best = plain_case.step([])[0].topk(2).indices.tolist()
        spec = spec.replace("YES", str(best[1])).replace("NO", str(best[0]))
    case = Case(plain, spec.replace("description=DESCRIPTION", "description=x"), full_prompt)
    if spec.startswith("vdgd"):
        case.ground(description, full_prompt)
    answer, rows, changed = [], ([], [], []), 0
    for _ in range(STEPS):
        l, n, final = case.step(answer)
        best = (l if final is None else final).topk(2).values
        if not case.replaces() and best[1] > -math.inf:
            case.margin = min(case.margin, float(best[0] - best[1]))
        for kept, row in zip(rows, (l, n, final)):
            kept.append(row)
        answer.append(int((l if final is None else final).argmax()))
        changed += int(l.argmax()) != answer[-1]
    tensors = dict(output_ids=torch.tensor(answer))
    named = zip(("logits", "negative_logits", "final_logits"), rows)
    tensors.update({name: torch.stack(kept) for name, kept in named if kept[0] is not None})
    # The first tokens of both answers behind this prompt; what both begin with says neither.
    answered = [plain.ids(f"{raw_prompt} {word}").tolist() for word in ("Yes", "No")]
    yes_no = next([yes, no] for yes, no in zip(*answered) if yes != no)
    words = dict(yes_no=yes_no, spec=spec, raw_prompt=raw_prompt, question=asked, description=description, full_prompt=full_prompt, changed=changed)
    return tensors, (0 if 2 in answer else case.margin), words


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--checkpoint", action="append", help=f"{', '.join(CHECKPOINTS)} by default")
    parser.add_argument("--out", default=str(HERE / "methods_branches.safetensors"))
    arguments = parser.parse_args()
    draw, tensors, cases = random.Random(arguments.seed), {}, []
    for plain in map(Plain, arguments.checkpoint or CHECKPOINTS):
        for name, spec in CASES.get(plain.name, CASES["newest_shards"]).items():
            questions = draw.sample(QUESTIONS, len(QUESTIONS))
            good = [one for one in (tried(plain, spec, question, draw) for question in questions) if one[1] > MIN_MARGIN]
            if not good:
                print(f"{plain.name} {name}: near ties everywhere, left out")
                continue
            # The case in which the method changes most choices.
            made, margin, words = max(good, key=lambda one: one[2]["changed"])
            tensors.update({f"{plain.name}/{name}/{key}": value.float().contiguous() if value.is_floating_point() else value
                            for key, value in made.items()})
            cases.append(dict(checkpoint=plain.name, name=name, **words))
            print(f"{plain.name} {name}: {made['output_ids'].tolist()}, {words['changed']} of {STEPS} changed, margin {margin:.4f}")
    save_file(tensors, arguments.out, metadata=dict(golden=json.dumps(dict(cases=cases), ensure_ascii=False)))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
