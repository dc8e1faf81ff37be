"""Writes `tests/golden/statistics.json`: intervals and tests of a study as SciPy, statsmodels, scikit-learn and plain loops have them.

Made with Python 3.11, scipy 1.17.1, statsmodels 0.15.0, scikit-learn 1.9.1, numpy 2.4.6; seed 37. Not run in CI.

    python tests/golden/study_statistics.py --seed 37

What a library has is taken from it; the errors by photo are sums over pairs of items written out, DeLong's over pairs of a positive and a
negative. `draws` is a bootstrap by SplitMix64 in plain integers. Figures that are not defined are null.
"""

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

HERE = Path(__file__).parent
Z = stats.norm.ppf(0.975)


def distributions():
    t = [1, 2, 3, 5, 10, 49, 499, 2999, 39_999, 1_000_000]
    return {
        "normal_quantile": [[p, stats.norm.ppf(p)] for p in (1e-9, 0.025, 0.2, 0.5, 0.8, 0.95, 0.975, 0.9995)],
        "normal_tail": [[x, stats.norm.sf(x)] for x in (-3.0, -0.5, 0.0, 0.1, 1.0, 1.99, 2.0, 2.01, 3.0, 6.83, 20.0)],
        "t_quantile": [[df, p, stats.t.isf(p, df)] for df in t for p in (0.4, 0.025, 0.0005)],
        "t_tail": [[df, x, stats.t.sf(x, df)] for df in t for x in (0.0, 0.01, 0.7, 2.0, 6.25, 15.0)],
        "binomial": [[k, n, stats.binom.cdf(k, n, 0.5)] for k, n in
                     ((0, 1), (3, 15), (0, 5), (74, 249), (82, 289), (500, 1001), (4000, 9000), (20_000, 40_100))],
        "chi_square": [[x, stats.chi2.sf(x, 1)] for x in (0.0, 0.01, 1.0, 4.26667, 40.0, 300.0)],
    }


def by_photo(items):
    found = {}
    for photo, value in items:
        found.setdefault(photo, []).append(value)
    return [found[photo] for photo in sorted(found)]


def mean(photos, scores):
    n, value = len(scores), sum(scores) / len(scores)
    d = [s - value for s in scores]
    pairs = sum(d[i] * d[j] for i in range(n) for j in range(n) if photos[i] == photos[j])
    others = sum(d[i] * d[j] for i in range(n) for j in range(n) if i != j and photos[i] == photos[j])
    c = len(set(photos))
    naive = float(np.std(scores, ddof=1) / math.sqrt(n))
    sandwich = math.sqrt(c / (c - 1) * pairs) / n
    if set(scores) <= {0.0, 1.0} and not 0.1 <= value <= 0.9:
        effective = value * (1 - value) / sandwich**2
        interval = wilson(value, effective)
    else:
        interval = list(stats.t.interval(0.95, c - 1, value, sandwich))
    return {"value": value, "naive": naive, "miller": math.sqrt(naive**2 + others / n**2), "sandwich": sandwich, "interval": interval}


def wilson(p, n):
    low, high = proportion_confint(p * n, n, alpha=0.05, method="wilson")
    return [float(low), float(high)]


def ratio(rows):
    above, below = sum(y for y, _ in rows), sum(x for _, x in rows)
    r, c = above / below, len(rows)
    se = math.sqrt(c / (c - 1) * sum((y - r * x) ** 2 for y, x in rows)) / below
    return {"value": r, "error": se, "interval": list(stats.t.interval(0.95, c - 1, r, se))}


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)


def bootstrap(metric, count, seed):
    draws, undefined, numbers = [], 0, SplitMix64(seed)
    for _ in range(2000):
        value = metric([numbers.next() % count for _ in range(count)])
        if value is None:
            undefined += 1
        else:
            draws.append(value)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"value": metric(list(range(count))), "error": float(np.std(draws, ddof=1)), "interval": [float(low), float(high)],
            "undefined": undefined, "seed": seed}


def quotient(rows):
    def metric(drawn):
        below = sum(rows[at][1] for at in drawn)
        return sum(rows[at][0] for at in drawn) / below if below else None
    return metric


def placements(scores, labels):
    pos = [s for s, l in zip(scores, labels) if l]
    neg = [s for s, l in zip(scores, labels) if not l]
    half = lambda a, b: 1.0 if a > b else 0.5 if a == b else 0.0
    return [sum(half(s, other) for other in neg) / len(neg) if l else sum(half(other, s) for other in pos) / len(pos)
            for s, l in zip(scores, labels)]


def auroc(photos, labels, first, second=None):
    placed, value = placements(first, labels), float(roc_auc_score(labels, first))
    if second is not None:
        placed = [a - b for a, b in zip(placed, placements(second, labels))]
        value -= float(roc_auc_score(labels, second))
    m, n, c = sum(labels), len(labels) - sum(labels), len(set(photos))
    above = [p for p, l in zip(placed, labels) if l]
    below = [p for p, l in zip(placed, labels) if not l]
    delong = math.sqrt(np.var(above, ddof=1) / m + np.var(below, ddof=1) / n)
    sums = [sum(values) for values in by_photo((photo, (p - value) / (m if l else n)) for photo, p, l in zip(photos, placed, labels))]
    error = math.sqrt(c / (c - 1) * sum(u * u for u in sums))
    t = stats.t.ppf(0.975, c - 1)
    found = {"value": value, "delong": delong, "error": error}
    if second is None and not 0.1 <= value <= 0.9:
        logit, back = math.log(value / (1 - value)), lambda x: 1 / (1 + math.exp(-x))
        spread = value * (1 - value)
        found["interval"] = [back(logit - t * error / spread), back(logit + t * error / spread)]
        found["delong_interval"] = [back(logit - Z * delong / spread), back(logit + Z * delong / spread)]
    else:
        found["interval"] = [value - t * error, value + t * error]
        found["delong_interval"] = [value - Z * delong, value + Z * delong]
    if second is None:
        found |= {"average_precision": float(average_precision_score(labels, first)), "prevalence": m / (m + n)}
    else:
        found |= {"p": 2 * stats.t.sf(abs(value / error), c - 1), "delong_p": 2 * stats.norm.sf(abs(value / delong))}
    return found


