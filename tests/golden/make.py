"""Writes the golden checkpoints and tensors of `tests/golden_parity`. Not run in CI.

Made with Python 3.11, torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, pillow 13.0.0, numpy 2.4.6 (no torchvision,
so that transformers resamples with Pillow). Seeds: one a checkpoint, `Spec.seed`, moved on until no greedy choice is a near tie.

    OMP_NUM_THREADS=1 python tests/golden/make.py            # all
    OMP_NUM_THREADS=1 python tests/golden/make.py NAME...    # some

For each `Spec` of `specs.py`: `NAME/checkpoint/`, a complete tiny random LLaVA in one of the layouts that were ever published; `NAME/photo.png`; and
`NAME/golden.safetensors`, what transformers (eager attention, f32, CPU) makes of them, tensor names as in the trace file:

    pixel_values          f32 [3, S, S]        CLIPImageProcessor with Pillow (original layout: LLaVA's pad first)
    prompt_ids            i64 [P]              the raw prompt, image placeholder expanded
    templated_prompt_ids  i64 [P']             the same for the chat template around `question`
    image_token_span      i64 [2]              first position, number
    image_grid            i64 [2]              rows, columns
    output_ids            i64 [T]              greedy, the end token included when it came
    logits                f32 [T, V]
    decoder_attention     f32 [T, L, H, P+T]   row of the position that predicted token t, zero beyond its keys
    vision_cls_attention  f32 [Lv, Hv, N]      every layer, [CLS] column dropped

The metadata entry `golden` is JSON with `raw_prompt`, `question`, `templated_prompt`, `text` (the answer, special tokens skipped), `layout`.

`demo_answer.safetensors` holds the same for the bundled demo model.
`stories260k.safetensors` is the greedy run of the real LLaMA in ../shared/data/stories260k (skipped, with a message, without it).
"""

import json
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoProcessor, CLIPImageProcessorPil, LlamaConfig, LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration, PreTrainedConfig,
)

from specs import SPECS, Spec

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "assets" / "demo"
STORIES = HERE.parents[2] / "shared" / "data" / "stories260k"
PUBLISHED_STORY = (  # doc/stories260K.md of karpathy/llama2.c
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. "
    "She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know "
    "what to do. She said, \"I want to play with your ball, but I can't find it.\"\nLily was sad and didn't know what to do. She said, "
    "\"I'm sorry, Lily. I didn't know what to do.\"\nLily didn't want to help her mom, so she said, \"I'm sorry, mom. I didn't know "
    "what to do.\" Her mom said, \"Don't worry, Lily. We can help you."
)
VICUNA_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers "
    "to the user's questions. "
)
LLAVA_HF_TEMPLATE = (  # llava-hf/llava-1.5-7b-hf, chat_template.json
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}"
    "{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}{% for content in message['content'] | "
    "selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}{% endfor %}{% else %}{% for content in message['content'] | "
    "selectattr('type', 'equalto', 'text') %}{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
SENTENCES = [
    VICUNA_SYSTEM,
    "USER: \nWhat is in this image? ASSISTANT: The image shows a dog and two red kites on the beach.",
    "USER: \nIs there a clock in the image? ASSISTANT: Yes, there is a clock on the wall.",
    "USER: \nDescribe this image in detail. ASSISTANT: A small boat on the lake, a person in the park.",
]
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
DTYPE_NAMES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
TEXT_KEYS = ("model_type", "bos_token_id", "eos_token_id", "tie_word_embeddings")
TOWER = "clip-tower"  # of the original layout, which names its tower by hub id or folder
MIN_MARGIN = 0.05  # least distance between the first and second logit of a greedy choice


# ---------------------------------------------------------------- tokenizer


def train_tokenizer(kind: str, with_image: bool) -> Tokenizer:
    """A byte-fallback BPE over `SENTENCES` in LLaMA's order: specials, 256 bytes, pieces, then `<image>` and `<pad>`."""
    replace = pre_tokenizers.Metaspace("▁", prepend_scheme="first" if kind == "metaspace" else "always")
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Sequence([replace, pre_tokenizers.Split(Regex(r"[.,?:!\n]"), "isolated")])
    trained.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=86, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    tail = ["<image>", "<pad>"] if with_image else []
    vocab = {}
    for piece in ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, *tail]:
        vocab.setdefault(piece, len(vocab))
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if kind == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ["<unk>", "<s>", "</s>", *tail]])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
    return tokenizer


