"""A decoder in plain PyTorch that shows and lets edit what goes on inside it, without any cache. Used by the golden scripts of methods.

Weights and their modules are transformers'; attention, its mask and the order of the parts are written out here. `Plain(checkpoint)` is
checked against transformers' own forward pass when it is made.
"""

import math
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoProcessor, LlavaForConditionalGeneration

HERE = Path(__file__).resolve().parent


class Plain:
    """One golden checkpoint: `run` is a forward pass over all positions."""

    def __init__(self, name: str, dtype=torch.float32):
        folder = HERE / name / "checkpoint"
        self.name, self.dtype = name, dtype
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
        self.processor = AutoProcessor.from_pretrained(folder)
        self.config = self.model.config.text_config
        self.image_id = self.model.config.image_token_id
        self.photo = Image.open(HERE / name / "photo.png").convert("RGB")
        self.pixels = load_file(HERE / name / "golden.safetensors")["pixel_values"][None].to(dtype)
        self.features = self.encode()
        ids = self.ids("USER: <image>\nWhy? ASSISTANT:")
        embeddings = self.embed(ids, self.features)
        found = self.run(embeddings)["logits"][-1]
        hidden = self.model.model.language_model(inputs_embeds=embeddings[None], use_cache=False).last_hidden_state
        assert torch.allclose(found, self.model.lm_head(hidden[0, -1]), atol=1e-4), "the forward pass is transformers'"

    def encode(self, on_probs=None, on_output=None):
        """Projected features; the layer that gives them calls `on_probs(A)` and `on_output(X)`."""
        tower = getattr(self.model.model.vision_tower, "vision_model", self.model.model.vision_tower)
        entry = self.model.config.vision_feature_layer
        count = self.model.config.vision_config.num_hidden_layers
        assert isinstance(entry, int), "one feature layer"
        layer_idx = (entry if entry >= 0 else count + 1 + entry) - 1
        hidden = tower.pre_layrnorm(tower.embeddings(self.pixels))[0]
        for idx, layer in enumerate(tower.encoder.layers[: layer_idx + 1]):
            attention, normed = layer.self_attn, layer.layer_norm1(hidden)
            heads = lambda x: x.reshape(x.shape[0], attention.num_heads, -1).transpose(0, 1)
            query, key, value = (heads(part(normed)) for part in (attention.q_proj, attention.k_proj, attention.v_proj))
            probs = (query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])).softmax(-1)
            if idx == layer_idx and on_probs is not None:
                probs = on_probs(probs)
            hidden = hidden + attention.out_proj((probs @ value).transpose(0, 1).reshape(hidden.shape))
            hidden = hidden + layer.mlp(layer.layer_norm2(hidden))
        if on_output is not None:
            hidden = on_output(hidden)
        if self.model.config.vision_feature_select_strategy == "default":
            hidden = hidden[1:]
        return self.model.model.multi_modal_projector(hidden)

    def ids(self, prompt: str):
        return self.processor(images=self.photo, text=prompt, return_tensors="pt")["input_ids"][0]

    def span(self, ids) -> tuple:
        """First image token, and one past the last."""
        at = (ids == self.image_id).nonzero().flatten()
        return int(at[0]), int(at[-1]) + 1

    def embed(self, ids, features):
        embeddings = self.model.get_input_embeddings()(ids.clamp(max=self.config.vocab_size - 1)).clone()
        embeddings[ids == self.image_id] = features
        return embeddings

    def tokens(self, answer: list):
        return self.model.get_input_embeddings()(torch.tensor(answer, dtype=torch.long))

    def window(self, layer_idx: int):
        types = getattr(self.config, "layer_types", None)
        window = getattr(self.config, "sliding_window", None)
        if types is not None:
            return window if types[layer_idx] == "sliding_attention" else None
        return window

    def run(self, embeddings, on_scores=None, on_probs=None):
        """All of a pass: `hidden` are X[0..L] (the last after the final norm), `probs` of every layer, `logits` of every position.

        `on_scores(layer, Z, probs so far)` and `on_probs(layer, A)` edit [heads, rows, keys].
        """
        decoder, count = self.model.model.language_model, embeddings.shape[0]
        places = torch.arange(count)
        cos, sin = decoder.rotary_emb(embeddings[None], places[None])
        cos, sin = cos[0], sin[0]
        turn = lambda x: x * cos + torch.cat([-x[..., x.shape[-1] // 2:], x[..., : x.shape[-1] // 2]], -1) * sin
        hidden, states, maps = embeddings, [embeddings], []
        for idx, layer in enumerate(decoder.layers):
            attention, normed = layer.self_attn, layer.input_layernorm(hidden)
            width = attention.head_dim
            heads = lambda x: x.reshape(count, -1, width).transpose(0, 1)
            query, key, value = (heads(part(normed)) for part in (attention.q_proj, attention.k_proj, attention.v_proj))
            query, key = turn(query), turn(key)
            group = query.shape[0] // key.shape[0]
            key, value = key.repeat_interleave(group, 0), value.repeat_interleave(group, 0)
            scores = query @ key.transpose(1, 2) / math.sqrt(width)
            hidden_keys = places[None, :] > places[:, None]
            if self.window(idx) is not None:
                hidden_keys |= places[None, :] <= places[:, None] - self.window(idx)
            scores = scores.masked_fill(hidden_keys, -math.inf)
            if on_scores is not None:
                scores = on_scores(idx, scores, maps)
            probs = scores.softmax(-1)
            if on_probs is not None:
                probs = on_probs(idx, probs)
            maps.append(probs)
            hidden = hidden + attention.o_proj((probs @ value).transpose(0, 1).reshape(count, -1))
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
            states.append(hidden)
        states[-1] = decoder.norm(hidden)
        return dict(hidden=states, probs=maps, logits=self.model.lm_head(states[-1]))
