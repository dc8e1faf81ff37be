"""Writes `tests/golden/study_rows.jsonl`, made-up answers of studies, and `tests/golden/study_tables.json`: the tables of
their reports as pandas, SciPy, statsmodels, scikit-learn and plain loops have them. Given a run's folder, prints the
tables of its rows instead, as CSV with every digit.

Made with Python 3.11, pandas, scipy, statsmodels, scikit-learn, numpy; seed 42. Not run in CI.

    python tests/golden/study_tables.py --seed 42
    python tests/golden/study_tables.py --run RUN --template pope

`--run` reads `RUN/answers.parquet` and `RUN/words.parquet` (pyarrow), which `gazelens study merge` writes.

Definitions. Means and differences by photo: OLS on a constant with errors clustered by photo and C / (C - 1), interval
by Student's t with C - 1 degrees of freedom; shares of all rows outside of 0.1 to 0.9: Wilson's interval with
p (1 - p) / SE^2 items. Quotients of sums: R = sum y / sum x, SE = sqrt(C / (C - 1) sum (y - R x)^2) / sum x. Precision and
recall are checked against OLS on the rows below the line. AUROC by scikit-learn; its error by photo from the shares of
pairs that each item wins, written out. DAMRO's H and F: means of what stands in the rows. Tomita et al.: the first word,
everything but Yes and No left out; balanced numbers of TPR and TNR.
"""

import argparse
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

HERE = Path(__file__).parent
RANKS = (1, 3, 5, 10)


# Made-up answers.

def yes_no_rows(rng):
    answers = {"yes": ["Yes", "Yes, there is.", "yes", "The image shows one."],
               "no": ["No", "No, there is not.", "There is no such thing.", "no"],
               "unsure": ["Not sure", "It is a snowy scene."]}
    settings = [("greedy", 42), ("other", 1), ("other", 2), ("prompted", 42)]
    rows, item = [], 0
    for photo in range(16):
        bias = rng.normal(0, 0.15)
        for question in range(int(rng.integers(3, 8))):
            label = "yes" if rng.random() < 0.55 else "no"
            relabel = label if rng.random() < 0.85 else rng.choice(["yes", "no", ""])
            base = {"item": item, "photo": f"p{photo:02}.png", "question_id": item + 1,
                    "prompt": f"Question {question}?", "label": label,
                    "split": ["random", "popular", "adversarial"][question % 3],
                    "object": ["dog", "dining table", "car"][int(rng.integers(3))]}
            if relabel:
                base["relabel"] = str(relabel)
            if label == "yes":
                base["object_size"] = ["small", "medium", "large"][int(rng.integers(3))]
            for number, (setting, seed) in enumerate(settings):
                right = rng.random() < 0.72 + bias + 0.05 * (setting == "other")
                said = label if right else {"yes": "no", "no": "yes"}[label]
                if rng.random() < 0.07:
                    said = "unsure"
                row = {"key": f"y{item:03}{number}", "setting_number": number, "setting": setting, "seed": seed, **base,
                       "answer": str(rng.choice(answers[said]))}
                if setting == "prompted":
                    row["pre_output"] = str(rng.choice(["yes", "no", "unknown"], p=[0.5, 0.4, 0.1]))
                    if label == "yes":
                        row["signals"] = {f"prompting_{name}": round(float(rng.random()), 6)
                                          for name in ("precision", "recall", "iou", "mse")}
                rows.append(row)
            item += 1
    return rows


def single(rng, size):
    return [float(np.float32(round(float(value), 4))) for value in rng.random(size)]


def caption_rows(rng):
    rows = []
    for item in range(22):
        for number, setting in enumerate(["greedy", "other"]):
            row = {"key": f"c{item:03}{number}", "item": item, "setting_number": number, "setting": setting, "seed": 42,
                   "photo": f"q{item % 13:02}.png", "prompt": "Describe this image.", "answer": "A caption."}
            words, truth = [], rng.random() < 0.9
            for place in range(int(rng.integers(0, 5))):
                status = "unknown" if not truth else "hallucinated" if rng.random() < 0.35 else "grounded"
                words.append({"text": "dog", "category": ["dog", "car", "cup"][int(rng.integers(3))], "status": status,
                              "bytes": [7 * place, 7 * place + 3], "tokens": [place], "signals": signals(rng, True, status)})
            row["num_words"] = int(rng.integers(8, 30))
            if truth:
                row["hallucinated"] = any(word["status"] == "hallucinated" for word in words)
                objects = int(rng.integers(1, 6))
                row["objects"] = [objects, int(rng.integers(0, objects + 1))]
            row["signals"] = signals(rng, False, None)
            row["words"] = words
            rows.append(row)
    return rows