def encode_original(tokenizer: Tokenizer, prompt: str, image_id: int, count: int) -> list:
    """LLaVA's `tokenizer_image_token`: the pieces around the placeholder by themselves, the second BOS dropped."""
    before, after = (tokenizer.encode(part).ids for part in prompt.split("<image>"))
    return before + [image_id] * count + after[1:]


# ---------------------------------------------------------------- photo


def make_photo(spec: Spec) -> Image.Image:
    """Gradients, hard edges and noise, so that every resampling mistake shows."""
    width, height, mode = spec.photo
    rng = np.random.default_rng(spec.seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [128 + 100 * np.sin(x / (3 + k) + y / (5 - k)) + 25 * rng.standard_normal((height, width)) for k in range(3)]
    pixels = np.stack(planes, -1)
    pixels[height // 4:height // 2, width // 3:width // 2] = rng.integers(0, 256, 3)
    photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if mode == "RGBA":
        photo.putalpha(Image.fromarray((255 * x / max(1, width - 1)).astype(np.uint8)))
    elif mode == "P":
        photo = photo.quantize(32)
    elif mode == "L":
        photo = photo.convert("L")
    return photo


def processor_fields(spec: Spec) -> dict:
    size = spec.vision["image_size"]
    square = dict(height=size, width=size)
    fields = dict(
        do_convert_rgb=True, do_resize=True, size=dict(shortest_edge=size), resample=3, do_center_crop=True, crop_size=square,
        do_rescale=True, rescale_factor=1 / 255, do_normalize=True,
        image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711],
    )
    if spec.processor == "exact":
        fields.update(size=square, resample=2, do_center_crop=False, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.25, 0.5])
        del fields["crop_size"]
    return fields


