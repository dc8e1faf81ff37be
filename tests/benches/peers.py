"""Holds gazelens against llama.cpp on the CPU: one generated pair of GGUF files, the same photo and question, the same threads. Not run in CI.

Needs numpy, pillow and the packages `gguf` and `xllamacpp` (llama.cpp's server, prebuilt), what `tests/golden/gguf_pairs.py` needs, and a
release build:

    cargo build --release
    python tests/benches/peers.py [--shape 1B|7B] [--gazelens target/release/gazelens] [--threads 2] [--rounds 2] [--folder FOLDER] [--json]

The decoder has random blocks in the shape of TinyLlama-1.1B or of LLaVA-1.5-7B: Q4_K, with every second `attn_v` and `ffn_down` and the
output in Q6_K, as Q4_K_M files; the projector is a ViT-L/14-336 of 23 layers in f16. It is made once, in `--folder` (a folder of the
system's temporary one unless given). The programs take turns, each in a process of its own, and the best of the rounds counts; every figure
is a ratio of two values of this run. llama.cpp rounds activations to int8 and records nothing; gazelens multiplies f32 activations and
records every row of attention.
"""

import argparse
import base64
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEW_TOKENS = 16
PROMPT = "Describe this image in detail."
SHAPES = {
    "1B": dict(hidden=2048, inner=5632, layers=22, heads=32, kv_heads=4),
    "7B": dict(hidden=4096, inner=11008, layers=32, heads=32, kv_heads=32),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="1B")
    parser.add_argument("--gazelens", default=str(ROOT / "target/release/gazelens"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gazelens-peers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--llama-cpp", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def make(folder: Path, shape: dict) -> None:
    """A pair of random files that both programs open."""
    if (folder / "done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT / "tests/golden"))
    import gguf
    import gguf_pairs
    import make as golden
    import numpy as np
    from gguf import GGMLQuantizationType as Type

    rng = np.random.default_rng(7)
    tokenizer = golden.train_tokenizer("legacy", with_image=True)
    pieces = tokenizer.get_vocab_size()
    scales = {}

    def blocks(rows: int, cols: int, kind: Type) -> np.ndarray:
        """Random blocks whose values have a standard deviation of about 0.02."""
        at, at_min, mean = gguf_pairs.K_SCALES[kind]
        if kind not in scales:
            sample = rng.integers(0, 256, (64, 16, gguf_pairs.K_BYTES[kind]), dtype=np.uint8)
            sample[..., at:at + 2] = np.frombuffer(np.float16(0.001).tobytes(), np.uint8)
            if at_min is not None:
                sample[..., at_min:at_min + 2] = np.frombuffer(np.float16(0.001 * mean).tobytes(), np.uint8)
            scales[kind] = 0.02 * 0.001 / gguf.quants.dequantize(sample.reshape(64, -1), kind).std()
        made = rng.integers(0, 256, (rows, cols // 256, gguf_pairs.K_BYTES[kind]), dtype=np.uint8)
        made[..., at:at + 2] = np.frombuffer(np.float16(scales[kind]).tobytes(), np.uint8)
        if at_min is not None:
            made[..., at_min:at_min + 2] = np.frombuffer(np.float16(scales[kind] * mean).tobytes(), np.uint8)
        return made.reshape(rows, -1)

    hidden, inner, layers, heads, kv_heads = (shape[name] for name in ("hidden", "inner", "layers", "heads", "kv_heads"))
    writer = gguf.GGUFWriter(folder / "decoder.gguf", "llama", use_temp_file=True)
    writer.add_context_length(4096)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    # As many pieces as LLaMA has: the output's rows are part of the work.
    names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    kinds = [2 if p == "<unk>" else 3 if p in ("<s>", "</s>", "<image>", "<pad>") else 6 if p.startswith("<0x") else 1 for p in names]
    vocabulary = 32064
    more = [f"more{i}" for i in range(vocabulary - pieces)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names + more)
    writer.add_token_scores([-float(i) if i >= 259 else 0.0 for i in range(vocabulary)])
    writer.add_token_types(kinds + [1] * len(more))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(golden.LLAVA_HF_TEMPLATE)

    def add(name: str, rows: int, cols: int, kind: Type) -> None:
        writer.add_tensor(name, blocks(rows, cols, kind), raw_dtype=kind)

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(hidden, np.float32))

    add("token_embd.weight", vocabulary, hidden, Type.Q4_K)
    ones("output_norm.weight")
    add("output.weight", vocabulary, hidden, Type.Q6_K)
    kv = hidden // heads * kv_heads
    for i in range(layers):
        better = Type.Q6_K if i % 2 else Type.Q4_K
        ones(f"blk.{i}.attn_norm.weight")
        ones(f"blk.{i}.ffn_norm.weight")
        add(f"blk.{i}.attn_q.weight", hidden, hidden, Type.Q4_K)
        add(f"blk.{i}.attn_k.weight", kv, hidden, Type.Q4_K)
        add(f"blk.{i}.attn_v.weight", kv, hidden, better)
        add(f"blk.{i}.attn_output.weight", hidden, hidden, Type.Q4_K)
        add(f"blk.{i}.ffn_gate.weight", inner, hidden, Type.Q4_K)
        add(f"blk.{i}.ffn_up.weight", inner, hidden, Type.Q4_K)
        add(f"blk.{i}.ffn_down.weight", hidden, inner, better)
    gguf_pairs.finish(writer)
    projector(folder / "mmproj.gguf", hidden, rng)
    from PIL import Image

    Image.fromarray(rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)).save(folder / "photo.png")
    (folder / "done").touch()


def projector(path: Path, hidden: int, rng) -> None:
    """ViT-L/14-336 without its last layer, and two layers to the decoder's width, as llama.cpp's converter writes LLaVA-1.5."""
    import gguf
    import gguf_pairs
    import numpy as np

    width, inner, layers = 1024, 4096, 23
    writer = gguf.GGUFWriter(path, "clip", use_temp_file=True)
    writer.add_type("mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", False)
    for key, value in dict(image_size=336, patch_size=14, embedding_length=width, feed_forward_length=inner, projection_dim=768,
                           block_count=layers).items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_uint32("clip.vision.attention.head_count", 16)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.48145466, 0.4578275, 0.40821073])
    writer.add_array("clip.vision.image_std", [0.26862954, 0.26130258, 0.27577711])

    def add(name: str, *shape: int) -> None:
        value = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        writer.add_tensor(name, value.astype(np.float16) if len(shape) > 1 else value)

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))

    add("v.class_embd", width)
    add("v.patch_embd.weight", width, 3, 14, 14)
    add("v.position_embd.weight", 577, width)
    norm("v.pre_ln")
    norm("v.post_ln")
    for i in range(layers):
        norm(f"v.blk.{i}.ln1")
        norm(f"v.blk.{i}.ln2")
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            add(f"v.blk.{i}.{name}.weight", width, width)
            add(f"v.blk.{i}.{name}.bias", width)
        add(f"v.blk.{i}.ffn_up.weight", inner, width)
        add(f"v.blk.{i}.ffn_up.bias", inner)
        add(f"v.blk.{i}.ffn_down.weight", width, inner)
        add(f"v.blk.{i}.ffn_down.bias", width)
    add("mm.0.weight", hidden, width)
    add("mm.0.bias", hidden)
    add("mm.2.weight", hidden, hidden)
    add("mm.2.bias", hidden)
    gguf_pairs.finish(writer)


