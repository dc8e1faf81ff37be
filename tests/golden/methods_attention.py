"""Writes `methods_attention.safetensors`: methods that act inside the model, in PyTorch. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, safetensors 0.8.0, numpy 2.4.6.

    OMP_NUM_THREADS=1 python tests/golden/methods_attention.py
    ... --seed 5 --checkpoint nested_full --out /tmp/fresh.safetensors     # fresh cases of one checkpoint

A plain loop without any cache: every step runs the whole sequence from its beginning, layer by layer, with the methods' formulas at the places
where they act. transformers gives the weights, the rotary angles and the tokenizer, no more. `--checkpoint` is a folder as `make.py` makes them
(repeatable), `--seed` that of the directions of `vti` and of the order in which questions are tried. For every case `CHECKPOINT/NAME/`, greedy
over `STEPS` tokens:

    output_ids         i64 [T]
    logits             f32 [T, V]            after the edits inside the model
    negative_logits    f32 [T, V]            the branch without the image (pai)
    final_logits       f32 [T, V]            methods on logits; removed candidates -inf
    decoder_attention  f32 [L, H, P+T-1]     of the last token, after the edits; methods that edit attention

and for every checkpoint `CHECKPOINT/directions/text` f32 [L, hidden], `.../vision` f32 [L_v, width], `.../patches` f32 [L_v, tokens, width].
The metadata entry `golden` is JSON with the list `cases`: `checkpoint`, `name`, `spec` (`DIRECTIONS`, `PATCHES` stand for files), `raw_prompt`.
"""

import argparse
import json
import math
import random
from pathlib import Path

import torch
from safetensors.torch import save_file

from strategies import QUESTIONS, Checkpoint

HERE = Path(__file__).resolve().parent
STEPS = 3
CHECKPOINTS = ["newest_shards", "nested_full", "prefixed_shards", "mistral_window"]
ALL_CASES_OF = "nested_full"
MIN_MARGIN = 0.004  # of choices between logits: forty times what f32 differs by
MIN_INNER = 0.01  # relative, of choices inside a method
MIN_EFFECT = 0.02  # least change of the first token's logits
NO_ATTENTION = ("dola", "deco", "vti", "vista")  # what they do to it follows from the logits' agreement
INF = math.inf


class Places:
    def __init__(self, checkpoint, ids):
        image = (ids == checkpoint.image_id).nonzero().flatten()
        self.s, self.e, self.p = int(image[0]), int(image[-1]) + 1, len(ids)

    def image(self, length):
        at = torch.zeros(length, dtype=torch.bool)
        at[self.s:self.e] = True
        return at


class Edit:
    """Does nothing at any place. `l` is the layer, tensors are [heads, rows, keys], [heads, rows, width] or [rows, hidden]."""

    def __init__(self, checkpoint, given, places):
        self.checkpoint, self.given, self.at = checkpoint, given, places
        self.margins = []
        self.num_layers = checkpoint.model.config.text_config.num_hidden_layers

    def number(self, name, default):
        return float(self.given.get(name, default))

    def layers(self, start, end):
        scaled = lambda x: x * self.num_layers // 32
        first = int(self.given["start"]) if "start" in self.given else scaled(start)
        last = self.num_layers if end is None else max(scaled(end), first + 1)
        return range(first, int(self.given.get("end", last)))

    def near(self, values, limit):
        """Remembers how close a comparison was."""
        self.margins.append(float((torch.as_tensor(values) / limit - 1).abs().min()) if limit else INF)

    def input(self, l, x): pass
    def scores(self, l, z): return z
    def probs(self, l, a): return a
    def heads(self, l, o): return o
    def mlp(self, l, m): return m
    def output(self, l, x): return x
    def final(self, logits, states, negative): return None
    def vision_mlp(self, l, m): return m
    def vision_output(self, l, x): return x


class Vaf(Edit):
    def scores(self, l, z):
        if l in self.layers(9, 15):
            z = z.clone()
            z[:, self.at.e:, self.at.s:self.at.e] *= self.number("enhance", 1.15)
            z[:, self.at.e:, :self.at.s] *= self.number("suppress", 0.95)
        return z


class Devils(Edit):
    def scores(self, l, z):
        if l in self.layers(5, 19):
            z = z.clone()
            for row in range(self.at.p - 1, z.shape[1]):
                for key in range(self.at.s, self.at.e):
                    if z[0, row, key] > -INF:
                        z[:, row, key] += self.number("alpha", 0.5) * z[:, row, key].abs().mean()
        return z