def expand_to_square(photo: Image.Image, colour: tuple) -> Image.Image:
    """LLaVA's `expand2square` (llava/mm_utils.py)."""
    width, height = photo.size
    side = max(width, height)
    square = Image.new(photo.mode, (side, side), colour)
    square.paste(photo, ((side - width) // 2, (side - height) // 2))
    return square


def pixel_values(spec: Spec, photo: Image.Image) -> torch.Tensor:
    fields = processor_fields(spec)
    photo = photo.convert("RGB")
    if spec.layout == "original":
        photo = expand_to_square(photo, tuple(int(255 * mean) for mean in fields["image_mean"]))
    return CLIPImageProcessorPil(**fields)(photo, return_tensors="pt")["pixel_values"]


# ---------------------------------------------------------------- model


def build_config(spec: Spec, vocab_rows: int, image_id: int) -> LlavaConfig:
    text = dict(model_type="llama", vocab_size=vocab_rows, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=None)
    vision = dict(model_type="clip_vision_model", projection_dim=16)
    config = LlavaConfig(vision_config={**vision, **spec.vision}, text_config={**text, **spec.text}, image_token_index=image_id,
                         **spec.llava)
    config._attn_implementation = "eager"
    return config


def build_model(spec: Spec, config: LlavaConfig, seed: int) -> LlavaForConditionalGeneration:
    """Weights large enough that attention is far from uniform, rounded to the type that is stored, computed in f32."""
    model = LlavaForConditionalGeneration(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                noise = 0.1 * noise + (1.0 if name.endswith("weight") else 0.0)
            elif name.endswith("bias"):
                noise = 0.2 * noise
            elif "embed_tokens" in name and config.text_config.tie_word_embeddings:
                noise = 0.4 * noise  # larger ones would make every token repeat itself
            elif parameter.ndim > 1 and "embed_tokens" not in name and "embedding" not in name:
                gain = 2.0 if any(part in name for part in ("q_proj", "k_proj", "lm_head")) else 1.0
                noise = gain * noise / parameter[0].numel() ** 0.5
            parameter.copy_(noise.to(DTYPES[spec.dtype]).float())
    return model


def run(model, ids: list, pixels: torch.Tensor, eos: list, max_new_tokens: int) -> dict:
    prompt = torch.tensor([ids])
    with torch.inference_mode():
        out = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), pixel_values=pixels, do_sample=False, eos_token_id=eos, pad_token_id=0,
            max_new_tokens=max_new_tokens, return_dict_in_generate=True, output_logits=True, output_attentions=True)
        seen = model.model.vision_tower(pixels, output_attentions=True).attentions
    output_ids = out.sequences[0, len(ids):]
    steps, total = len(output_ids), len(ids) + len(output_ids)
    first = out.attentions[0]
    rows = torch.zeros(steps, len(first), first[0].shape[1], total)
    for t, layers in enumerate(out.attentions):
        for layer_idx, layer in enumerate(layers):
            row = layer[0, :, -1, :]
            end = len(ids) + t  # a layer with a sliding window keeps its last keys only
            rows[t, layer_idx, :, end - row.shape[-1]:end] = row
    return dict(output_ids=output_ids.clone(), logits=torch.cat(out.logits).float().clone(), decoder_attention=rows,
                vision_cls_attention=torch.stack([layer[0, :, 0, 1:] for layer in seen]).contiguous())


def acceptable(golden: dict) -> bool:
    """No near ties (another CPU's rounding must not change the text), some variety, attention that is neither flat nor a spike."""
    best = golden["logits"].topk(2).values
    rows = golden["decoder_attention"].amax(-1)
    return bool((best[:, 0] - best[:, 1]).min() > MIN_MARGIN and len(set(golden["output_ids"].tolist())) >= 5 and 0.1 < rows.mean() < 0.8)


# ---------------------------------------------------------------- files


def rename(layout: str, name: str) -> str:
    """From this transformers' module names to those of a published layout."""
    tower, projector, decoder, head = "model.vision_tower.", "model.multi_modal_projector.", "model.language_model.", "lm_head."
    if layout == "original":
        table = {tower: "model.vision_tower.vision_tower.vision_model.", projector + "linear_1.": "model.mm_projector.0.",
                 projector + "linear_2.": "model.mm_projector.2.", decoder: "model.", head: head}
    elif layout == "nested":
        table = {tower: "model.vision_tower.vision_model.", projector: projector, decoder: decoder, head: head}
    else:
        inner = "vision_model." if layout == "prefixed" else ""
        table = {tower: "vision_tower." + inner, projector: projector.removeprefix("model."), decoder: "language_model.model.",
                 head: "language_model.lm_head."}
    old = next(prefix for prefix in table if name.startswith(prefix))
    return table[old] + name.removeprefix(old)


def config_json(spec: Spec, config: LlavaConfig) -> dict:
    """The configuration as the layout's own tools wrote it."""
    text = {key: value for key, value in config.text_config.to_dict().items() if value is not None}
    rope = text.pop("rope_parameters")
    base = PreTrainedConfig().to_dict()  # what every configuration has and no file needs
    text = {key: value for key, value in text.items() if key in TEXT_KEYS or key not in base}
    dtype = DTYPE_NAMES[spec.dtype]
    if spec.layout != "newest":
        text["rope_theta"] = rope["rope_theta"]
        kind = {"llama3": "rope_type"}.get(rope["rope_type"], "type")
        scaling = {kind: rope["rope_type"], **{key: value for key, value in rope.items() if key not in ("rope_type", "rope_theta")}}
        text["rope_scaling"] = None if rope["rope_type"] == "default" else scaling
        if "head_dim" not in spec.text:
            del text["head_dim"]
    if spec.layout == "original":
        return dict(
            architectures=["LlavaLlamaForCausalLM"], **{**text, "model_type": "llava"}, freeze_mm_mlp_adapter=False, image_aspect_ratio="pad",
            mm_hidden_size=spec.vision["hidden_size"], mm_projector_type="mlp2x_gelu", mm_use_im_patch_token=False, mm_use_im_start_end=False,
            mm_vision_select_feature="patch", mm_vision_select_layer=spec.llava["vision_feature_layer"],
            mm_vision_tower=TOWER, torch_dtype=dtype, tune_mm_mlp_adapter=False, use_mm_proj=True)
    vision = {"model_type": "clip_vision_model", "projection_dim": 16, **spec.vision}
    if spec.sparse:
        text = {"model_type": "llama", "vocab_size": text["vocab_size"], "max_position_embeddings": 512, **spec.text}
    elif spec.layout == "newest":
        text["rope_parameters"] = rope
    out = dict(architectures=["LlavaForConditionalGeneration"], model_type="llava", text_config=text, vision_config=vision, **spec.llava)
    if spec.own_head:
        out["tie_word_embeddings"] = True
    if spec.sparse:
        out.update(image_token_index=config.image_token_index, torch_dtype=dtype)
        return out
    out.update(image_seq_length=image_tokens(spec), projector_hidden_act="gelu")
    out["image_token_id" if spec.layout == "newest" else "image_token_index"] = config.image_token_index
    out["dtype" if spec.layout == "newest" else "torch_dtype"] = dtype
    return out


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_golden(path: Path, tensors: dict, words: dict) -> None:
    """One metadata entry: safetensors writes several in no fixed order, and the same run should give the same bytes."""
    save_file(tensors, path, metadata=dict(golden=json.dumps(words, ensure_ascii=False)))


def write_weights(folder: Path, spec: Spec, model) -> None:
    tied = spec.llava.get("tie_word_embeddings", False)
    tensors = {rename(spec.layout, name): value.to(DTYPES[spec.dtype]).contiguous().clone()
               for name, value in model.state_dict().items() if not (tied and name.startswith("lm_head"))}
    if spec.shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, weight_map = sorted(tensors), {}
    for k in range(spec.shards):
        file = f"model-{k + 1:05d}-of-{spec.shards:05d}.safetensors"
        part = {name: tensors[name] for name in names[k::spec.shards]}
        weight_map.update(dict.fromkeys(part, file))
        save_file(part, folder / file, metadata={"format": "pt"})
    total = sum(value.nbytes for value in tensors.values())
    write_json(folder / "model.safetensors.index.json", dict(metadata=dict(total_size=total), weight_map=dict(sorted(weight_map.items()))))


def write_checkpoint(folder: Path, spec: Spec, config: LlavaConfig, model, tokenizer: Tokenizer, eos: list) -> None:
    write_weights(folder, spec, model)
    write_json(folder / "config.json", config_json(spec, config))
    write_json(folder / "generation_config.json", dict(bos_token_id=1, eos_token_id=eos if len(eos) > 1 else eos[0]))
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n", encoding="utf-8")
    tokenizer_config = dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                            clean_up_tokenization_spaces=False, model_max_length=512)
    if spec.layout != "original":
        tokenizer_config.update(pad_token="<pad>", extra_special_tokens=dict(image_token="<image>"), processor_class="LlavaProcessor")
    if spec.template == "jinja":
        (folder / "chat_template.jinja").write_text(LLAVA_HF_TEMPLATE, encoding="utf-8")
    elif spec.template == "json":
        write_json(folder / "chat_template.json", dict(chat_template=LLAVA_HF_TEMPLATE))
    elif spec.template == "tokenizer_config":
        tokenizer_config["chat_template"] = LLAVA_HF_TEMPLATE
    write_json(folder / "tokenizer_config.json", tokenizer_config)
    fields = dict(image_processor_type="CLIPImageProcessor", **processor_fields(spec))
    if spec.processor == "integers":
        fields.update(size=spec.vision["image_size"], crop_size=spec.vision["image_size"])
    wrapper = dict(processor_class="LlavaProcessor", image_token="<image>", patch_size=spec.vision["patch_size"],
                   num_additional_image_tokens=1, vision_feature_select_strategy=spec.llava["vision_feature_select_strategy"])
    if spec.layout == "original":
        (folder / TOWER).mkdir()
        write_json(folder / TOWER / "config.json", dict(model_type="clip", vision_config=dict(model_type="clip_vision_model", **spec.vision)))
    if spec.processor == "nested":
        write_json(folder / "processor_config.json", dict(image_processor=fields, **wrapper))
        return
    write_json(folder / "preprocessor_config.json", fields)
    if spec.layout != "original":
        write_json(folder / "processor_config.json", wrapper)


