//! What a trace shows when nobody says what to show.

use super::recipe::{Colour, GridCells, Layout, MapSpec, Mark, Panel, PlotKind, Recipe, Show, Tokens};
use super::resolve::words_that_look;
use crate::analysis::{Normalisation, Pick, Reduce};
use crate::trace::Trace;
use std::path::Path;

/// Maps of single words.
const WORDS: usize = 3;

/// Photo, attention of the answer and of the words that look at the image most, vision `[CLS]`, the answer with these
/// words marked, attention on the image by layer and by head. Without a decoder: what there is.
pub fn default_recipe(name: &str, trace: &Trace, file: Option<&Path>) -> Recipe {
    let mut recipe = Recipe::new(Layout::default(), Colour::default());
    recipe.add_trace(name, trace, file);
    let of = || name.to_owned();
    let map = |map: MapSpec| Panel::new(Show::Map { map, outline: None, grid_lines: false });
    let decoder = |tokens: Tokens| MapSpec::Decoder {
        of: of(),
        tokens,
        layers: Pick::All(Reduce::Mean),
        heads: Pick::All(Reduce::Mean),
        normalisation: Normalisation::Raw,
        suppress_sink: false,
    };
    let has_answer = trace.has_decoder() && !trace.decoder_attention.is_empty();
    recipe.panels.push(Panel::new(Show::Photo { of: of() }));
    if has_answer {
        recipe.panels.push(map(decoder(Tokens::default())));
    }
    if let Some(vision) = &trace.vision {
        let layers = Pick::One(vision.feature_layer_idx.min(vision.num_hidden_layers.saturating_sub(1)));
        let (heads, normalisation) = (Pick::All(Reduce::Mean), Normalisation::Raw);
        recipe.panels.push(map(MapSpec::VisionCls { of: of(), encoder: 0, layers, heads, normalisation }));
    }
    if has_answer {
        let mut marks = Vec::new();
        for rank in 0..words_that_look(trace).len().min(WORDS) {
            let tokens = Tokens { looking: Some(rank), ..Tokens::default() };
            recipe.panels.push(map(decoder(tokens.clone())));
            marks.push(Mark { tokens, label: "shown above".to_owned() });
        }
        // The last rows are of one kind each.
        recipe.panels.push(Panel::new(Show::Answer { of: of(), question: true, marks, shade: None }));
        let plot = PlotKind::ImageSharePerLayer { lines: vec![Tokens::default()], heads: Vec::new() };
        recipe.panels.push(Panel::new(Show::Plot { of: of(), plot }));
        let (tokens, cells) = (Tokens::default(), GridCells::Share);
        recipe.panels.push(Panel::new(Show::Grid { of: of(), vision: false, tokens, cells }));
    }
    if !trace.similarity.is_empty() {
        recipe.panels.push(Panel::new(Show::Plot { of: of(), plot: PlotKind::Similarity }));
    }
    recipe
}
