"""The demo LLaVA's measured quality on a split: POPE, CHAIR, attributes, and where the attention lies."""

import random
from collections import Counter

import numpy as np

import language
from answering import DETAIL, SHORT, Answerer, mentions
from catalogue import CATEGORIES, COLOUR_IS_MENTIONED
from dataset import GRID

IMAGE_TOKENS = GRID * GRID


class CoOccurrence:
    """How often categories occur, and with which others, in the training scenes: what "popular" and "adversarial" mean."""

    def __init__(self, records):
        self.count, self.pairs = Counter(), Counter()
        for record in records:
            there = {o["cat"] for o in record["objs"]}
            self.count.update(there)
            self.pairs.update((a, b) for a in there for b in there if a != b)
        self.popular = [category for category, _ in self.count.most_common()]

    def questions(self, there, kind, rng):
        """[(category, present)]: up to three present categories and as many absent ones, POPE's three ways."""
        absent, number = [c for c in CATEGORIES if c not in there], min(3, len(there))
        yes = rng.sample(sorted(there), number)
        if kind == "random":
            no = rng.sample(absent, number)
        elif kind == "popular":
            no = [c for c in self.popular if c in absent][:number]
        else:
            no = sorted(absent, key=lambda c: -sum(self.pairs[(a, c)] / self.count[a] for a in there))[:number]
        return [(c, True) for c in yes] + [(c, False) for c in no]


def there(record):
    return {o["cat"] for o in record["objs"]}


def pope(answerer, split, indices, statistics, kind):
    rng = random.Random(5)
    asked = [(k, c, present) for k in indices for c, present in statistics.questions(there(split.records[k]), kind, rng)]
    images = [split.image(k) for k, _, _ in asked]
    verdicts = answerer.says_yes(images, [f"Is there {language.article(c)} in the image?" for _, c, _ in asked])
    cells = Counter((present, said) for (_, _, present), (said, _) in zip(asked, verdicts))
    tp, fp, fn, tn = cells[True, True], cells[False, True], cells[True, False], cells[False, False]
    precision, recall = tp / max(1, tp + fp), tp / max(1, tp + fn)
    return dict(n=len(asked), acc=(tp + tn) / len(asked), precision=precision, recall=recall,
                f1=2 * precision * recall / max(1e-9, precision + recall), yes_ratio=(tp + fp) / len(asked),
                other=sum(not clear for _, clear in verdicts))  # fmt: skip


def chair(texts, records):
    """CHAIR over unique categories."""
    named = [{c for _, _, c in mentions(text)} for text in texts]
    real = [there(record) for record in records]
    invented = [n - r for n, r in zip(named, real)]
    total = sum(map(len, named))
    return dict(chair_i=sum(map(len, invented)) / max(1, total), chair_s=sum(map(bool, invented)) / len(texts),
                recall=sum(len(n & r) for n, r in zip(named, real)) / sum(map(len, real)), avg_mentions=total / len(texts))  # fmt: skip


def attributes(answerer, split, indices):
    """Share of right answers on colour, side and number of the two most prominent categories, and how many were asked."""
    right, asked = Counter(), Counter()
    for k in indices:
        for c, objects in language.groups(split.records[k]["objs"])[:2]:
            turns = dict(count=(f"How many {language.plural(c)} are there?", language.capitalised(language.NUMBERS[len(objects)])))
            if len(objects) == 1:
                turns["pos"] = (f"Where is the {c}?", language.SIDE_ANSWERS[language.side(objects[0]["cx"])])
                if c in COLOUR_IS_MENTIONED:
                    turns["color"] = (f"What color is the {c}?", language.capitalised(objects[0]["color"]))
            for kind, (question, expected) in turns.items():
                asked[kind] += 1
                right[kind] += answerer.answers([split.image(k)], question, 6)[0] == expected
    return {f"qa_{kind}": [right[kind] / asked[kind], asked[kind]] for kind in sorted(asked)}