# ---------------------------------------------------------------- checks against transformers' own loaders


def check_folder(folder: Path, spec: Spec, photo: Image.Image, golden: dict, templated: str) -> None:
    """The folder means to transformers what we computed (the original layout it cannot open)."""
    if spec.layout == "original":
        return
    processor = AutoProcessor.from_pretrained(folder)
    batch = processor(images=photo.convert("RGB"), text=spec.raw_prompt, return_tensors="pt")
    assert batch["input_ids"][0].tolist() == golden["prompt_ids"].tolist(), f"{spec.name}: ids"
    assert torch.equal(batch["pixel_values"][0], golden["pixel_values"]), f"{spec.name}: pixels"
    if processor.chat_template:
        rendered = processor.apply_chat_template(messages(spec), add_generation_prompt=True)
        assert rendered == templated, f"{spec.name}: {rendered!r} is not {templated!r}"
    model, info = LlavaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], f"{spec.name}: {info}"
    with torch.inference_mode():
        logits = model.eval()(input_ids=golden["prompt_ids"][None], pixel_values=golden["pixel_values"][None]).logits[0, -1]
    worst = (logits - golden["logits"][0]).abs().max().item()
    assert worst < 1e-5, f"{spec.name}: the folder's logits differ by {worst}"


def messages(spec: Spec) -> list:
    return [dict(role="user", content=[dict(type="image"), dict(type="text", text=spec.question)])]


