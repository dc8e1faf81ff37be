"""Holds gazelens against transformers on the CPU: one generated checkpoint, the same question, the same number of threads. Not run in CI.

Needs torch, transformers, pillow, numpy (see `tests/golden/make.py` for versions) and a release build:

    cargo build --release
    python tests/benches/compare.py [--gazelens target/release/gazelens] [--threads 2] [--rounds 3] [--folder FOLDER] [--json]

The checkpoint is random, 1.4 GB in f32: ViT-B/14-336 and 16 LLaMA layers of 1024, and the same in f16. It is made once, in `--folder` (a folder
of the system's temporary one unless given). transformers runs eager attention with `output_attentions=True`, as anyone must who wants what
gazelens captures. The two programs take turns, and the best of the rounds counts, so that a machine that is busy for a while disturbs both;
every figure is a ratio of two times of this run. Targets stand beside the figures; the exit status says whether all were met.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKENIZER = ROOT / "tests" / "golden" / "newest_shards" / "checkpoint"
PHOTO = ROOT / "assets" / "demo" / "images" / "demo_01_beach.png"
PROMPT = "USER: <image>\nWhat is in this picture, and where? ASSISTANT:"
NEW_TOKENS = 64
# Those of `src/engine/reuse_bench.rs`.
QUESTIONS = ["Describe this image briefly.", "What is in the upper left corner?", "Is there a dog?", "How many things can be counted in this picture?",
             "Which colour is the largest object?", "Where was it taken?"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gazelens", type=Path, default=ROOT / "target" / "release" / "gazelens")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gazelens-compare")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def make(folder, dtype):
    """A random LLaVA that answers in `NEW_TOKENS` tokens without ending, in one type."""
    import torch
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    if (folder / "done").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]:
        shutil.copy(TOKENIZER / name, folder / name)
    processor = json.loads((TOKENIZER / "processor_config.json").read_text())
    processor["image_processor"].update(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    processor["patch_size"] = 14
    (folder / "processor_config.json").write_text(json.dumps(processor))
    vision = dict(model_type="clip_vision_model", hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                  image_size=336, patch_size=14, projection_dim=512)
    text = dict(model_type="llama", hidden_size=1024, intermediate_size=2816, num_hidden_layers=16, num_attention_heads=16,
                num_key_value_heads=16, vocab_size=32064, max_position_embeddings=4096, bos_token_id=1, eos_token_id=2)
    image_id = json.loads((TOKENIZER / "config.json").read_text())["image_token_id"]
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_id=image_id, image_seq_length=576)
    torch.manual_seed(7)
    model = LlavaForConditionalGeneration(config)
    with torch.no_grad():
        # The end token is never the most probable one.
        model.lm_head.weight[2].zero_()
    model.to(dtype).save_pretrained(folder, max_shard_size="100GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "done").touch()


class Transformers:
    """The model and one question, ready to be timed."""

    def __init__(self, folder, threads):
        import torch
        from PIL import Image
        from transformers import AutoProcessor, LlavaForConditionalGeneration

        torch.set_num_threads(threads)
        self.torch = torch
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.processor = AutoProcessor.from_pretrained(folder)
        self.photo = Image.open(PHOTO).convert("RGB")

    def ask(self, new_tokens, prompt=PROMPT):
        """Seconds, and the ids."""
        batch = self.processor(images=self.photo, text=prompt, return_tensors="pt")
        started = time.perf_counter()
        with self.torch.inference_mode():
            out = self.model.generate(**batch, do_sample=False, max_new_tokens=new_tokens, min_new_tokens=new_tokens, pad_token_id=0,
                                      return_dict_in_generate=True, output_attentions=True)
        secs = time.perf_counter() - started
        return secs, out.sequences[0, batch["input_ids"].shape[1]:].tolist()


class Gazelens:
    """The program, with one folder and so many threads."""

    def __init__(self, program, threads):
        self.program, self.threads = program, threads

    def run(self, folder, command, *words):
        options = ["--model", folder, "--device", "cpu", "--threads", self.threads]
        command = [self.program, command, *options, *words, "--json"]
        out = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
        return json.loads(out.stdout)

    def ask(self, folder, new_tokens):
        with tempfile.TemporaryDirectory() as scratch:
            trace = Path(scratch) / "t.safetensors"
            answer = self.run(folder, "trace", "--image", PHOTO, "--raw-prompt", PROMPT, "--max-new-tokens", new_tokens, "--out", trace)
            answer["trace_bytes"] = trace.stat().st_size
            return answer

    def bench(self, folder, dtype):
        return self.run(folder, "bench", "--dtype", dtype, "--image", PHOTO, "--new-tokens", NEW_TOKENS)


def best(values):
    return min(values)


def first_question(reference, gazelens, folder, rounds):
    """Both answer the whole question, and the prompt alone, in turns."""
    theirs, theirs_prompt, ours, memory = [], [], [], []
    for _ in range(rounds):
        theirs_prompt.append(reference.ask(1)[0])
        answer = gazelens.ask(folder, NEW_TOKENS)
        ours.append(answer["timings"])
        memory.append((answer["peak_rss_bytes"] - answer["trace_bytes"]) / (folder / "model.safetensors").stat().st_size)
        secs, ids = reference.ask(NEW_TOKENS)
        theirs.append(secs)
    found = [token["id"] for token in answer["tokens"]]
    same = next((i for i, (a, b) in enumerate(zip(found, ids)) if a != b), len(ids))
    whole = best(t["vision"] + t["prefill"] + t["decode"] for t in ours)
    prompt = best(t["vision"] + t["prefill"] for t in ours)
    print(f"transformers: {best(theirs):.2f} s, of which prompt and image {best(theirs_prompt):.2f} s; gazelens {whole:.2f} s and {prompt:.2f} s; "
          f"the first {same} of {len(ids)} greedy tokens are the same", file=sys.stderr)
    return {
        "first question, 64 tokens, all attention: transformers over gazelens": (best(theirs) / whole, ">=", 1.3),
        "image and prompt: transformers over gazelens": (best(theirs_prompt) / prompt, ">=", 0.75),
        "peak memory without the trace over weights, f32": (best(memory), "<=", 1.15),
    }


def six_questions(reference, report):
    """Six questions on one image, two tokens each. `gazelens bench` asks them of one process, as the window would; transformers gets the same."""
    theirs = sum(reference.ask(2, f"USER: <image>\n{words} ASSISTANT:")[0] for words in QUESTIONS)
    ours = report["further_questions"]
    print(f"six questions: transformers {theirs:.2f} s, gazelens {ours['total_secs']:.2f} s, of which the first {ours['first_secs']:.2f} s", file=sys.stderr)
    return {"six questions on one image: transformers over gazelens": (theirs / ours["total_secs"], ">=", 4.0)}


def main():
    args = arguments()
    import torch

    for name, dtype in [("f32", torch.float32), ("f16", torch.float16)]:
        make(args.folder / name, dtype)
    gazelens = Gazelens(args.gazelens, args.threads)
    reference = Transformers(args.folder / "f32", args.threads)
    figures = first_question(reference, gazelens, args.folder / "f32", args.rounds)
    for name in ["f32", "f16"]:
        report = gazelens.bench(args.folder / name, name)
        if name == "f32":
            figures |= six_questions(reference, report)
        figures |= {
            f"decoding over read bandwidth, {name}": (report["runs"][0]["share_of_bandwidth"], ">=", 0.70),
            f"a token with capture over one without, {name}": (report["ratios"]["capture"], "<=", 1.08),
            f"a token of two branches over one, {name}": (report["ratios"]["second_branch"], "<=", 1.25),
        }
        run = report["runs"][0]
        print(f"{name}: {report['read_bandwidth_bytes_per_sec'] / 1e9:.1f} GB/s, vision {run['vision_secs']:.2f} s, prompt {run['prefill_secs']:.2f} s, "
              f"{1e3 * run['fast_step_secs']:.1f} ms a token, opened in {report['load_secs']:.2f} s", file=sys.stderr)
    met = {what: found >= aim if sign == ">=" else found <= aim for what, (found, sign, aim) in figures.items()}
    if args.json:
        print(json.dumps({what: dict(found=found, aim=f"{sign} {aim}", met=met[what]) for what, (found, sign, aim) in figures.items()}, indent=1))
    else:
        for what, (found, sign, aim) in figures.items():
            print(f"{what:<72} {found:6.3f}  {sign} {aim:<5} {'met' if met[what] else 'MISSED'}")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", file=sys.stderr)
    sys.exit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
