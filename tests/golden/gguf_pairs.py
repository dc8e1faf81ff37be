"""Writes `tests/golden/gguf/`: tiny LLaVAs as pairs of GGUF files, and what transformers computes with their weights. Not run in CI.

Made with torch 2.15.0, transformers 5.23.0 and the `gguf` package 0.19.0, which quantises the older types; the K types it only reads, so
their blocks are random bytes of a sensible scale. Either way the golden run is that of transformers with the weights as the `gguf`
package dequantises them: reading the blocks is held to another implementation.

    OMP_NUM_THREADS=1 python tests/golden/gguf_pairs.py

A name as the argument makes that pair alone. `bytes/PRE.gguf` are vocabularies of byte-level tokenizers without weights, and `bytes/PRE.json`
what the `tokenizers` package (0.23.3) makes of texts with the tokenizer.json they were written from; the patterns are those of the
published files of GPT-2, Qwen2 and LLaMA-3.

`NAME/decoder.gguf`, `NAME/mmproj.gguf`, `NAME/photo.png`, `NAME/golden.safetensors` (names as in make.py; `float_attention` f32 [L, H, P]: the
row that predicts the first token with the weights before they were quantised; not for the K types).
"""

import json
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(Path(__file__).resolve().parent))
import make  # noqa: E402

HERE = Path(__file__).resolve().parent / "gguf"
TEXT = dict(num_key_value_heads=2, num_attention_heads=4, rms_norm_eps=1e-5)
SPECS = {
    "old_types": dict(
        spec=make.Spec(
            name="old_types", seed=41, layout="newest", dtype="f16",
            vision=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=7),
            text=dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, **TEXT),
            llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"), photo=(40, 33, "RGB"),
            raw_prompt="USER: <image>\nWhat is in this image? ASSISTANT:", question="What is in this image?", tokenizer="legacy"),
        types=dict(q=Type.Q4_0, k=Type.Q4_1, v=Type.Q5_0, o=Type.Q5_1, gate=Type.Q8_0, up=Type.F16, down=Type.BF16, embed=Type.Q8_0,
                   head=Type.Q5_1), swapped=True),
    "k_types": dict(
        spec=make.Spec(
            name="k_types", seed=42, layout="newest", dtype="f16",
            vision=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=7,
                        hidden_act="gelu"),
            text=dict(hidden_size=256, intermediate_size=256, num_hidden_layers=1, **TEXT),
            llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"), photo=(29, 50, "RGB"),
            raw_prompt="USER: <image>\nIs there a clock in the image? ASSISTANT:", question="Is there a clock in the image?",
            tokenizer="legacy"),
        types=dict(q=Type.Q2_K, k=Type.Q3_K, v=Type.Q4_K, o=Type.Q5_K, gate=Type.Q6_K, up=Type.Q4_K, down=Type.Q6_K, embed=Type.Q6_K,
                   head=Type.Q4_K), swapped=False),
    "qwen2_bytes": dict(
        spec=make.Spec(
            name="qwen2_bytes", seed=43, layout="newest", dtype="f16",
            vision=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=7),
            text=dict(model_type="qwen2", hidden_size=64, intermediate_size=96, num_hidden_layers=2, **TEXT),
            llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"), photo=(40, 33, "RGB"),
            raw_prompt="USER: <image>\nWhat's in this image, 2024? ASSISTANT:", question="What's in this image, 2024?", tokenizer="qwen2"),
        types=dict(q=Type.F16, k=Type.F16, v=Type.F16, o=Type.Q8_0, gate=Type.Q8_0, up=Type.F16, down=Type.F16, embed=Type.F16,
                   head=Type.F16), swapped=False),
    "rope_freqs": dict(
        spec=make.Spec(
            name="rope_freqs", seed=44, layout="newest", dtype="f16",
            vision=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=7),
            text=dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, **TEXT),
            llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"), photo=(40, 33, "RGB"),
            raw_prompt="USER: <image>\nWhat is in this image? ASSISTANT:", question="What is in this image?", tokenizer="legacy"),
        types=dict(q=Type.F16, k=Type.Q8_0, v=Type.F16, o=Type.F16, gate=Type.F16, up=Type.F16, down=Type.F16, embed=Type.F16,
                   head=Type.F16), swapped=False, linear=2.0, freqs=[1.0, 1.0, 1.5, 2.25, 3.0, 5.0, 8.0, 8.0]),
}
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    "gpt-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "qwen2": rf"{CONTRACTIONS}|{LETTERS}|\p{{N}}|{REST}",
    "llama-bpe": rf"{CONTRACTIONS}|{LETTERS}|\p{{N}}{{1,3}}|{REST}",
}
TEXTS = [
    "", " ", "  ", "Hello, world!", "What's in this image, 2024?", "I'LL say it'S 12345 67 times", "USER: <image>\nDescribe it. ASSISTANT:",
    "tabs\tand  double  spaces ", "line\n\n\nbreaks\r\n  here", "naïve café, Größe", "cafe\u0301 in pieces", "日本語のテキスト", "🙂👍🏽 emoji", "x=1;y+=2<<3",
    "Ünïcödé ½ ² ٣ numbers", "<|endoftext|>after", "trailing   ", "\u00a0no-break\u2003spaces", "don't won't WE'RE they'Ve", "....!!!???",
]
K_BYTES = {Type.Q2_K: 84, Type.Q3_K: 110, Type.Q4_K: 144, Type.Q5_K: 176, Type.Q6_K: 210}
# Places of d and dmin in a block, and the factor that makes the mean of random blocks 0.
K_SCALES = {Type.Q2_K: (80, 82, 1.5), Type.Q3_K: (108, None, 0), Type.Q4_K: (0, 2, 7.5), Type.Q5_K: (0, 2, 15.5), Type.Q6_K: (208, None, 0)}
PARTS = dict(q_proj="q", k_proj="k", v_proj="v", o_proj="o", gate_proj="gate", up_proj="up", down_proj="down")