def image_tokens(spec: Spec) -> int:
    side = spec.vision["image_size"] // spec.vision["patch_size"]
    return side * side + (spec.llava["vision_feature_select_strategy"] == "full")


def make(spec: Spec) -> None:
    folder = HERE / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "checkpoint").mkdir(parents=True)
    photo = make_photo(spec)
    photo.save(folder / "photo.png", optimize=True)
    photo = Image.open(folder / "photo.png")
    original = spec.layout == "original"
    tokenizer = train_tokenizer(spec.tokenizer, with_image=not original)
    vocab_rows = spec.vocab_rows or tokenizer.get_vocab_size()
    image_id = 0 if original else tokenizer.token_to_id("<image>")  # <unk> stands in: the original layout has no placeholder token
    count = image_tokens(spec)

    def ids_of(prompt: str) -> list:
        if original:
            return encode_original(tokenizer, prompt, image_id, count)
        return tokenizer.encode(prompt.replace("<image>", "<image>" * count)).ids

    templated = f"USER: <image>\n{spec.question} ASSISTANT:"
    templated = VICUNA_SYSTEM + templated if spec.template == "none" else templated
    ids, pixels = ids_of(spec.raw_prompt), pixel_values(spec, photo)
    assert ids.count(image_id) == count, f"{spec.name}: {ids.count(image_id)} placeholders for {count} image tokens"
    config = build_config(spec, vocab_rows, image_id)
    for seed in range(1000 * spec.seed, 1000 * spec.seed + 200):
        model = build_model(spec, config, seed)
        eos = [2]
        golden = run(model, ids, pixels, eos, spec.max_new_tokens)
        if spec.stop_at and len(golden["output_ids"]) > spec.stop_at:
            eos = [2, int(golden["output_ids"][spec.stop_at])]
            golden = run(model, ids, pixels, eos, spec.max_new_tokens)
        wanted = spec.stop_at + 1 if spec.stop_at else spec.max_new_tokens
        if len(golden["output_ids"]) == wanted and acceptable(golden):
            break
    else:
        raise RuntimeError(f"{spec.name}: no seed gives an acceptable answer")
    side = spec.vision["image_size"] // spec.vision["patch_size"]
    golden.update(
        pixel_values=pixels[0].contiguous(), prompt_ids=torch.tensor(ids), templated_prompt_ids=torch.tensor(ids_of(templated)),
        image_token_span=torch.tensor([ids.index(image_id), count]), image_grid=torch.tensor([side, side]))
    text = tokenizer.decode(golden["output_ids"].tolist(), skip_special_tokens=True)
    write_golden(folder / "golden.safetensors", golden, dict(
        layout=spec.layout, raw_prompt=spec.raw_prompt, question=spec.question, templated_prompt=templated, text=text, seed=seed))
    write_checkpoint(folder / "checkpoint", spec, config, model, tokenizer, eos)
    check_folder(folder / "checkpoint", spec, photo, golden, templated)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    margin = golden["logits"].topk(2).values
    print(f"{spec.name}: {size / 1000:.0f} kB, seed {seed}, margin {(margin[:, 0] - margin[:, 1]).min():.3f}, "
          f"peak attention {golden['decoder_attention'].amax(-1).mean():.2f}, {golden['output_ids'].tolist()} {text!r}")


# ---------------------------------------------------------------- stories260K