def signals(rng, of_word, status):
    found = {f"h_{variant}": single(rng, 10) for variant in ("unsplit", "mean")}
    found.update({f"f_{variant}": round(float(rng.random()), 6) for variant in ("unsplit", "mean")})
    if of_word:
        lift = 0.2 if status == "grounded" else 0.0
        # Two decimals: scores that are equal.
        found["head_image_share"] = [float(np.float32(round(0.8 * float(value) + lift, 2))) for value in rng.random(8)]
    else:
        found["image_share_by_layer"] = single(rng, 2)
    return found


# Estimates.

def estimate(value, se=None, interval=None):
    return {"value": value, "se": se, "interval": interval}


def student(value, se, c):
    return [value - stats.t.isf(0.025, c - 1) * se, value + stats.t.isf(0.025, c - 1) * se] if c > 1 else None


def clustered(scores, photos):
    """Mean and its error by statsmodels."""
    scores = np.asarray(scores, dtype=float)
    groups = pd.factorize(np.asarray(photos))[0]
    c = len(set(groups))
    if c < 2:
        return float(scores.mean()), None, c
    fit = sm.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    return float(fit.params[0]), float(fit.bse[0]), c


def mean(scores, photos):
    if len(scores) == 0:
        return None
    value, se, c = clustered(scores, photos)
    if se is None:
        return estimate(value)
    if set(scores) <= {0.0, 1.0} and not 0.1 <= value <= 0.9:
        effective = value * (1 - value) / se**2 if se > 1e-12 else c
        return estimate(value, se, list(map(float, proportion_confint(value * effective, effective, method="wilson"))))
    return estimate(value, se, student(value, se, c))


def ratio(pairs):
    """`pairs`: photo, above, below; a photo may have several."""
    sums = {}
    for photo, above, below in pairs:
        y, x = sums.get(photo, (0.0, 0.0))
        sums[photo] = (y + above, x + below)
    total = sum(x for _, x in sums.values())
    if total == 0:
        return None
    c, value = len(sums), sum(y for y, _ in sums.values()) / total
    if c < 2:
        return estimate(value)
    se = math.sqrt(c / (c - 1) * sum((y - value * x) ** 2 for y, x in sums.values())) / total
    return estimate(value, se, student(value, se, c))


def checked_share(rows, above, below):
    """A share of rows as a quotient; statsmodels has the same error but for the photos without any such row."""
    found = ratio([(row.photo, float(above(row) and below(row)), float(below(row))) for row in rows])
    of = [row for row in rows if below(row)]
    c, own = len({row.photo for row in rows}), len({row.photo for row in of})
    if found and found["se"] is not None and own > 1:
        _, se, _ = clustered([float(above(row)) for row in of], [row.photo for row in of])
        se *= math.sqrt(c / (c - 1) / (own / (own - 1)))
        assert abs(se - found["se"]) < 1e-12, (se, found)
    return found


# Readings of answers.

def official(answer):
    words = answer.split(".")[0].replace(",", "").split(" ")
    return "no" if any(word in ("No", "not", "no") for word in words) else "yes"


def first_word(answer):
    letters = ""
    for c in answer.lstrip():
        if not c.isalpha():
            break
        letters += c
    return letters.lower() if letters.lower() in ("yes", "no") else None


class Counted:
    """A row whose answer and label count."""

    def __init__(self, row, said, label, positive):
        self.row, self.photo, self.item = row, row["photo"], row["item"]
        self.right = said == label
        self.said, self.label = said == positive, label == positive
        self.yes = said == "yes"


def counted(rows, read, column="label", positive="yes"):
    found = []
    for row in rows:
        label, answer = row.get(column), row.get("answer")
        if label not in ("yes", "no") or answer is None or read(answer) is None:
            continue
        found.append(Counted(row, read(answer), label, positive))
    return found