def byte_tokenizer(pre: str, sentences: list, size: int, tail: list) -> Tokenizer:
    """A byte-level BPE as GPT-2's, Qwen2's and LLaMA-3's tokenizer.json describe it."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=pre == "llama-bpe"))
    split = pre_tokenizers.Split(Regex(PATTERNS[pre]), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    specials = ["<|im_start|>", "<|begin_of_text|>", "<|endoftext|>"]
    tokenizer.train_from_iterator(sentences, trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tail])
    if pre == "llama-bpe":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", 1)])
    return tokenizer


def write_byte_vocabulary(writer, pre: str, tokenizer: Tokenizer) -> None:
    """What convert_hf_to_gguf.py writes of such a tokenizer.json."""
    names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(names)
    writer.add_token_types([3 if name in special else 1 for name in names])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if pre != "llama-bpe":
        writer.add_add_bos_token(False)


def build_vocabularies() -> None:
    folder = HERE / "bytes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for pre in PATTERNS:
        tokenizer = byte_tokenizer(pre, [*make.SENTENCES, *TEXTS] * 3, 700, [])
        writer = gguf.GGUFWriter(folder / f"{pre}.gguf", "llama")
        write_byte_vocabulary(writer, pre, tokenizer)
        finish(writer)
        rows = [dict(text=text, ids=tokenizer.encode(text).ids) for text in TEXTS]
        (folder / f"{pre}.json").write_text(json.dumps(rows, indent=0) + "\n")
        print(f"{pre}: {tokenizer.get_vocab_size()} tokens", flush=True)


def permute(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order of rotary rows (convert_hf_to_gguf.py)."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def random_blocks(rng, rows: int, cols: int, kind: Type, std: float) -> np.ndarray:
    blocks = rng.integers(0, 256, (rows, cols // 256, K_BYTES[kind]), dtype=np.uint8)
    at, at_min, mean = K_SCALES[kind]

    def scaled(d: float) -> np.ndarray:
        blocks[..., at:at + 2] = np.frombuffer(np.float16(d).tobytes(), np.uint8)
        if at_min is not None:
            blocks[..., at_min:at_min + 2] = np.frombuffer(np.float16(mean * d).tobytes(), np.uint8)
        return blocks.reshape(rows, -1).copy()

    found = gguf.quants.dequantize(scaled(0.001), kind).std() / 0.001
    return scaled(std / found)


def write_pieces(writer, tokenizer) -> None:
    writer.add_tokenizer_model("llama")
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    kinds = [2 if p == "<unk>" else 3 if p in ("<s>", "</s>", "<image>", "<pad>") else 6 if p.startswith("<0x") else 1 for p in pieces]
    writer.add_token_list(pieces)
    writer.add_token_scores([-float(max(0, i - 259)) if kind == 1 else 0.0 for i, kind in enumerate(kinds)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)


def write_decoder(path: Path, spec, model, tokenizer, types: dict, rng, linear: float, freqs: list) -> None:
    """Writes the file and gives the model the weights that are in it."""
    text = model.config.text_config
    is_qwen2 = text.model_type == "qwen2"
    writer = gguf.GGUFWriter(path, "qwen2" if is_qwen2 else "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(text.hidden_size)
    writer.add_block_count(text.num_hidden_layers)
    writer.add_feed_forward_length(text.intermediate_size)
    writer.add_head_count(text.num_attention_heads)
    writer.add_head_count_kv(text.num_key_value_heads)
    writer.add_layer_norm_rms_eps(text.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    if linear:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(linear)
    if freqs:
        writer.add_tensor("rope_freqs.weight", np.array(freqs, np.float32))
    if is_qwen2:
        write_byte_vocabulary(writer, "qwen2", tokenizer)
    else:
        write_pieces(writer, tokenizer)
    writer.add_chat_template(make.LLAVA_HF_TEMPLATE)

    def add(name: str, parameter, kind: Type, heads: int = 0) -> None:
        weight = parameter.detach().numpy()
        stored = permute(weight, heads) if heads else weight
        if kind in K_BYTES:
            blocks = random_blocks(rng, *weight.shape, kind, float(weight.std()))
        else:
            blocks = gguf.quants.quantize(np.ascontiguousarray(stored, np.float32), kind)
        writer.add_tensor(name, blocks, raw_dtype=kind)
        back = gguf.quants.dequantize(blocks, kind).reshape(weight.shape).astype(np.float32)
        parameter.data.copy_(torch.from_numpy(unpermute(back, heads) if heads else back))

    decoder = model.model.language_model
    add("token_embd.weight", decoder.embed_tokens.weight, types["embed"])
    add("output_norm.weight", decoder.norm.weight, Type.F32)
    add("output.weight", model.lm_head.weight, types["head"])
    for i, layer in enumerate(decoder.layers):
        add(f"blk.{i}.attn_norm.weight", layer.input_layernorm.weight, Type.F32)
        add(f"blk.{i}.ffn_norm.weight", layer.post_attention_layernorm.weight, Type.F32)
        attention, mlp = layer.self_attn, layer.mlp
        # Only llama's rows are put into the order of neighbouring pairs.
        add(f"blk.{i}.attn_q.weight", attention.q_proj.weight, types["q"], 0 if is_qwen2 else text.num_attention_heads)
        add(f"blk.{i}.attn_k.weight", attention.k_proj.weight, types["k"], 0 if is_qwen2 else text.num_key_value_heads)
        for name in "qkv" if is_qwen2 else "":
            add(f"blk.{i}.attn_{name}.bias", getattr(attention, f"{name}_proj").bias, Type.F32)
        add(f"blk.{i}.attn_v.weight", attention.v_proj.weight, types["v"])
        add(f"blk.{i}.attn_output.weight", attention.o_proj.weight, types["o"])
        for name, linear in (("gate", mlp.gate_proj), ("up", mlp.up_proj), ("down", mlp.down_proj)):
            add(f"blk.{i}.ffn_{name}.weight", linear.weight, types[name])
    finish(writer)


def finish(writer) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_projector(path: Path, spec, model, swapped: bool) -> None:
    """`swapped`: as the converter of before 2025 did, which also left the last layer out."""
    vision, fields = model.config.vision_config, make.processor_fields(spec)
    layers = vision.num_hidden_layers - 1 if swapped else vision.num_hidden_layers
    writer = gguf.GGUFWriter(path, "clip")
    if not swapped:
        writer.add_type("mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", vision.hidden_act == "gelu")
    for key, value in dict(image_size=vision.image_size, patch_size=vision.patch_size, embedding_length=vision.hidden_size,
                           feed_forward_length=vision.intermediate_size, projection_dim=16, block_count=layers).items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_uint32("clip.vision.attention.head_count", vision.num_attention_heads)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", vision.layer_norm_eps)
    writer.add_array("clip.vision.image_mean", fields["image_mean"])
    writer.add_array("clip.vision.image_std", fields["image_std"])
    up, down = ("ffn_down", "ffn_up") if swapped else ("ffn_up", "ffn_down")
    table = {
        "embeddings.class_embedding": "v.class_embd", "embeddings.patch_embedding": "v.patch_embd",
        "embeddings.position_embedding": "v.position_embd", "pre_layrnorm": "v.pre_ln", "post_layernorm": "v.post_ln",
    }
    for i in range(layers):
        for name, stored in {"layer_norm1": "ln1", "layer_norm2": "ln2", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
                             "self_attn.v_proj": "attn_v", "self_attn.out_proj": "attn_out", "mlp.fc1": up, "mlp.fc2": down}.items():
            table[f"encoder.layers.{i}.{name}"] = f"v.blk.{i}.{stored}"
    state = {f"vision.{name}": value for name, value in model.model.vision_tower.state_dict().items()}
    state |= {f"projector.{name}": value for name, value in model.model.multi_modal_projector.state_dict().items()}
    for name, value in state.items():
        tower, rest = name.split(".", 1)
        if tower == "projector":
            stored = rest.replace("linear_1", "mm.0").replace("linear_2", "mm.2")
        else:
            stored = next((new + rest.removeprefix(old) for old, new in table.items() if rest.startswith(old)), None)
            if stored is None:
                continue
        value = value.numpy()
        writer.add_tensor(stored, value.astype(np.float16) if value.ndim > 1 else value.astype(np.float32))
    finish(writer)


def scale_rope(model, linear: float, freqs: list) -> None:
    """What llama.cpp does (ggml_rope_ext): every frequency divided by its factor and by the linear one."""
    rotary = model.model.language_model.rotary_emb
    rotary.inv_freq = rotary.inv_freq / (linear or 1.0) / torch.tensor(freqs or [1.0])


def build(name: str, spec, types: dict, swapped: bool, linear: float = 0.0, freqs: list = ()) -> None:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    photo = make.make_photo(spec)
    photo.save(folder / "photo.png", optimize=True)
    if spec.tokenizer == "qwen2":
        tokenizer = byte_tokenizer("qwen2", [*make.SENTENCES, *TEXTS], 420, ["<image>"])
    else:
        tokenizer = make.train_tokenizer(spec.tokenizer, with_image=True)
    image_id, count = tokenizer.token_to_id("<image>"), make.image_tokens(spec)
    ids = tokenizer.encode(spec.raw_prompt.replace("<image>", "<image>" * count)).ids
    pixels = make.pixel_values(spec, photo)
    config = make.build_config(spec, tokenizer.get_vocab_size(), image_id)
    for seed in range(1000 * spec.seed, 1000 * spec.seed + 50):
        rng = np.random.default_rng(seed)
        model = make.build_model(spec, config, seed)
        scale_rope(model, linear, freqs)
        before = make.run(model, ids, pixels, [2], 1)["decoder_attention"][0, :, :, :len(ids)].contiguous()
        write_decoder(folder / "decoder.gguf", spec, model, tokenizer, types, rng, linear, freqs)
        golden = make.run(model, ids, pixels, [2], 8)
        best = golden["logits"].topk(2).values
        if len(golden["output_ids"]) == 8 and (best[:, 0] - best[:, 1]).min() > make.MIN_MARGIN:
            break
    else:
        raise RuntimeError(f"{name}: no seed gives an acceptable answer")
    write_projector(folder / "mmproj.gguf", spec, model, swapped)
    if swapped:
        golden["float_attention"] = before
        golden["vision_cls_attention"] = golden["vision_cls_attention"][:-1].contiguous()
    side = spec.vision["image_size"] // spec.vision["patch_size"]
    golden.update(pixel_values=pixels[0].contiguous(), prompt_ids=torch.tensor(ids),
                  image_token_span=torch.tensor([ids.index(image_id), count]), image_grid=torch.tensor([side, side]))
    text = tokenizer.decode(golden["output_ids"].tolist(), skip_special_tokens=True)
    make.write_golden(folder / "golden.safetensors", golden, dict(layout="gguf", raw_prompt=spec.raw_prompt, question=spec.question, text=text))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{name}: {size / 1000:.0f} kB, seed {seed}, peak attention {golden['decoder_attention'].amax(-1).mean():.2f}, {text!r}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or [*SPECS, "bytes"]
    for name in wanted:
        if name == "bytes":
            build_vocabularies()
        else:
            build(name, **SPECS[name])
