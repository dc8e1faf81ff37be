"""The golden checkpoints that `make.py` writes: shapes, layouts, and what is asked of each."""

import dataclasses


@dataclasses.dataclass
class Spec:
    """One golden checkpoint."""

    name: str
    seed: int
    layout: str  # original | prefixed (language_model.model) | nested (model.language_model) | newest
    dtype: str
    vision: dict
    text: dict
    llava: dict
    photo: tuple  # width, height, Pillow mode
    raw_prompt: str
    question: str
    tokenizer: str = "metaspace"  # metaspace | legacy (normaliser, as in llava-hf's files)
    vocab_rows: int = 0  # rows of the embedding; 0: as many as the tokenizer has entries
    shards: int = 1
    template: str = "jinja"  # jinja | json | tokenizer_config | none
    processor: str = "flat"  # flat | nested | integers | exact
    own_head: bool = False  # config.json ties the head to the embedding, the weights hold another one
    sparse: bool = False  # leave out of config.json what is the default, as llava-hf's files do
    stop_at: int = 0  # make the token of this step the second end token
    max_new_tokens: int = 10


SPECS = [
    Spec(
        name="original_pad", seed=11, layout="original", dtype="f16",
        vision=dict(hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=7),
        text=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4),
        llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"),
        photo=(37, 53, "RGB"), raw_prompt="USER: <image>\nWhat is in this image? ASSISTANT:", question="What is in this image?",
        tokenizer="legacy", template="none",
    ),
    Spec(
        name="prefixed_shards", seed=12, layout="prefixed", dtype="f32",
        vision=dict(hidden_size=18, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=24, patch_size=6),
        text=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
                  rope_parameters=dict(rope_type="default", rope_theta=50000.0)),
        llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"),
        photo=(61, 40, "RGB"), raw_prompt="USER: <image>\nIs there a clock in the image? ASSISTANT:",
        question="Is there a clock in the image?", tokenizer="legacy", vocab_rows=352, shards=3, template="json",
    ),
    Spec(
        name="nested_full", seed=13, layout="nested", dtype="bf16",
        vision=dict(hidden_size=20, intermediate_size=36, num_hidden_layers=4, num_attention_heads=5, image_size=32, patch_size=8),
        text=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
                  rms_norm_eps=1e-5),
        llava=dict(vision_feature_layer=2, vision_feature_select_strategy="full"),
        photo=(33, 97, "RGB"), raw_prompt="Look: <image> what?", question="Describe this image in detail.", template="jinja",
    ),
    Spec(
        name="newest_list", seed=14, layout="newest", dtype="f32",
        vision=dict(hidden_size=18, intermediate_size=28, num_hidden_layers=3, num_attention_heads=2, image_size=30, patch_size=7),
        text=dict(hidden_size=36, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
                  attention_bias=True, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1000.0)),
        llava=dict(vision_feature_layer=[-2, 1], vision_feature_select_strategy="default", tie_word_embeddings=True),
        photo=(71, 31, "RGBA"), raw_prompt="USER: <image>\nWhat is in this image? ASSISTANT:", question="What is in this image? 日本 ☕",
        processor="nested", stop_at=8, max_new_tokens=12,
    ),
    Spec(
        name="biases_scaled_rope", seed=15, layout="prefixed", dtype="f16",
        vision=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, image_size=40, patch_size=8,
                    hidden_act="gelu", layer_norm_eps=1e-6),
        text=dict(hidden_size=40, intermediate_size=48, num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=1, head_dim=8,
                  attention_bias=True, mlp_bias=True, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0)),
        llava=dict(vision_feature_layer=[0, 1, 2], vision_feature_select_strategy="full", multimodal_projector_bias=False),
        photo=(45, 45, "L"), raw_prompt="USER: <image>\nDescribe this image in detail. ASSISTANT:", question="Describe this image in detail.",
        template="tokenizer_config", vocab_rows=384,
    ),
    Spec(
        name="sparse_config", seed=16, layout="prefixed", dtype="bf16",
        vision=dict(hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=12, image_size=45, patch_size=9),
        text=dict(hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=2),
        llava=dict(vision_feature_layer=2, vision_feature_select_strategy="default"),
        photo=(50, 149, "RGB"), raw_prompt="<image>\nyes", question="Is there a dog?", sparse=True, processor="integers", shards=2,
        template="json",
    ),
    Spec(
        name="exact_resize", seed=17, layout="nested", dtype="f16",
        vision=dict(hidden_size=24, intermediate_size=32, num_hidden_layers=5, num_attention_heads=2, image_size=26, patch_size=4),
        text=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=24,
                  tie_word_embeddings=True),
        llava=dict(vision_feature_layer=-3, vision_feature_select_strategy="default", tie_word_embeddings=True),
        photo=(71, 29, "P"), raw_prompt="USER: <image>\nWhat is in this image? ASSISTANT:", question="What is in this image?",
        processor="exact", stop_at=9, max_new_tokens=12,
    ),
    Spec(
        name="newest_shards", seed=18, layout="newest", dtype="bf16",
        vision=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=33, patch_size=11),
        text=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=4, head_dim=6),
        llava=dict(vision_feature_layer=-1, vision_feature_select_strategy="default"),
        photo=(40, 34, "RGB"), raw_prompt="USER: <image>\nIs there a clock in the image? ASSISTANT:", question="Is there a clock in the image?",
        processor="nested", shards=3,
    ),
    Spec(  # grouped heads and a window that the prompt is longer than
        name="mistral_window", seed=19, layout="prefixed", dtype="f32",
        vision=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=28, patch_size=7),
        text=dict(model_type="mistral", hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=2, sliding_window=13, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
        llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"),
        photo=(44, 39, "RGB"), raw_prompt="USER: <image>\nIs there a clock in the image? ASSISTANT:", question="Is there a clock in the image?",
        template="json",
    ),
    Spec(  # biases on q, k, v alone, a tied head, and a window in the second layer only
        name="qwen2_biases", seed=20, layout="newest", dtype="bf16",
        vision=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, image_size=30, patch_size=10),
        text=dict(model_type="qwen2", hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=1, tie_word_embeddings=True, use_sliding_window=True, sliding_window=9, max_window_layers=1,
                  rope_parameters=dict(rope_type="default", rope_theta=1e6)),
        llava=dict(vision_feature_layer=-1, vision_feature_select_strategy="full", tie_word_embeddings=True),
        photo=(30, 52, "RGB"), raw_prompt="USER: <image>\nWhat is in this image? ASSISTANT:", question="What is in this image?",
        processor="nested",
    ),
    Spec(  # LLaMA-3.1's rotary scaling in its older spelling: one pair of channels is left, two are interpolated, three divided
        name="llama3_rope", seed=21, layout="prefixed", dtype="f32",
        vision=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=28, patch_size=7),
        text=dict(hidden_size=36, intermediate_size=48, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
                  rope_parameters=dict(rope_type="llama3", rope_theta=100.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                       original_max_position_embeddings=32)),
        llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"),
        photo=(52, 37, "RGB"), raw_prompt="USER: <image>\nDescribe this image in detail. ASSISTANT:", question="Describe this image in detail.",
    ),
    Spec(  # tied by the configuration, untied by the weights
        name="own_head", seed=22, layout="nested", dtype="f16",
        vision=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, image_size=28, patch_size=7),
        text=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2),
        llava=dict(vision_feature_layer=-2, vision_feature_select_strategy="default"),
        photo=(33, 41, "RGB"), raw_prompt="USER: <image>\nIs there a clock in the image? ASSISTANT:", question="Is there a clock in the image?",
        processor="nested", own_head=True,
    ),
]