def scores(rows):
    return {
        "accuracy": mean([float(row.right) for row in rows], [row.photo for row in rows]),
        "precision": checked_share(rows, lambda row: row.label, lambda row: row.said),
        "recall": checked_share(rows, lambda row: row.said, lambda row: row.label),
        "specificity": checked_share(rows, lambda row: not row.said, lambda row: not row.label),
        "F1": ratio([(row.photo, 2.0 * (row.said and row.label), float(row.said) + float(row.label)) for row in rows]),
        "yes ratio": ratio([(row.photo, float(row.said), 1.0) for row in rows]),
    }


def percent(found):
    """A share with its interval, whose ends stay within 0 and 100."""
    found = points(found)
    if found is not None and found["interval"] is not None:
        found["interval"] = [min(max(end, 0.0), 100.0) for end in found["interval"]]
    return found


def points(found):
    if found is None:
        return None
    scaled = lambda value: None if value is None else 100 * value
    interval = None if found["interval"] is None else [scaled(end) for end in found["interval"]]
    return estimate(scaled(found["value"]), scaled(found["se"]), interval)


def count(value):
    return estimate(float(value))


def by_setting(rows):
    order = {}
    for row in sorted(rows, key=lambda row: row["setting_number"]):
        order.setdefault(row["setting"], [])
    for row in rows:
        if not row.get("error"):
            order[row["setting"]].append(row)
    return order


# Tables: a list of rows, each a dictionary from column to text or estimate, in the report's order.

def main_row(first, rows, read, **options):
    found = counted(rows, read, **options)
    row = {**first, "n": count(len(found)), "photos": count(len({one.photo for one in found}))}
    row.update({name: percent(value) for name, value in scores(found).items()})
    return {**row, "left out": count(len(rows) - len(found))}


def yes_no(rows, ident, read=official, **options):
    groups = by_setting(rows)
    tables = {ident: [main_row({"setting": name}, group, read, **options) for name, group in groups.items()]}
    tables[f"{ident}_against"] = against(groups, read, **options)
    for part, column in (("split", "split"), ("size", "object_size"), ("object", "object")):
        values = sorted({row[column] for row in rows if row.get(column)})
        tables[f"{ident}_by_{part}"] = [
            main_row({"setting": name, part: value}, of, read, **options)
            for name, group in groups.items() for value in values
            if (of := [row for row in group if row.get(column) == value])]
    return tables


def against(groups, read, **options):
    (base_name, base), *others = groups.items()
    frame = lambda rows: pd.DataFrame([{"item": one.item, "photo": one.photo, "right": float(one.right), "yes": one.yes}
                                       for one in counted(rows, read, **options)])
    first = frame(base).groupby("item", sort=True)
    tables, ps = [], []
    for name, rows in others:
        second = frame(rows).groupby("item", sort=True)
        joined = pd.concat([second["right"].mean().rename("a"), first["right"].mean().rename("b"),
                            second["photo"].first(), second["right"].first().rename("a1"), first["right"].first().rename("b1"),
                            second["yes"].first().rename("ya"), first["yes"].first().rename("yb")], axis=1).dropna()
        value, se, c = clustered(joined.a - joined.b, joined.photo)
        p = float(2 * stats.t.sf(abs(value / se), c - 1))
        ps.append(p)
        b, cc = int((joined.b1 > joined.a1).sum()), int((joined.a1 > joined.b1).sum())
        tables.append({
            "setting": name, "questions": count(len(joined)),
            "difference of accuracy": points(estimate(value, se, student(value, se, c))), "p by photo": estimate(p),
            "p (Holm)": None, "b": count(b), "c": count(cc),
            "McNemar p": estimate(float(mcnemar([[0, b], [cc, 0]], exact=True).pvalue)),
            "yes to no": count(int((joined.yb.astype(bool) & ~joined.ya.astype(bool)).sum())),
            "no to yes": count(int((~joined.yb.astype(bool) & joined.ya.astype(bool)).sum())),
        })
    for row, p in zip(tables, multipletests(ps, method="holm")[1]):
        row["p (Holm)"] = estimate(float(p))
    return tables


def parts(rows):
    for name, group in by_setting(rows).items():
        if not any(row.get("pre_output") for row in group):
            yield name, "-", group
            continue
        right = lambda row: None if row.get("pre_output") in (None, "unknown") else row["pre_output"] == row["label"]
        yield name, "all", group
        yield name, "right", [row for row in group if right(row) is True]
        yield name, "wrong", [row for row in group if right(row) is False]