def mention_maps(answerer, split, k, ids):
    """Per mentioned category of one description: image attention of the position that predicts its first token, and its probability."""
    attention, probabilities, all_ids = answerer.attention(split.image(k), DETAIL, ids)
    start = all_ids.tolist().index(answerer.model.config.image_token_id)
    prompt_len, ends = len(all_ids) - len(ids), [len(answerer.tokenizer.decode(ids[: t + 1])) for t in range(len(ids))]
    starts, found = [0, *ends[:-1]], []
    for begin, end, category in mentions(answerer.tokenizer.decode(ids)):
        tokens = [t for t in range(len(ids)) if ends[t] > begin and starts[t] < end and ends[t] > starts[t]]
        if not tokens:
            continue
        query = prompt_len + tokens[0] - 1
        found.append(dict(
            image=k, category=category, right=category in there(split.records[k]), probability=probabilities[query, ids[tokens[0]]].item(),
            map=attention[:, :, query, start:start + IMAGE_TOKENS].numpy(), first=attention[:, :, query, 0].mean(1).numpy(),
        ))  # fmt: skip
    return found


def localisation(found, split, of):
    """Pointing game and overlap of `of(mention)` [144] with the object's patches, over right mentions; threshold at the mean."""
    sums, right = Counter(), [m for m in found if m["right"]]
    for m in right:
        cover, values = split.cover(m["image"], m["category"]), of(m).reshape(GRID, GRID)
        truth = cover > 0.25 if (cover > 0.25).any() else cover >= cover.max()
        marked = values > values.mean()
        both = (marked & truth).sum()
        sums.update(pointing=float(cover.reshape(-1)[values.argmax()] > 0.1), precision=both / max(1, marked.sum()),
                    recall=both / truth.sum(), iou=both / (marked | truth).sum())  # fmt: skip
    return dict(n=len(right), **{name: float(value) / max(1, len(right)) for name, value in sums.items()})


def attention_statistics(mentions_, layer):
    if not mentions_:
        return {}
    maps = [m["map"][layer].mean(0) for m in mentions_]
    shares = [a / a.sum() for a in maps]
    return dict(
        n=len(mentions_), img_mass=float(np.mean([a.sum() for a in maps])),
        entropy=float(np.mean([-(p * np.log(p + 1e-12)).sum() for p in shares])),
        top5=float(np.mean([np.sort(p)[-5:].sum() for p in shares])), bos_mass=float(np.mean([m["first"][layer] for m in mentions_])),
        prob=float(np.mean([m["probability"] for m in mentions_])),
    )  # fmt: skip


def evaluate(folder, split, training_records, num_images=120, num_attribute_images=80, num_attention_images=100):
    """Everything, as a dictionary for `measured/llava.json`."""
    answerer, statistics = Answerer(folder), CoOccurrence(training_records)
    indices = [k for k in range(len(split)) if split.records[k]["objs"]][:num_images]
    records = [split.records[k] for k in indices]
    images = [split.image(k) for k in indices]
    result = {f"pope_{kind}": pope(answerer, split, indices, statistics, kind) for kind in ("random", "popular", "adversarial")}
    result["chair_detail"] = chair(answerer.answers(images, DETAIL), records)
    result["chair_short"] = chair(answerer.answers(images, SHORT, 40), records)
    result.update(attributes(answerer, split, indices[:num_attribute_images]))
    found = []
    for k in indices[:num_attention_images]:
        found += mention_maps(answerer, split, k, answerer.answer_ids([split.image(k)], DETAIL)[0])
    layers = answerer.model.config.text_config.num_hidden_layers
    maps = {f"pred_L{layer}": localisation(found, split, lambda m, layer=layer: m["map"][layer].mean(0)) for layer in range(layers)}
    maps["pred_mean"] = localisation(found, split, lambda m: m["map"].mean((0, 1)))
    result["loc"] = maps
    result["attn_correct"] = attention_statistics([m for m in found if m["right"]], layers - 1)
    result["attn_halluc"] = attention_statistics([m for m in found if not m["right"]], layers - 1)
    return result
