"""Writes `methods_opera.safetensors`: OPERA's search in plain PyTorch. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0. From the project's root:

    OMP_NUM_THREADS=1 python tests/golden/methods_opera.py [--seed 7] [--checkpoint NAME]... [--out FILE]

The steps of the search as they are written down, over lists of ids: every sequence is run from its beginning over all positions
(`plain_decoder.py`), in f64, and once more in f32; a case is kept only if both find the same. The seed draws parameters and questions until a
checkpoint has enough cases in which the search rolls back. For every case `CHECKPOINT/NAME/`:

    output_ids       i64 [T]
    logits           f32 [T, V]   the ordinary branch
    final_logits     f32 [T, V]   what the token was chosen from, removed candidates -inf

The metadata entry `golden` is JSON with the list `cases`: `checkpoint`, `name`, `spec`, `raw_prompt`, `stop_token_ids`, `max_new_tokens`,
`rollbacks` (where to, all of them), `how` (of every token of the answer: `[image]`, `[column score, place]`, or `[]` and how many pairs of
beam and token were rejected where it was chosen again).
"""

import argparse
import json
import math
import random

import torch
from safetensors.torch import save_file

from plain_decoder import HERE, Plain

CHECKPOINTS = ["newest_shards", "nested_full", "llama3_rope", "mistral_window"]
QUESTIONS = ["What is in this image?", "Is there a clock in the image?", "Describe this image in detail.", "Is there a dog?", "Why?", "Count."]
CASES_EACH = 2
TRIES = 150


class Opera:
    def __init__(self, plain: Plain, raw_prompt: str, given: dict, stop: list, most: int):
        self.plain, self.given, self.stop, self.most = plain, given, stop, most
        self.ids = plain.ids(raw_prompt)
        self.start, self.end = plain.span(self.ids)
        self.prompt = plain.embed(self.ids, plain.features)
        self.known = {}

    def run(self, answer: tuple):
        """Logits behind the answer, and W: rows and columns of its tokens, and what each row has on the image."""
        if answer not in self.known:
            count = len(self.ids)
            inside = self.plain.run(torch.cat([self.prompt, self.plain.tokens(list(answer))]) if answer else self.prompt)
            rows = inside["probs"][-1].amax(0)
            rows = rows / rows.sum(-1, keepdim=True)
            weights = rows[count:, count:].tolist()
            self.known[answer] = (inside["logits"][-1], weights, rows[count:, self.start:self.end].sum(-1).tolist())
        return self.known[answer]

    def lean(self, answer: tuple):
        """phi and its place, of an answer whose last token is the candidate."""
        _, weights, _ = self.run(answer)
        count, best = len(answer), None
        for j in range(max(0, count - self.given["window"]), count):
            product = 1.0
            for i in range(j, count):
                product *= self.given["scale"] * weights[i][j]
            phi = self.given["factor"] * product
            if best is None or phi > best[0]:
                best = (phi, j)
        return best

    @staticmethod
    def mode(values: list) -> int:
        return min(set(values), key=lambda value: (-values.count(value), value))

    def search(self):
        given, width = self.given, self.given["beams"]
        # A beam: ids, score, history, finals, how.
        beams, finished = [((), 0.0, [], [], [])], []
        slots = [[] for _ in range(width)]
        states, rejected, targets, rollbacks = {}, {}, {}, []
        again = None
        while True:
            done = len(beams[0][0])
            if again is None:
                states[done] = dict(beams=[(ids, score, list(history), finals, how) for ids, score, history, finals, how in beams],
                                    finished=list(finished), chosen=[])
            token = done + 1
            options, places = [], []
            for slot, (ids, score, history, finals, how) in enumerate(beams):
                logits = self.run(ids)[0]
                final = torch.full_like(logits, -math.inf)
                said = {}
                if again is not None:
                    final = logits.clone()
                    for other, bad in rejected[again]:
                        if other == slot:
                            final[bad] = -math.inf
                    said = {one: [[], len(rejected[again])] for one in range(len(final))}
                else:
                    order = logits.sort(descending=True, stable=True).indices[: given["candidates"]].tolist()
                    found = []
                    for one in order:
                        phi, place = self.lean(ids + (one,))
                        on_image = self.run(ids + (one,))[2][-1]
                        found.append(place)
                        if token <= given["warm-up"]:
                            final[one] = logits[one] + given["weight"] * on_image
                            said[one] = [on_image]
                        else:
                            final[one] = logits[one] - given["weight"] * phi
                            said[one] = [phi, place]
                    places.append(self.mode(found))
                logprobs = final.log_softmax(-1)
                for one in range(len(final)):
                    if final[one] > -math.inf:
                        options.append((-(score + float(logprobs[one])), slot, one, final, said[one]))
            if again is None:
                for slot, (_, _, history, _, _) in enumerate(beams):
                    history.append(places[slot])
                for slot in range(width):
                    if slot < len(places) or token == 1:
                        slots[slot].append(places[min(slot, len(places) - 1)])
                s = self.mode(places)
                if given["history"] == "slot":
                    all_lean = all(slots[slot].count(s) > given["threshold"] for slot in range(len(beams)))
                else:
                    all_lean = all(beam[2][-given["window"]:].count(s) >= given["threshold"] for beam in beams)
                if all_lean and s >= given["warm-up"] and s + 1 < token - 1:
                    open_ones = [to for to in (s + 1, s) if targets.get(to, 0) < given["candidates"]]
                    if open_ones:
                        to = open_ones[0]
                        targets[to] = targets.get(to, 0) + 1
                        rollbacks.append(to)
                        if len(rollbacks) > 30:
                            return None
                        state = states[to]
                        rejected.setdefault(to, set()).update(state["chosen"])
                        rejected.pop(to + 1, None)
                        states = {count: kept for count, kept in states.items() if count <= to}
                        beams = [(ids, score, list(history), finals, how) for ids, score, history, finals, how in state["beams"]]
                        finished = list(state["finished"])
                        again = to
                        continue
            options.sort(key=lambda option: option[:3])
            following, chosen = [], []
            for rank, (negative, slot, one, final, said) in enumerate(options):
                ids, _, history, finals, how = beams[slot]
                entry = (ids + (one,), -negative, list(history), finals + [final], how + [said])
                ends = one in self.stop or token >= self.most
                if ends and rank < width:
                    finished.append((-negative / token, entry))
                elif not ends and len(following) < width:
                    following.append(entry)
                    chosen.append((slot, one))
            finished = sorted(finished, key=lambda one: -one[0])[:width]
            states[done]["chosen"] = chosen
            again = None
            if not following or len(finished) == width and following[0][1] / token <= finished[-1][0]:
                return finished[0][1], rollbacks
            beams = following