def photos_of(rng, count, per_photo):
    """Photos in no order and with other numbers than 0, 1, 2."""
    photos = [7 * at + 3 for at in range(count) for _ in range(1 + rng.randrange(per_photo))]
    rng.shuffle(photos)
    return photos


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    rng = random.Random(parser.parse_args().seed)
    golden = {"distributions": distributions()}
    golden["wilson"] = [[k, n, *wilson(k / n, n)] for k, n in ((8, 10), (2, 50), (0, 7), (7, 7), (1234, 5000))]

    golden["means"] = []
    for count, chance in ((2, 0.5), (12, 0.5), (30, 0.95), (25, 0.06), (20, None)):
        photos = photos_of(rng, count, 6)
        ease = {photo: rng.random() * 0.3 for photo in photos}
        scores = [rng.gauss(3, 2) + 9 * ease[p] if chance is None else float(rng.random() < chance + ease[p] - 0.15) for p in photos]
        if len(set(scores)) == 1:
            scores[0] = 1.0 - scores[0]
        golden["means"].append({"photos": photos, "scores": scores, **mean(photos, scores)})

    golden["ratios"] = []
    for count, seed in ((3, 1), (40, 42)):
        rows = [[float(rng.randrange(4)), float(rng.randrange(7))] for _ in range(count)]
        rows[0] = [0.0, 0.0] if count == 3 else rows[0]
        rows[1], rows[2][1] = [2.0, 3.0], 5.0
        other = [[float(rng.randrange(4)), float(rng.randrange(7))] for _ in range(count)]
        both = lambda drawn, a=quotient(rows), b=quotient(other): None if None in (a(drawn), b(drawn)) else a(drawn) - b(drawn)
        golden["ratios"].append({"rows": rows, "other": other, **ratio(rows), "draws": bootstrap(quotient(rows), count, seed),
                                 "difference": bootstrap(both, count, seed)})

    golden["mcnemar"] = []
    for b, c in ((3, 12), (12, 3), (0, 4), (5, 5), (175, 74), (215, 110), (1, 0)):
        table = [[100, b], [c, 100]]
        corrected = mcnemar(table, exact=False, correction=True)
        plain = mcnemar(table, exact=False, correction=False)
        golden["mcnemar"].append([b, c, float(mcnemar(table, exact=True).pvalue), float(corrected.statistic), float(corrected.pvalue),
                                  math.copysign(math.sqrt(plain.statistic), b - c)])

    golden["paired"] = []
    for count in (4, 30):
        photos = photos_of(rng, count, 5)
        a = [float(rng.random() < 0.7) for _ in photos]
        b = [float(rng.random() < 0.5) for _ in photos]
        d = [x - y for x, y in zip(a, b)]
        sums = [sum(values) for values in by_photo(zip(photos, d))]
        found = mean(photos, d)
        t, z = found["value"] / found["sandwich"], sum(sums) / math.sqrt(sum(s * s for s in sums))
        c = len(sums)
        golden["paired"].append({"photos": photos, "first": a, "second": b, "value": found["value"], "error": found["sandwich"],
                                 "interval": list(stats.t.interval(0.95, c - 1, found["value"], found["sandwich"])),
                                 "t": t, "p": 2 * stats.t.sf(abs(t), c - 1), "z": z, "z_p": 2 * stats.norm.sf(abs(z))})

    families = [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.9, 0.9, 0.0, 1.0], [rng.random() ** 3 for _ in range(9)]]
    golden["holm"] = [[family, multipletests(family, method="holm")[1].tolist()] for family in families]
    reach = lambda alpha, power: stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    golden["power"] = [[sd, delta, alpha, power, math.ceil((reach(alpha, power) * sd / delta) ** 2)] for sd, delta, alpha, power in
                       ((0.5, 0.03, 0.05, 0.8), (0.3, 0.03, 0.05, 0.8), (0.31, 0.011, 0.01, 0.95))]

    golden["detectors"] = []
    for count, shift, digits in ((5, 1.0, 1), (25, 1.2, 1), (25, 3.5, 3), (20, -3.0, 2)):
        photos = photos_of(rng, count, 6)
        labels = [int(rng.random() < 0.4) for _ in photos]
        labels[:4] = [0, 1, 0, 1]
        first = [round(rng.gauss(shift * l, 1), digits) for l in labels]
        second = [round(rng.gauss(0.8 * l, 1) + 0.5 * f, digits) for l, f in zip(labels, first)]
        golden["detectors"].append({"photos": photos, "labels": labels, "first": first, "second": second,
                                    "one": auroc(photos, labels, first), "difference": auroc(photos, labels, first, second)})
    text = json.dumps(golden, default=float).replace("], [", "],\n[").replace("}, {", "},\n{")
    (HERE / "statistics.json").write_text(text + "\n")


main()
