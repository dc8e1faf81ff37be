"""Compares a study's questions with transformers eager asking one by one, and with gazelens asking one by one. Not run in CI.

Needs what `tests/benches/compare.py` needs, and makes the same random checkpoint (1.4 GB in f32):

    cargo build --release
    python tests/benches/study.py [--gazelens target/release/gazelens] [--threads 2] [--rounds 2] [--photos 5] [--questions 18]

18 POPE questions on each of 5 photos, all signals of attention measured, one token and the end of the answer (2 tokens). The three take
turns photo by photo, so that a busy machine disturbs all alike; the best round counts. Times are of answering, without opening the model.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import compare

ROOT = compare.ROOT
IMAGES = ROOT / "assets" / "demo" / "images"
NEW_TOKENS = 2


def questions(count):
    annotations = json.loads((ROOT / "assets" / "demo" / "instances.json").read_text())
    names = [category["name"] for category in annotations["categories"]]
    return [f"Is there a {names[idx % len(names)]} in the image?" for idx in range(count)]


def study(folder, photo, texts):
    lines = [json.dumps(dict(question_id=idx, image=photo.name, text=text, label="yes")) for idx, text in enumerate(texts)]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "study.toml").write_text(
        f"""name = "bench"
template = "pope"
[data]
images = {json.dumps(str(IMAGES))}
annotations = {json.dumps(str(ROOT / "assets" / "demo" / "instances.json"))}
[questions]
from = "pope"
file = "questions.jsonl"
[model]
id = "demo"
max_new_tokens = {NEW_TOKENS}
[signals]
measured = ["localisation", "image_share", "split", "damro", "confidence", "heads"]
"""
    )


def ours(program, checkpoint, threads, photo, texts, *options):
    """Seconds from the first question to the last row."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        study(folder, photo, texts)
        command = [program, "study", "run", folder / "study.toml", "--out", folder / "run", "--model", checkpoint, "--device", "cpu",
                   "--threads", threads, "--json", *options]
        out = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
        last = json.loads(out.stdout.strip().splitlines()[-1])
        assert last["done"] == len(texts) and last["failed"] == 0, last
        return last["elapsed_secs"], last["rss_bytes"]


def theirs(reference, photo, texts):
    from PIL import Image

    reference.photo = Image.open(photo).convert("RGB")
    started = time.perf_counter()
    for text in texts:
        reference.ask(NEW_TOKENS, f"USER: <image>\n{text} ASSISTANT:")
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gazelens", type=Path, default=ROOT / "target" / "release" / "gazelens")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--photos", type=int, default=5)
    parser.add_argument("--questions", type=int, default=18)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gazelens-compare")
    options = parser.parse_args()
    import torch

    checkpoint = options.folder / "f32"
    compare.make(checkpoint, torch.float32)
    reference = compare.Transformers(checkpoint, options.threads)
    texts = questions(options.questions)
    photos = sorted(IMAGES.glob("*.png"))[: options.photos]
    times = {"transformers": [], "one by one": [], "together": []}
    memory = 0
    for _ in range(options.rounds):
        sums = dict.fromkeys(times, 0.0)
        for photo in photos:
            sums["transformers"] += theirs(reference, photo, texts)
            secs, held = ours(options.gazelens, checkpoint, options.threads, photo, texts)
            sums["together"] += secs
            memory = max(memory, held)
            sums["one by one"] += ours(options.gazelens, checkpoint, options.threads, photo, texts, "--one-by-one")[0]
        for name, secs in sums.items():
            times[name].append(secs)
            print(f"{name}: {secs:.1f} s", flush=True)
    best = {name: min(all_secs) for name, all_secs in times.items()}
    asked = len(photos) * len(texts)
    print(f"{asked} questions: transformers eager {best['transformers']:.1f} s, one by one {best['one by one']:.1f} s, "
          f"together {best['together']:.1f} s ({asked / best['together']:.2f} questions a second, {memory / 1e9:.2f} GB)")
    print(f"transformers / together {best['transformers'] / best['together']:.2f} (aim 10)")
    print(f"one by one / together {best['one by one'] / best['together']:.2f} (aim 3)")


if __name__ == "__main__":
    main()