def read_stories() -> tuple:
    """llama2.c's legacy layout: seven i32, then f32 matrices layer by layer; rotary pairs are neighbours, which transformers splits in halves."""
    raw = (STORIES / "stories260K.bin").read_bytes()
    dim, hidden, layers, heads, kv_heads, vocab, positions = struct.unpack("<7i", raw[:28])
    values, offset, head_dim = np.frombuffer(raw, np.float32, offset=28), 0, dim // heads

    def take(*shape):
        nonlocal offset
        count = int(np.prod(shape))
        offset += count
        return torch.from_numpy(values[offset - count:offset].reshape(shape).copy())

    def halves(weight):
        rows = weight.shape[0]
        return weight.view(rows // head_dim, head_dim // 2, 2, dim).transpose(1, 2).reshape(rows, dim)

    tensors = {"model.embed_tokens.weight": take(vocab, dim)}
    parts = [
        ("input_layernorm", (dim,)), ("self_attn.q_proj", (dim, dim)), ("self_attn.k_proj", (kv_heads * head_dim, dim)),
        ("self_attn.v_proj", (kv_heads * head_dim, dim)), ("self_attn.o_proj", (dim, dim)), ("post_attention_layernorm", (dim,)),
        ("mlp.gate_proj", (hidden, dim)), ("mlp.down_proj", (dim, hidden)), ("mlp.up_proj", (hidden, dim)),
    ]
    for part, shape in parts:
        for layer, weight in enumerate(take(layers, *shape)):
            tensors[f"model.layers.{layer}.{part}.weight"] = halves(weight) if part.endswith(("q_proj", "k_proj")) else weight
    tensors["model.norm.weight"] = take(dim)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    config = LlamaConfig(vocab_size=vocab, hidden_size=dim, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                         num_key_value_heads=kv_heads, max_position_embeddings=positions, rms_norm_eps=1e-5, tie_word_embeddings=True)
    return config, tensors


def read_pieces() -> list:
    raw, offset, pieces = (STORIES / "stories260K_tok512.bin").read_bytes(), 4, []
    while offset < len(raw):
        _, length = struct.unpack_from("<fi", raw, offset)
        piece = raw[offset + 8:offset + 8 + length]
        pieces.append(bytes([int(piece[3:5], 16)]) if piece.startswith(b"<0x") else piece)
        offset += 8 + length
    return pieces


def make_stories() -> None:
    if not STORIES.is_dir():
        print(f"stories260k: skipped, {STORIES} is not there")
        return
    config, tensors = read_stories()
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).eval()
    model.load_state_dict(tensors)
    steps = 240
    prompt = torch.tensor([[1]])
    with torch.inference_mode():
        out = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=steps, eos_token_id=2,
                             pad_token_id=0, return_dict_in_generate=True, output_logits=True, output_attentions=True)
    ids = out.sequences[0, 1:]
    pieces = read_pieces()
    text = b"".join(pieces[i] for i in ids.tolist()).decode().lstrip()
    shared = min(len(text), len(PUBLISHED_STORY))
    assert len(ids) == steps and text[:shared] == PUBLISHED_STORY[:shared], "the greedy text is not the one that llama2.c publishes"
    logits = torch.cat(out.logits)
    best = logits.topk(2).values
    sampled = torch.tensor([0, 1, 100, steps - 1])
    rows = torch.zeros(len(sampled), config.num_hidden_layers, config.num_attention_heads, steps + 1)
    for k, t in enumerate(sampled.tolist()):
        for layer_idx, layer in enumerate(out.attentions[t]):
            rows[k, layer_idx, :, :t + 1] = layer[0, :, -1, :]
    golden = dict(prompt_ids=prompt[0], output_ids=ids.clone(), sampled_steps=sampled, logits=logits[sampled].clone(), decoder_attention=rows)
    write_golden(HERE / "stories260k.safetensors", golden, dict(text=text))
    print(f"stories260k: {shared} characters as published, least margin {(best[:, 0] - best[:, 1]).min():.4f}, {text!r}")


# ---------------------------------------------------------------- the bundled demo


def make_demo() -> None:
    """One short answer of the demo LLaVA, through its own processor (demo_llava.py holds longer ones)."""
    name, question = "demo_01_beach.png", "Where is the umbrella?"
    photo = Image.open(DEMO / "images" / name)
    processor = AutoProcessor.from_pretrained(DEMO / "llava")
    model = LlavaForConditionalGeneration.from_pretrained(DEMO / "llava", dtype=torch.float32, attn_implementation="eager").eval()
    raw_prompt = f"USER: <image>\n{question} ASSISTANT:"
    batch = processor(images=photo, text=raw_prompt, return_tensors="pt")
    ids = batch["input_ids"][0].tolist()
    golden = run(model, ids, batch["pixel_values"], [2], 8)
    image_id = model.config.image_token_id
    golden.update(prompt_ids=torch.tensor(ids), image_token_span=torch.tensor([ids.index(image_id), ids.count(image_id)]))
    text = processor.tokenizer.decode(golden["output_ids"].tolist(), skip_special_tokens=True)
    write_golden(HERE / "demo_answer.safetensors", golden, dict(image=name, question=question, raw_prompt=raw_prompt, text=text))
    print(f"demo: {text!r}")


def main() -> None:
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    for spec in SPECS:
        if not wanted or spec.name in wanted:
            make(spec)
    if not wanted or "stories260k" in wanted:
        make_stories()
    if not wanted or "demo" in wanted:
        make_demo()


if __name__ == "__main__":
    main()