class Pai(Edit):
    def scores(self, l, z):
        if int(self.given.get("start", 2)) <= l < int(self.given.get("end", self.num_layers)):
            z = z.clone()
            image = z[:, self.at.p - 1:, self.at.s:self.at.e]
            z[:, self.at.p - 1:, self.at.s:self.at.e] = torch.where(image > -INF, image + self.number("alpha", 0.2) * image.abs(), image)
        return z

    def final(self, logits, states, negative):
        gamma = self.number("gamma", 2.0 if self.given.get("preset") == "official" else 1.1)
        if gamma == 1:
            return None
        s, u = logits.log_softmax(-1), negative.log_softmax(-1)
        cutoff = math.log(self.number("beta", 0.1)) + s.max()
        self.margins.append(float((s - cutoff).abs().min()) * MIN_INNER / MIN_MARGIN)
        return (gamma * (s - u) + u).masked_fill(s < cutoff, -INF)


class Eah(Edit):
    def probs(self, l, a):
        if l != int(self.given.get("layer", self.num_layers // 32)):
            return a
        official = self.given.get("preset") == "official"
        threshold = self.number("threshold", 0.002)
        p = self.at.p
        counts = []
        for head in range(a.shape[0]):
            means = []
            for j in range(self.at.s, self.at.e):
                later = p - j if official else p - 1 - j
                if later > 0:
                    means.append(a[head, j + 1:p, j].double().sum() / later)
            self.near(torch.stack(means), threshold)
            counts.append(sum(float(mean) > threshold for mean in means))
        best = counts.index(max(counts))
        self.chosen = best
        if max(counts) == 0 or (official and best == 0):
            return a
        a = a.clone()
        a[:, :p] = a[best, :p].clone()
        return a


class Spin(Edit):
    def note(self, l, values):
        if l in self.layers(0, None):
            p = self.at.p - 1
            image = values[:, p:, self.at.s:self.at.e]
            scores = torch.where(image > -INF, image, torch.zeros(())).sum(-1).T  # [rows, heads]
            stay = math.floor(self.number("ratio", 0.95) * values.shape[0])
            order = scores.argsort(dim=-1, descending=True, stable=True)
            self.quiet = order[:, stay:]
            if 0 < stay < values.shape[0]:
                between = scores.gather(-1, order)
                self.margins.append(float((between[:, stay - 1] - between[:, stay]).min() / scores.abs().max()))

    def scores(self, l, z):
        if self.given.get("score", "raw") == "raw":
            self.note(l, z)
        return z

    def probs(self, l, a):
        if self.given.get("score", "raw") == "mass":
            self.note(l, a)
        return a

    def heads(self, l, o):
        if l in self.layers(0, None):
            o = o.clone()
            for row, quiet in enumerate(self.quiet):
                o[quiet, self.at.p - 1 + row] *= self.number("scale", 0.08)
        return o


class AdHh(Edit):
    def probs(self, l, a):
        a = a.clone()
        for listed in self.given["heads"].split("+"):
            layer, head = map(int, listed.split("."))
            if layer == l:
                for row in range(self.at.p - 1, a.shape[1]):
                    mass = a[head, row, self.at.e:].sum()
                    threshold = self.number("threshold", 0.0 if self.given.get("preset") == "official" else 0.4)
                    self.near(mass, threshold)
                    if mass >= threshold:
                        a[head, row, self.at.e:] = 0
        return a


class Var(Edit):
    def input(self, l, x):
        x = x[:self.at.p]
        dims = [int(dim) for dim in self.given["dims"].split("+")]
        size = (x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt())[:, dims].abs().amax(-1)
        if l in self.layers(2, None):
            self.near(size, self.number("tau", 20))
        self.sinks = size > self.number("tau", 20)

    def probs(self, l, a):
        if l not in self.layers(2, None):
            return a
        length = a.shape[-1]
        sinks = torch.zeros(length, dtype=torch.bool)
        sinks[:self.at.p] = self.sinks
        image = self.at.image(length)
        if not (sinks & image).any() or not (image & ~sinks).any():
            return a
        rho, p, least = self.number("rho", 0.5), self.number("p", 0.6), self.number("mass", 0.2)
        a = a.clone()
        for head in range(a.shape[0]):
            for row in range(self.at.e, length):
                old = a[head, row].clone()
                mass = old[image].sum()
                if mass == 0:
                    continue
                share = old[sinks & image].sum() / (mass + image.sum() * 1e-6)
                self.near(share, rho)
                self.near(mass, least)
                if share <= rho and mass >= least:
                    freed = (1 - p) * old[sinks].sum()
                    new = torch.where(sinks, old * p, old)
                    others = image & ~sinks
                    new[others] += freed * old[others] / old[others].sum()
                    a[head, row] = new
                    self.edited = True
        return a


def turn(m, direction, weight):
    """|m| unit(m / |m| + weight d / |d|)."""
    length = m.norm(dim=-1, keepdim=True)
    turned = m / length + weight * direction / direction.norm(dim=-1, keepdim=True)
    return length * turned / turned.norm(dim=-1, keepdim=True)


class Vti(Edit):
    def parts(self, tower):
        name = "text" if tower == "text" else ("patches" if self.given["directions"] == "PATCHES" else "vision")
        official = self.given.get("preset") == "official"
        default = (0.8 if tower == "text" else 0.0) if official else 0.4
        form = self.given.get("form", "mlp" if official else "add")
        return self.checkpoint.directions[name], self.number(tower, default), form

    def move(self, tower, l, x):
        d, strength, form = self.parts(tower)
        return x + strength * d[l] if form == "add" else x

    def turned(self, tower, l, m):
        d, strength, form = self.parts(tower)
        return turn(m, d[l], 0.1 * strength) if form == "mlp" and strength > 0 else m

    def output(self, l, x): return self.move("text", l, x)
    def mlp(self, l, m): return self.turned("text", l, m)
    def vision_output(self, l, x): return self.move("vision", l, x)
    def vision_mlp(self, l, m): return self.turned("vision", l, m)


class Vista(Edit):
    def strength(self):
        return self.number("lambda", dict(pope=0.01, official=0.1).get(self.given.get("preset"), 0.17))

    def mlp(self, l, m):
        if self.strength() == 0:
            return m
        v = self.checkpoint.difference[l]
        self.margins.append(float(v.norm()))
        against = torch.nn.functional.cosine_similarity(m, -v[None], dim=-1)[:, None].clamp(min=0)
        return turn(m, v, self.strength() * (1 + against))

    def final(self, logits, states, negative):
        gamma = self.number("gamma", 0.3)
        if gamma == 0:
            return None
        rows = []
        for l in self.layers(25, 31):
            x = states[l + 1][-1]
            normed = self.given.get("norm") == "on" and l + 1 < self.num_layers
            rows.append(self.checkpoint.head(x, normed))
        return (1 - gamma) * logits + gamma * torch.stack(rows).mean(0)


def entries(text, scale=None):
    found = set()
    for part in text.split("+"):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return sorted({k * scale // 32 for k in found} if scale else found)


class Dola(Edit):
    def final(self, logits, states, negative):
        first = 16 if self.given.get("bucket") == "high" else 0
        default = "+".join(str(first + 2 * i) for i in range(8))
        chosen = entries(self.given["entries"]) if "entries" in self.given else entries(default, self.num_layers)
        log_p = logits.double().log_softmax(-1)
        far, rows = [], []
        for k in chosen:
            log_q = self.checkpoint.head(states[k][-1], self.given.get("norm") == "on").double().log_softmax(-1)
            log_m = ((log_p.exp() + log_q.exp()) / 2).log()
            kl = lambda a, b: (a.exp() * (a - b)).sum()
            if self.given.get("preset") == "official":
                far.append(float(kl(log_m, log_p) + kl(log_m, log_q)) / 2 / len(log_p))
            else:
                far.append(float(kl(log_p, log_m) + kl(log_q, log_m)) / 2)
            rows.append(log_q)
        best = far.index(max(far))
        others = [abs(far[best] - other) / far[best] for i, other in enumerate(far) if i != best]
        self.margins.append(min(others, default=INF))
        cutoff = math.log(self.number("beta", 0.1)) + logits.max()
        self.margins.append(float((logits - cutoff).abs().min()) * MIN_INNER / MIN_MARGIN)
        return (log_p - rows[best]).float().masked_fill(logits < cutoff, -INF)


class Deco(Edit):
    def final(self, logits, states, negative):
        chosen = entries(self.given["entries"]) if "entries" in self.given else entries("20-28", self.num_layers)
        probs = logits.double().softmax(-1)
        ranked = probs.argsort(descending=True, stable=True)
        sums = probs[ranked].cumsum(0)
        enough = int((sums < self.number("top-p", 0.9)).sum()) + 1
        count = min(enough, int(self.given.get("top-k", 20)))
        self.margins.append(float((sums[:count] - self.number("top-p", 0.9)).abs().min()))
        self.margins.append(float(probs[ranked[count - 1]] / probs[ranked[count]] - 1))
        order = ranked[:count]
        surest = []
        for k in chosen:
            inner = self.checkpoint.head(states[k][-1], k < self.num_layers)
            surest.append((float(inner.double().softmax(-1)[order].max()), inner))
        ranked = sorted((p for p, _ in surest), reverse=True)
        self.margins.append(ranked[0] / ranked[1] - 1 if len(ranked) > 1 else INF)
        p, inner = max(surest, key=lambda one: one[0])
        final = torch.full_like(logits, -INF)
        final[order] = logits[order] + self.number("alpha", 0.6) * p * inner[order]
        return final


METHODS = {"vaf": Vaf, "devils": Devils, "pai": Pai, "eah": Eah, "spin": Spin, "ad-hh": AdHh, "var": Var, "vti": Vti, "vista": Vista,
           "dola": Dola, "deco": Deco, "plain": Edit}


class Model(Checkpoint):
    """Both towers, layer by layer."""

    def __init__(self, name, seed):
        super().__init__(name)
        self.text = self.model.model.language_model
        self.config = self.model.config.text_config
        tower = self.model.model.vision_tower
        self.tower = getattr(tower, "vision_model", tower)
        generator = torch.Generator().manual_seed(seed)
        vision = self.model.config.vision_config
        tokens = 1 + (vision.image_size // vision.patch_size) ** 2
        draw = lambda *shape: torch.randn(*shape, generator=generator)
        self.directions = dict(
            text=0.3 * draw(self.config.num_hidden_layers, self.config.hidden_size),
            vision=0.3 * draw(vision.num_hidden_layers, vision.hidden_size),
            patches=0.3 * draw(vision.num_hidden_layers, tokens, vision.hidden_size),
        )

    def head(self, x, normed):
        return self.model.lm_head(self.text.norm(x) if normed else x)

    def see(self, edit):
        x = self.tower.pre_layrnorm(self.tower.embeddings(self.pixels))
        states = [x[0]]
        for l, layer in enumerate(self.tower.encoder.layers):
            attended = layer.self_attn(layer.layer_norm1(x), attention_mask=None)
            x = x + (attended[0] if isinstance(attended, tuple) else attended)
            x = x + edit.vision_mlp(l, layer.mlp(layer.layer_norm2(x))[0])[None]
            x = edit.vision_output(l, x[0])[None]
            states.append(x[0])
        wanted = self.model.config.vision_feature_layer
        full = self.model.config.vision_feature_select_strategy == "full"
        rows = [states[k] if full else states[k][1:] for k in (wanted if isinstance(wanted, list) else [wanted])]
        return self.model.model.multi_modal_projector(torch.cat(rows, -1)[None])[0]

    def decode(self, embeddings, edit):
        """All hidden states, the residual stream behind each layer, the logits of the last row, attention [L, H, rows, keys]."""
        config = self.config
        num_heads, num_kv = config.num_attention_heads, config.num_key_value_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // num_heads
        x, length = embeddings, len(embeddings)
        cos, sin = self.text.rotary_emb(x[None], torch.arange(length)[None])
        rotate = lambda t: t * cos + torch.cat([-t[..., head_dim // 2:], t[..., :head_dim // 2]], -1) * sin
        states, attention = [x], []
        kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
        for l, layer in enumerate(self.text.layers):
            edit.input(l, x)
            h, own = layer.input_layernorm(x), layer.self_attn
            split = lambda rows, count: rows.view(length, count, head_dim).transpose(0, 1)
            q, k, v = split(own.q_proj(h), num_heads), split(own.k_proj(h), num_kv), split(own.v_proj(h), num_kv)
            k, v = (t.repeat_interleave(num_heads // num_kv, 0) for t in (rotate(k), v))
            z = rotate(q) @ k.transpose(1, 2) / math.sqrt(head_dim)
            distance = torch.arange(length)[:, None] - torch.arange(length)[None]
            hidden = distance < 0
            windowed = kinds[l] == "sliding_attention" or (config.model_type == "mistral" and config.sliding_window)
            if windowed:
                hidden |= distance >= config.sliding_window
            z = edit.scores(l, z.masked_fill(hidden, -INF))
            a = edit.probs(l, z.softmax(-1))
            attention.append(a)
            o = edit.heads(l, a @ v)
            x = x + own.o_proj(o.transpose(0, 1).reshape(length, -1))
            x = x + edit.mlp(l, layer.mlp(layer.post_attention_layernorm(x)))
            x = edit.output(l, x)
            states.append(x)
        last = self.text.norm(x)
        return states[:-1] + [last], states[1:], self.model.lm_head(last[-1]), torch.stack(attention)


def run(model, spec, raw_prompt):
    name, _, rest = spec.partition(":")
    given = dict(pair.split("=") for pair in rest.split(",") if pair)
    ids = model.ids(raw_prompt)
    places = Places(model, ids)
    text = model.model.get_input_embeddings()
    blind = text(ids[ids != model.image_id])
    plain = Edit(model, {}, places)
    prompt = model.embed(ids, model.see(plain))
    with_image, without = (model.decode(rows, plain)[1] for rows in (prompt, blind))
    model.difference = [a[-1] - b[-1] for a, b in zip(with_image, without)]
    edit = METHODS[name](model, given, places)
    edited = model.embed(ids, model.see(edit))
    answer, kept, margin, effect = [], {}, INF, 0.0
    for step in range(STEPS):
        tail = text(torch.tensor(answer, dtype=torch.long))
        states, _, logits, attention = model.decode(torch.cat([edited, tail]), edit)
        negative = model.decode(torch.cat([blind, tail]), Edit(model, {}, places))[2] if name == "pai" else None
        final = edit.final(logits, states, negative)
        chosen_from = logits if final is None else final
        untouched = model.decode(torch.cat([prompt, tail]), plain)[2]
        left = chosen_from > -INF
        effect = max(effect, float((chosen_from - untouched)[left].abs().max())) if step == 0 else effect
        best = chosen_from.topk(2).values
        margin = min(margin, float(best[0] - best[1]))
        for key, row in (("logits", logits), ("negative_logits", negative if final is not None else None), ("final_logits", final)):
            if row is not None:
                kept.setdefault(key, []).append(row)
        answer.append(int(chosen_from.argmax()))
    tensors = {key: torch.stack(rows).contiguous() for key, rows in kept.items()}
    tensors["output_ids"] = torch.tensor(answer)
    if name not in NO_ATTENTION:
        tensors["decoder_attention"] = attention[:, :, -1].contiguous()
    eos = model.model.generation_config.eos_token_id
    ends = any(token in (eos if isinstance(eos, list) else [eos]) for token in answer)
    inner = min([float(one) for one in edit.margins if one == one], default=INF)
    good = not ends and margin > MIN_MARGIN and inner > MIN_INNER and effect > MIN_EFFECT
    return tensors, good, effect, edit


def variants(model):
    """Specs of every case, each with others that are tried where it has a near tie."""
    config = model.config
    heads, layers, hidden = config.num_attention_heads, config.num_hidden_layers, config.hidden_size
    listed = "+".join(f"{l}.{h}" for l in range(layers) for h in range(heads) if (l + h) % 2 == 0)
    thresholds = [0.3, 0.35, 0.4, 0.45, 0.5, 0.25, 0.2, 0.6]
    dims = [f"{a}+{b}" for a in range(0, hidden, 3) for b in (1, hidden - 1) if a != b]
    cases = {
        "vaf": ["vaf:enhance=3,suppress=0.3,start=0,end=2"],
        "vaf_default": ["vaf"],
        "devils": ["devils:alpha=2,start=0,end=2"],
        "devils_default": ["devils"],
        "pai": ["pai:alpha=1,gamma=2,start=0", "pai:alpha=1,gamma=2,beta=0.05,start=0"],
        "pai_official": [f"pai:preset=official,start=1,beta={b}" for b in (0.1, 0.2, 0.3)],
        "pai_boost": ["pai:alpha=2,gamma=1,start=0"],
        "pai_contrast": [f"pai:alpha=0,gamma=3,beta={b}" for b in (0.1, 0.2, 0.3)],
        "eah": [f"eah:layer=0,threshold={t}" for t in (0.03, 0.04, 0.05, 0.06, 0.02, 0.07)],
        "eah_official": [f"eah:preset=official,layer=0,threshold={t}" for t in (0.03, 0.04, 0.05, 0.06, 0.02, 0.07)],
        "spin": [f"spin:ratio=0.6,scale={s}" for s in (0.08, 0.1)],
        "spin_mass": ["spin:ratio=0.5,scale=0,score=mass,start=0,end=1"],
        "ad-hh": [f"ad-hh:heads={listed},threshold={t}" for t in thresholds],
        "ad-hh_all": [f"ad-hh:heads={listed},preset=official"],
        "var": [f"var:dims={d},tau={t},start=0,rho=0.7,p=0.2,mass={m}" for d in dims for t in (0.8, 1.1, 1.5) for m in (0.1, 0.2)],
        "var_default": [f"var:dims={d},tau={t}" for d in dims for t in (0.8, 1.1, 1.5)],
        "vti_add": ["vti:directions=DIRECTIONS"],
        "vti_patches": ["vti:directions=PATCHES,vision=1.5,text=0"],
        "vti_mlp": ["vti:directions=DIRECTIONS,form=mlp,vision=8,text=5"],
        "vti_official": ["vti:directions=DIRECTIONS,preset=official"],
        "vista": ["vista"],
        "vista_steers": ["vista:lambda=1,gamma=0"],
        "vista_mixes": ["vista:lambda=0,gamma=0.6,start=0,end=1"],
        "vista_normed": ["vista:preset=official,gamma=0.5,start=0,end=2,norm=on"],
        "dola": [f"dola:beta={b}" for b in (0.1, 0.15, 0.2)],
        "dola_normed": [f"dola:entries=0-1,norm=on,beta={b}" for b in (0.1, 0.15, 0.2)],
        "dola_official": [f"dola:preset=official,bucket=high,beta={b}" for b in (0.1, 0.15, 0.2)],
        "deco": ["deco:alpha=2"],
        "deco_all": [f"deco:alpha=5,top-k=9,top-p={p},entries=0-{layers}" for p in (0.3, 0.5, 0.6)],
    }
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--checkpoint", action="append", help="a folder as make.py makes them; repeatable")
    parser.add_argument("--out", type=Path, default=HERE / "methods_attention.safetensors")
    given = parser.parse_args()
    main_cases = ("vaf", "devils", "pai", "spin", "eah", "ad-hh", "var", "vti_add", "vista", "dola", "deco")
    tensors, cases = {}, []
    for name in given.checkpoint or CHECKPOINTS:
        model = Model(name, given.seed)
        golden = model.model(input_ids=model.ids("USER: <image>\nWhy? ASSISTANT:")[None], pixel_values=model.pixels).logits[0, -1]
        ids = model.ids("USER: <image>\nWhy? ASSISTANT:")
        nothing = Edit(model, {}, Places(model, ids))
        own = model.decode(model.embed(ids, model.see(nothing)), nothing)[2]
        assert (own - golden).abs().max() < 1e-4, "the loop is the model"
        questions = random.Random(given.seed).sample(QUESTIONS, len(QUESTIONS))
        tensors.update({f"{model.name}/directions/{key}": value for key, value in model.directions.items()})
        for case, specs in variants(model).items():
            if not given.checkpoint and name != ALL_CASES_OF and case not in main_cases:
                continue
            found = None
            for spec in specs:
                for question in questions:
                    raw_prompt = f"USER: <image>\n{question} ASSISTANT:"
                    made, good, effect, edit = run(model, spec, raw_prompt)
                    if good and (found is None or effect > found[1]):
                        found = made, effect, spec, raw_prompt
                    if found and specs.index(spec) > 0:
                        break
                if found:
                    break
            if not found:
                print(f"{name} {case}: no case without a near tie")
                continue
            made, effect, spec, raw_prompt = found
            tensors.update({f"{model.name}/{case}/{key}": value for key, value in made.items()})
            cases.append(dict(checkpoint=model.name, name=case, spec=spec, raw_prompt=raw_prompt))
            print(f"{name} {case}: {spec} {made['output_ids'].tolist()}, moves logits by {effect:.2f}")
    save_file(tensors, given.out, metadata=dict(golden=json.dumps(dict(cases=cases), ensure_ascii=False)))
    print(f"{len(cases)} cases, {given.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