def draw_parameters(draw: random.Random) -> dict:
    return dict(beams=draw.choice([2, 3]), candidates=draw.choice([2, 3, 4]), scale=draw.choice([10, 15, 20, 30, 40, 50]),
                threshold=draw.choice([1, 2, 3]), weight=draw.choice([0.5, 1, 2]), factor=draw.choice([0.001, 0.1, 1]),
                window=draw.choice([3, 5, 512]), history="beam", **{"warm-up": draw.choice([0, 1, 2])})


def tried(plain: Plain, exact: Plain, draw: random.Random, slot: bool):
    given, question, most = draw_parameters(draw), draw.choice(QUESTIONS), 12
    given["history"] = "slot" if slot else "beam"
    raw_prompt = f"USER: <image>\n{question} ASSISTANT:"
    stop = [2, *draw.sample(range(5, plain.config.vocab_size - 10), 12)] if draw.random() < 0.5 else [2]
    found = Opera(exact, raw_prompt, given, stop, most).search()
    if found is None or not found[1]:
        return None
    (ids, _, _, finals, how), rollbacks = found
    rough = Opera(plain, raw_prompt, given, stop, most).search()
    if rough is None or rough[0][0] != ids or rough[1] != rollbacks:
        return None
    if not any(isinstance(one[0], list) for one in how):
        return None  # the answer itself shall have a token that was chosen again
    search = Opera(exact, raw_prompt, given, stop, most)
    logits = [search.run(ids[:count])[0] for count in range(len(ids))]
    tensors = dict(output_ids=torch.tensor(ids), logits=torch.stack(logits).float(), final_logits=torch.stack(finals).float())
    spec = "opera:" + ("preset=official," if slot else "") + ",".join(f"{name}={value}" for name, value in given.items() if name != "history")
    words = dict(spec=spec, raw_prompt=raw_prompt, stop_token_ids=stop, max_new_tokens=most, rollbacks=rollbacks, how=how)
    return tensors, words


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--checkpoint", action="append", help=f"{', '.join(CHECKPOINTS)} by default")
    parser.add_argument("--out", default=str(HERE / "methods_opera.safetensors"))
    arguments = parser.parse_args()
    draw, tensors, cases = random.Random(arguments.seed), {}, []
    for name in arguments.checkpoint or CHECKPOINTS:
        plain, exact, found = Plain(name), Plain(name, torch.float64), []
        for _ in range(TRIES):
            one = tried(plain, exact, draw, slot=len(found) == CASES_EACH - 1)
            if one is not None and (len(found) > 0 or len(one[1]["stop_token_ids"]) > 1):
                found.append(one)
            if len(found) == CASES_EACH:
                break
        for idx, (made, words) in enumerate(found):
            case = "opera_slot" if "official" in words["spec"] else f"opera_{idx}"
            tensors.update({f"{name}/{case}/{key}": value.contiguous() for key, value in made.items()})
            cases.append(dict(checkpoint=name, name=case, **words))
            print(f"{name} {case}: {made['output_ids'].tolist()}, back to {words['rollbacks']}, {words['spec']}")
    save_file(tensors, arguments.out, metadata=dict(golden=json.dumps(dict(cases=cases), ensure_ascii=False)))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
