"""Writes `tests/golden/study_amber.json`: made-up answers to AMBER's yes/no questions and to MMVP's, and what AMBER's own script and
MMVP's rule of pairs make of them, in plain loops.

Python alone. Not run in CI. From the project's root:

    python tests/golden/study_amber.py --seed 42

AMBER (arXiv 2311.07397), `inference.py` and `data/metrics.txt`: an answer is exactly Yes or No, everything else is wrong; the positive
class is no; denominators begin at 0.001; precision and recall are rounded to a decimal before F1, whose denominator has 0.0001 more,
for existence 0.001 more. The program takes the first word for the answer, which the rows hold beside it (`exact`).

MMVP (arXiv 2401.06209): questions 2 i - 1 and 2 i are a pair, right only together; `choice` is what an answer chooses. The interval of
the pairs is Wilson's: the roots of (p - x)^2 = z^2 x (1 - x) / n, found here by bisection.
"""

import argparse
import json
import random
from pathlib import Path

HERE = Path(__file__).parent
KINDS = {
    "all": lambda split: True,
    "existence": lambda split: split == "existence",
    "attribute": lambda split: split in ("attribute-state", "attribute-number", "attribute-action"),
    "state": lambda split: split == "attribute-state",
    "number": lambda split: split == "attribute-number",
    "action": lambda split: split == "attribute-action",
    "relation": lambda split: split == "relation",
}
SPLITS = ["existence", "attribute-state", "attribute-number", "attribute-action", "relation"]
WORDS = {"Yes": ["Yes", "Yes.", "yes, it is", "Yes, there is no doubt."], "No": ["No", "No.", "no", "No, yes would be wrong."],
         "other": ["It is sunny.", "Maybe", "There is no such thing."]}
Z = 1.959963984540054


def amber_rows(random):
    rows = []
    for setting_number, setting in enumerate(["greedy", "other"]):
        for item in range(160):
            split = SPLITS[item % len(SPLITS)]
            truth = "no" if split == "existence" or random.random() < 0.5 else "yes"
            said = {"yes": "Yes", "no": "No"}[truth] if random.random() < 0.7 else random.choice(["Yes", "No", "other"])
            rows.append({"key": f"a{setting_number}{item}", "item": item, "setting": setting, "setting_number": setting_number, "seed": 42,
                         "photo": f"AMBER_{item // 4}.jpg", "question_id": 1005 + item, "prompt": "Is it?", "label": truth, "split": split,
                         "answer": random.choice(WORDS[said]), "exact": said})
    return rows


def amber(rows):
    table = []
    for setting in ("greedy", "other"):
        for kind, is_of in KINDS.items():
            correct = correct_no = ans_no = ans_no_score = count = no_count = 0
            # The script adds its three counters of attributes up, each with a begin of its own.
            begin = 0.003 if kind == "attribute" else 0.001
            for row in rows:
                if row["setting"] != setting or not is_of(row["split"]):
                    continue
                count += 1
                truth, response = row["label"], row["exact"]
                if truth == "yes":
                    if response == "Yes":
                        correct += 1
                else:
                    no_count += 1
                    if response == "No":
                        correct += 1
                        correct_no += 1
                if response == "No":
                    ans_no += 1
                    if truth == "no":
                        ans_no_score += 1
            accuracy = round(correct / (count + begin) * 100, 1)
            precision = round(ans_no_score / (ans_no + begin) * 100, 1)
            recall = round(correct_no / (no_count + begin) * 100, 1)
            more = 0.001 if kind == "existence" else 0.0001
            f1 = round(2 * (precision / 100) * (recall / 100) / ((precision / 100) + (recall / 100) + more) * 100, 1)
            table.append({"setting": setting, "kind": kind, "n": count, "accuracy": accuracy, "precision": precision, "recall": recall, "F1": f1})
    return table


def mmvp_rows(random):
    rows = []
    for number in range(1, 61):
        expected = "(a)" if (number % 2 == 1) == (number % 3 > 0) else "(b)"
        other = "(b)" if expected == "(a)" else "(a)"
        choice = expected if random.random() < 0.75 else random.choice([other, None])
        words = {"(a)": "Open", "(b)": "Closed"}
        texts = [f"{choice}", f"{choice} {words.get(choice)}", f"The wings are {str(words.get(choice)).lower()}."]
        answer = random.choice(texts) if choice else random.choice(["A butterfly.", "open or closed", "I cannot tell"])
        rows.append({"key": f"m{number}", "item": number - 1, "setting": "greedy", "setting_number": 0, "seed": 42, "photo": f"{number}.jpg",
                     "question_id": number, "prompt": "Are the wings open? (a) Open (b) Closed", "expected": expected,
                     "pair": (number - 1) // 2, "answer": answer, "choice": choice})
    return rows


def wilson_end(p, n, low, high):
    """A root of (p - x)^2 - z^2 x (1 - x) / n between two points of other signs."""
    of = lambda x: (p - x) ** 2 - Z * Z * x * (1 - x) / n
    begin = of(low) > 0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if (of(middle) > 0) == begin else (low, middle)
    return (low + high) / 2


def mmvp(rows):
    right = pairs = unread = answers = 0
    for first, second in zip(rows[::2], rows[1::2]):
        both = True
        for row in (first, second):
            answers += row["choice"] == row["expected"]
            unread += row["choice"] is None
            both = both and row["choice"] == row["expected"]
        pairs += 1
        right += both
    p = right / pairs
    interval = [100 * wilson_end(p, pairs, 0, p), 100 * wilson_end(p, pairs, p, 1)]
    return {"questions": len(rows), "pairs": pairs, "pairs right": 100 * p, "interval": interval,
            "answers right": 100 * answers / len(rows), "unread": unread}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=42)
    made = random.Random(parser.parse_args().seed)
    yes_no, choices = amber_rows(made), mmvp_rows(made)
    golden = {"amber": {"rows": yes_no, "table": amber(yes_no)}, "mmvp": {"rows": choices, "table": mmvp(choices)}}
    for rows in (yes_no, choices):
        for row in rows:
            row.pop("exact", None)
            row.pop("choice", None)
    (HERE / "study_amber.json").write_text(json.dumps(golden) + "\n")
    print(json.dumps([golden["amber"]["table"][:7], golden["mmvp"]["table"]], indent=1))


if __name__ == "__main__":
    main()
