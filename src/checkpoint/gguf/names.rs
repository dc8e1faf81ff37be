//! llama.cpp's names for a LLaVA's tensors.
//!
//! | canonical | decoder file | projector file |
//! | --- | --- | --- |
//! | `language_model.embed_tokens`, `.norm`, `lm_head` | `token_embd`, `output_norm`, `output` | |
//! | `language_model.rope_freqs`, which no other layout has | `rope_freqs` | |
//! | `language_model.layers.N.self_attn.{q,k,v,o}_proj` | `blk.N.attn_{q,k,v,output}` | |
//! | `language_model.layers.N.mlp.{gate,up,down}_proj` | `blk.N.ffn_{gate,up,down}` | |
//! | `vision_tower.encoder.layers.N.mlp.{fc1,fc2}` | | `v.blk.N.ffn_{up,down}`; before 2025 `v.blk.N.ffn_{down,up}` |
//! | `multi_modal_projector.linear_{1,2}` | | `mm.{0,2}` |

/// The canonical name of a tensor of the decoder's file; an unknown one stays, so that it is reported as unused.
pub(super) fn decoder_name(stored: &str) -> String {
    const WHOLE: [(&str, &str); 4] = [
        ("token_embd.", "language_model.embed_tokens."),
        ("output_norm.", "language_model.norm."),
        ("output.", "lm_head."),
        ("rope_freqs.", "language_model.rope_freqs."),
    ];
    const LAYER: [(&str, &str); 9] = [
        ("attn_norm.", "input_layernorm."),
        ("attn_q.", "self_attn.q_proj."),
        ("attn_k.", "self_attn.k_proj."),
        ("attn_v.", "self_attn.v_proj."),
        ("attn_output.", "self_attn.o_proj."),
        ("ffn_norm.", "post_attention_layernorm."),
        ("ffn_gate.", "mlp.gate_proj."),
        ("ffn_up.", "mlp.up_proj."),
        ("ffn_down.", "mlp.down_proj."),
    ];
    renamed(stored, &WHOLE)
        .or_else(|| {
            let (layer, rest) = stored.strip_prefix("blk.")?.split_once('.')?;
            Some(format!("language_model.layers.{layer}.{}", renamed(rest, &LAYER)?))
        })
        .unwrap_or_else(|| stored.to_owned())
}

/// The same for the projector's file. `swapped`: `ffn_down` is the first matrix of the feed-forward part.
pub(super) fn projector_name(stored: &str, swapped: bool) -> String {
    const WHOLE: [(&str, &str); 7] = [
        ("v.class_embd", "vision_tower.embeddings.class_embedding"),
        ("v.patch_embd.", "vision_tower.embeddings.patch_embedding."),
        ("v.position_embd.", "vision_tower.embeddings.position_embedding."),
        ("v.pre_ln.", "vision_tower.pre_layrnorm."),
        ("v.post_ln.", "vision_tower.post_layernorm."),
        ("mm.0.", "multi_modal_projector.linear_1."),
        ("mm.2.", "multi_modal_projector.linear_2."),
    ];
    const LAYER: [(&str, &str); 6] = [
        ("ln1.", "layer_norm1."),
        ("ln2.", "layer_norm2."),
        ("attn_q.", "self_attn.q_proj."),
        ("attn_k.", "self_attn.k_proj."),
        ("attn_v.", "self_attn.v_proj."),
        ("attn_out.", "self_attn.out_proj."),
    ];
    let feed_forward = if swapped {
        [("ffn_down.", "mlp.fc1."), ("ffn_up.", "mlp.fc2.")]
    } else {
        [("ffn_up.", "mlp.fc1."), ("ffn_down.", "mlp.fc2.")]
    };
    renamed(stored, &WHOLE)
        .or_else(|| {
            let (layer, rest) = stored.strip_prefix("v.blk.")?.split_once('.')?;
            let part = renamed(rest, &LAYER).or_else(|| renamed(rest, &feed_forward))?;
            Some(format!("vision_tower.encoder.layers.{layer}.{part}"))
        })
        .unwrap_or_else(|| stored.to_owned())
}

fn renamed(stored: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(from, to)| stored.strip_prefix(from).map(|rest| format!("{to}{rest}")))
}
