//! What is chosen in the window, as a recipe has it.

use crate::analysis::{Pick, Reduce};
use crate::figure::recipe::{MapSpec, PromptSpec, Show, Tokens};
use crate::prompting::PromptOptions;
use crate::trace::Trace;
use crate::ui::core::settings::{LayerHead, ViewState};
use crate::ui::features::{Source, TokenPos};

pub(super) fn tokens_of(held: &[TokenPos], reduce: Reduce) -> Tokens {
    let mut tokens = Tokens { together: reduce, ..Tokens::default() };
    for pos in held {
        match pos {
            TokenPos::Prompt(idx) => tokens.prompt.push(*idx),
            TokenPos::Output(idx) => tokens.output.push(*idx),
        }
    }
    tokens
}

pub(super) fn decoder_map(of: &str, trace: &Trace, view: &ViewState, held: &[TokenPos]) -> MapSpec {
    let LayerHead { layer, head } = view.decoder;
    MapSpec::Decoder {
        of: of.to_owned(),
        tokens: tokens_of(held, view.tokens),
        layers: layer.clamped(trace.num_hidden_layers).pick(),
        heads: head.clamped(trace.num_attention_heads).pick(),
        normalisation: view.normalisation,
        suppress_sink: view.suppress_sink,
    }
}

pub(super) fn cls_map(of: &str, trace: &Trace, view: &ViewState) -> Result<MapSpec, String> {
    let vision = trace.encoder(view.encoder).ok_or("The vision encoder's attention was not recorded")?;
    let LayerHead { layer, head } = view.vision;
    Ok(MapSpec::VisionCls {
        of: of.to_owned(),
        encoder: view.encoder,
        layers: layer.clamped(vision.num_hidden_layers).pick(),
        heads: head.clamped(vision.num_attention_heads).pick(),
        normalisation: view.normalisation,
    })
}

fn norms_map(of: &str, trace: &Trace, view: &ViewState) -> Result<MapSpec, String> {
    let vision = trace.encoder(view.encoder).ok_or("The vision encoder's norms were not recorded")?;
    let layers = view.vision.layer.clamped(vision.num_hidden_layers).pick();
    Ok(MapSpec::PatchNorms { of: of.to_owned(), encoder: view.encoder, layers })
}

/// The map of the shown source.
pub(super) fn source_map(of: &str, trace: &Trace, view: &ViewState, held: &[TokenPos]) -> Result<MapSpec, String> {
    match view.source {
        source if source == Source::DECODER => Ok(decoder_map(of, trace, view, held)),
        source if [Source::VISION, Source::RECEIVED].contains(&source) => cls_map(of, trace, view),
        source if source == Source::NORMS => norms_map(of, trace, view),
        source => {
            let [layers, heads] = source.shape(trace, view.encoder).map_err(|err| err.to_string())?;
            let LayerHead { layer, head } = view.layer_head();
            Ok(MapSpec::Registered {
                of: of.to_owned(),
                name: source,
                encoder: view.encoder,
                tokens: tokens_of(held, view.tokens),
                layers: layer.clamped(layers).pick(),
                heads: head.clamped(heads).pick(),
                normalisation: view.normalisation,
                suppress_sink: view.suppress_sink && source.has_sink(),
            })
        }
    }
}

/// The chosen heads as lines: their mean, and the one that is looked at.
pub(super) fn head_lines(choice: LayerHead, count: usize) -> Vec<Pick> {
    match choice.head.clamped(count).pick() {
        one @ Pick::One(_) => vec![Pick::default(), one],
        _ => Vec::new(),
    }
}

pub(super) fn on_photo(map: MapSpec) -> Show {
    Show::Map { map, outline: None, grid_lines: false }
}

/// Settings of attention prompting, as a recipe has them.
pub(super) fn prompt_spec(options: &PromptOptions) -> Result<PromptSpec, String> {
    if options.resample != PromptOptions::default().resample {
        return Err("A figure stretches the mask with Lanczos only: choose that in the API panel".to_owned());
    }
    Ok(PromptSpec {
        layer: options.layer_idx,
        formula: options.formula.id().to_owned(),
        kernel: options.kernel,
        enhance: options.enhance,
        grey: options.grey,
        geometry: options.geometry.id().to_owned(),
        ..PromptSpec::default()
    })
}