def tomita(rows):
    table_1, table_2 = [], []
    for name, part, group in parts(rows):
        found = counted(group, first_word)
        of = scores(found)
        tpr, tnr = of["recall"]["value"], of["specificity"]["value"]
        precision = tpr / (tpr + 1 - tnr)
        row = {"setting": name, "pre-output": part, "n": count(len(found))}
        row.update({column: percent(of[key]) for column, key in
                    (("accuracy", "accuracy"), ("precision", "precision"), ("recall", "recall"), ("TNR", "specificity"), ("F1", "F1"))})
        row["balanced accuracy"] = estimate(100 * (tpr + tnr) / 2)
        row["balanced precision"] = estimate(100 * precision)
        row["balanced F1"] = estimate(100 * 2 * precision * tpr / (precision + tpr))
        table_1.append(row)
        present = [row for row in group if "prompting_precision" in row.get("signals", {})]
        if present:
            table_2.append({"setting": name, "pre-output": part, "n": count(len(present)), **{
                column: percent(mean([row["signals"][f"prompting_{key}"] for row in present], [row["photo"] for row in present]))
                for column, key in (("precision", "precision"), ("recall", "recall"), ("IoU", "iou"), ("MSE", "mse"))}})
    return {"table_1": table_1, "table_2": table_2}


def chair(rows):
    table = []
    for name, group in by_setting(rows).items():
        judged = [row for row in group if row.get("hallucinated") is not None]
        photos = [row["photo"] for row in judged]
        wrong = lambda row: sum(word["status"] == "hallucinated" for word in row.get("words", []))
        table.append({
            "setting": name, "captions": count(len(judged)),
            "CHAIRs": percent(mean([float(row["hallucinated"]) for row in judged], photos)),
            "CHAIRi": percent(ratio([(row["photo"], wrong(row), len(row.get("words", []))) for row in judged])),
            "recall": percent(ratio([(row["photo"], row["objects"][1], row["objects"][0]) for row in judged])),
            "words a caption": mean([float(row["num_words"]) for row in judged], photos),
            "mentions a caption": mean([float(len(row.get("words", []))) for row in judged], photos),
            "without truth": count(len(group) - len(judged)),
        })
    return {"chair": table}


def damro(rows):
    table = []
    for name, group in by_setting(rows).items():
        for variant, label in (("unsplit", "one unsplit head (as published)"), ("mean", "mean over heads")):
            for unit in ("word", "caption"):
                for wrong in (True, False):
                    if unit == "word":
                        status = "hallucinated" if wrong else "grounded"
                        of = [(row["photo"], word["signals"]) for row in group for word in row.get("words", []) if word["status"] == status]
                    else:
                        of = [(row["photo"], row["signals"]) for row in group if row.get("hallucinated") is wrong]
                    if not of or f"f_{variant}" not in of[0][1]:
                        continue
                    photos = [photo for photo, _ in of]
                    line = {"setting": name, "[CLS] attention": label, "unit": unit, "class": "hallucinated" if wrong else "not",
                            "n": count(len(of))}
                    for rank in RANKS:
                        line[f"H_{rank}"] = mean([float(signals[f"h_{variant}"][rank - 1]) for _, signals in of], photos)
                    line["F"] = mean([float(signals[f"f_{variant}"]) for _, signals in of], photos)
                    table.append(line)
    return {"damro": table}


def auroc(scores, grounded, photos):
    value = float(roc_auc_score(grounded, scores))
    above = [s for s, g in zip(scores, grounded) if g]
    below = [s for s, g in zip(scores, grounded) if not g]
    wins = lambda a, b: float(a > b) + 0.5 * float(a == b)
    sums = {}
    for s, g, photo in zip(scores, grounded, photos):
        own = (np.mean([wins(s, other) for other in below]) - value) / len(above) if g else \
            (np.mean([wins(other, s) for other in above]) - value) / len(below)
        sums[photo] = sums.get(photo, 0.0) + float(own)
    c = len(sums)
    se = math.sqrt(c / (c - 1) * sum(s * s for s in sums.values()))
    if 0.1 <= value <= 0.9:
        return estimate(value, se, student(value, se, c))
    spread = value * (1 - value)
    if spread <= 0:
        return estimate(value, se)
    logit, half = math.log(value / (1 - value)), stats.t.isf(0.025, c - 1) * se / spread
    return estimate(value, se, [1 / (1 + math.exp(-(logit - half))), 1 / (1 + math.exp(-(logit + half)))])