def llama_cpp(folder: Path, threads: int) -> None:
    """One process of llama.cpp's server: prints its times as JSON."""
    import xllamacpp

    started = time.perf_counter()
    params = xllamacpp.CommonParams()
    params.model.path = str(folder / "decoder.gguf")
    params.mmproj.path = str(folder / "mmproj.gguf")
    params.n_ctx, params.n_parallel, params.warmup = 2048, 1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    load = time.perf_counter() - started
    photo = base64.b64encode((folder / "photo.png").read_bytes()).decode()
    image = dict(type="image_url", image_url=dict(url=f"data:image/png;base64,{photo}"))

    def ask(words: str) -> dict:
        message = dict(role="user", content=[image, dict(type="text", text=words)])
        request = dict(messages=[message], max_tokens=NEW_TOKENS, temperature=0, ignore_eos=True, cache_prompt=True)
        started = time.perf_counter()
        answers = []
        returned = server.handle_chat_completions(request, answers.append)
        answer = (answers or [returned])[-1]
        answer = answer if isinstance(answer, dict) else json.loads(answer)
        if "timings" not in answer:
            sys.exit(f"llama.cpp did not answer: {answer}")
        return dict(secs=time.perf_counter() - started, **answer["timings"])

    first, further = ask(PROMPT), ask("Is there a clock in the image?")
    print("RESULT " + json.dumps(dict(
        load=load, first=first["secs"] - first["predicted_ms"] / 1000, further=further["secs"] - further["predicted_ms"] / 1000,
        rate=max(first["predicted_per_second"], further["predicted_per_second"]),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


def gazelens(program: str, folder: Path, threads: int) -> dict:
    """One process of `gazelens bench`; memory is the most that it held at once, with the pages of the files."""
    command = [program, "bench", "--model", folder / "decoder.gguf", "--mmproj", folder / "mmproj.gguf", "--image",
               folder / "photo.png", "--threads", threads, "--max-new-tokens", NEW_TOKENS, "--json"]
    report = json.loads(in_turn([str(word) for word in command])[0])
    run = next(run for run in report["runs"] if run["branches"] == 1 and run["capture"])
    return dict(load=report["load_secs"], first=run["vision_secs"] + run["prefill_secs"], further=report["further_questions"]["further_secs"],
                rate=run["tokens_per_second"], share=run["share_of_bandwidth"])


def in_turn(command: list) -> tuple:
    """What a process printed, and the most memory that it held."""
    script = "import resource,subprocess,sys; out=subprocess.run(sys.argv[1:],check=True,capture_output=True,text=True).stdout; "
    script += "print(out, end=''); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"
    lines = subprocess.run([sys.executable, "-c", script, *command], check=True, capture_output=True, text=True).stdout.rstrip()
    printed, memory = lines.rsplit("\n", 1)
    return printed, int(memory)


def trace_memory(program: str, folder: Path, threads: int) -> int:
    """Peak memory of one question with all attention recorded (`bench` keeps several answers)."""
    with tempfile.TemporaryDirectory() as out:
        command = [program, "trace", "--model", folder / "decoder.gguf", "--mmproj", folder / "mmproj.gguf", "--image", folder / "photo.png",
                   "--prompt", PROMPT, "--threads", threads, "--max-new-tokens", NEW_TOKENS, "--out", Path(out) / "t.safetensors"]
        return in_turn([str(word) for word in command])[1]


def main() -> int:
    args = arguments()
    folder = args.folder / args.shape
    if args.llama_cpp:
        llama_cpp(folder, args.threads)
        return 0
    make(folder, SHAPES[args.shape])
    ours, theirs = [], []
    own = [sys.executable, __file__, "--llama-cpp", "--shape", args.shape, "--threads", str(args.threads), "--folder", str(args.folder)]
    for _ in range(args.rounds):
        ours.append(gazelens(args.gazelens, folder, args.threads))
        printed = in_turn(own)[0]
        theirs.append(json.loads(next(line for line in printed.splitlines() if line.startswith("RESULT ")).removeprefix("RESULT ")))
    memory = trace_memory(args.gazelens, folder, args.threads)
    files = sum((folder / name).stat().st_size for name in ("decoder.gguf", "mmproj.gguf"))

    def least(runs: list, name: str) -> float:
        return min(run[name] for run in runs)

    def most(runs: list, name: str) -> float:
        return max(run[name] for run in runs)

    figures = {
        "load, s (at most 2)": (least(ours, "load"), least(theirs, "load")),
        "first question, s: photo and prompt": (least(ours, "first"), least(theirs, "first")),
        "tokens/s, attention recorded": (most(ours, "rate"), most(theirs, "rate")),
        "peak memory over the files (at most 1.15)": (memory / files, least(theirs, "memory") / files),
    }
    ratios = {
        "decoding over read bandwidth (at least 0.70)": most(ours, "share"),
        "first question, times llama.cpp (at least 1.0)": least(theirs, "first") / least(ours, "first"),
        "tokens/s, times llama.cpp (at least 1.0)": most(ours, "rate") / most(theirs, "rate"),
        "further question, two tokens, s": least(ours, "further"),
        "llama.cpp's prompt of a further question, s": least(theirs, "further"),
    }
    if args.json:
        print(json.dumps(dict(figures=figures, ratios=ratios)))
        return 0
    print(f"{args.shape}: {files / 1e9:.2f} GB of files, {args.threads} threads, the best of {args.rounds} rounds, gazelens | llama.cpp")
    for name, (own_value, peer) in figures.items():
        print(f"  {name:<48} {own_value:8.2f} | {peer:8.2f}")
    for name, value in ratios.items():
        print(f"  {name:<48} {value:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