def heads(rows):
    layers = next((len(row["signals"]["image_share_by_layer"]) for row in rows if "image_share_by_layer" in row.get("signals", {})), None)
    table = []
    for name, group in by_setting(rows).items():
        words = [(row, word) for row in group for word in row.get("words", [])
                 if word["status"] != "unknown" and "head_image_share" in word.get("signals", {})]
        if not words:
            continue
        grounded = [word["status"] == "grounded" for _, word in words]
        photos = [row["photo"] for row, _ in words]
        shares = np.array([word["signals"]["head_image_share"] for _, word in words], dtype=float)
        each = shares.shape[1] // layers if layers else None
        named = [(f"layer {head // each}, head {head % each}" if each else f"head {head}",
                  auroc(list(shares[:, head]), grounded, photos)) for head in range(shares.shape[1])]
        named.sort(key=lambda one: -one[1]["value"])
        named = named[:10] + named[max(len(named) - 10, min(len(named), 10)):]
        named.append(("mean of all heads", auroc([sum(map(float, share)) / len(share) for share in shares], grounded, photos)))
        drawn = [int.from_bytes(hashlib.sha256(f"{row['key']} {word['bytes'][0]}".encode()).digest()[:8], "little") / (2**64 - 1)
                 for row, word in words]
        named.append(("random score", auroc(drawn, grounded, photos)))
        table += [{"setting": name, "score": score, "grounded": count(sum(grounded)), "hallucinated": count(len(grounded) - sum(grounded)),
                   "AUROC": found} for score, found in named]
    return {"heads": table}


TEMPLATES = {
    "pope": lambda rows: yes_no(rows, "pope"),
    "amber": lambda rows: yes_no(rows, "amber", positive="no"),
    "repope": lambda rows: {**yes_no(rows, "pope"), **yes_no(rows, "repope", column="relabel")},
    "tomita": tomita,
    "chair": chair,
    "damro": damro,
    "heads": heads,
}


def rows_of_run(folder):
    """Rows as in `rows.jsonl`, from both Parquet files."""
    known = lambda value: not (value is None or (isinstance(value, float) and math.isnan(value)))
    plain = lambda value: value.tolist() if isinstance(value, np.ndarray) else value
    columns = ["key", "item", "setting", "seed", "photo", "label", "relabel", "split", "object", "object_size", "answer", "pre_output",
               "hallucinated", "num_words", "error"]
    answers = pd.read_parquet(folder / "answers.parquet").astype(object)
    words = pd.read_parquet(folder / "words.parquet").astype(object)
    # The order of settings is that of the rows of the first question.
    numbers = {pair: number for number, pair in enumerate(dict.fromkeys(zip(answers.setting, answers.seed)))}
    by_key = {}
    for _, word in words.iterrows():
        of = {name: plain(value) for name, value in word.items() if known(value)}
        by_key.setdefault(word["key"], []).append(
            {"status": word["status"], "category": word["category"], "bytes": [word["byte_start"], word["byte_end"]], "signals": of})
    rows = []
    for _, answer in answers.iterrows():
        row = {name: answer[name] for name in columns if known(answer.get(name))}
        row["setting_number"] = numbers[(answer.setting, answer.seed)]
        row["signals"] = {name: plain(value) for name, value in answer.items() if name not in columns and known(value)}
        row["words"] = by_key.get(answer.key, [])
        if known(answer["num_objects"]):
            row["objects"] = [answer["num_objects"], answer["num_recalled"]]
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--template", choices=TEMPLATES)
    options = parser.parse_args()
    if options.run:
        for ident, table in TEMPLATES[options.template](rows_of_run(options.run)).items():
            flat = lambda cell: cell if cell is None or isinstance(cell, str) else cell["value"]
            print(f"# {ident}\n" + pd.DataFrame([{k: flat(v) for k, v in row.items()} for row in table]).to_csv(index=False))
        return
    rng = np.random.default_rng(options.seed)
    yes_or_no, captions = yes_no_rows(rng), caption_rows(rng)
    (HERE / "study_rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in yes_or_no + captions))
    golden = {template: make(captions if template in ("chair", "damro", "heads") else yes_or_no) for template, make in TEMPLATES.items()}
    (HERE / "study_tables.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
