//! DAMRO's figures of an answer, for JSON: `H_i` and `F` of all of it, of each token, of a word, under both readings of
//! the encoder's `[CLS]`.

use crate::analysis::{
    ClsVariant, DamroOptions, MapOptions, Pick, Reduce, TokenRef, TokenSet, attention_on_top, cls_map, decoder_map,
    overlap, top_patches,
};
use crate::trace::Trace;
use serde_json::{Map, Value, json};

/// What the figures are made from.
pub(super) struct Outliers<'a> {
    trace: &'a Trace,
    options: DamroOptions,
    /// The encoder's maps, as far as they were recorded.
    vision: Vec<(ClsVariant, Vec<f32>)>,
}

impl<'a> Outliers<'a> {
    /// `None` without an answer, or without an encoder that has a `[CLS]`.
    pub(super) fn of(trace: &'a Trace) -> Option<Self> {
        let options = DamroOptions::of(trace).ok().filter(|_| !trace.decoder_attention.is_empty())?;
        let map = |variant| cls_map(trace, options.vision_layer_idx, variant).ok().map(|map| (variant, map));
        let vision: Vec<_> = ClsVariant::ALL.into_iter().filter_map(map).collect();
        (!vision.is_empty()).then_some(Self { trace, options, vision })
    }

    /// Of the whole answer (the mean over its tokens, without special ones) and of each token.
    pub(super) fn of_answer(&self) -> Value {
        let counted: Vec<usize> = TokenSet::words(self.trace).collect();
        let all = TokenSet::new(counted.iter().map(|idx| TokenRef::Output(*idx)), Reduce::Mean);
        let all = self.map(&all);
        let tokens: Vec<_> = counted.iter().map(|idx| (idx, self.map(&TokenSet::output(*idx)))).collect();
        let Self { options, vision, .. } = self;
        let patches = vision.first().map_or(0, |(_, map)| map.len());
        let layers = match options.decoder.layers {
            Pick::One(one) => json!([one.get(), one.get()]),
            Pick::Span { first, last, .. } => json!([first.get(), last.get()]),
            Pick::All(_) => json!([0, self.trace.num_hidden_layers.saturating_sub(1)]),
        };
        let mut object = Map::new();
        object.insert("vision_layer".to_owned(), json!(options.vision_layer_idx.get()));
        object.insert("decoder_layers".to_owned(), layers);
        object.insert("decoder".to_owned(), json!(options.decoder_words()));
        object.insert("F_patches".to_owned(), json!(options.count));
        object.insert("F_by_chance".to_owned(), json!(options.count.min(patches) as f64 / patches.max(1) as f64));
        for (variant, map) in vision {
            let tokens = tokens.iter().map(|(idx, token)| {
                let (overlap, on_top) = self.figures(map, token.as_deref());
                json!({"token": idx, "H_i": overlap, "F": on_top})
            });
            let (overlap, on_top) = self.figures(map, all.as_deref());
            let of_variant = json!({
                "patches": top_patches(map, options.up_to),
                "H_i": overlap,
                "F": on_top,
                "tokens": tokens.collect::<Vec<Value>>(),
            });
            object.insert(variant.id().to_owned(), of_variant);
        }
        Value::Object(object)
    }

    /// Of the tokens of a word.
    pub(super) fn of_tokens(&self, tokens: &TokenSet) -> Value {
        let decoder = self.map(tokens);
        let variants = self.vision.iter().map(|(variant, map)| {
            let (overlap, on_top) = self.figures(map, decoder.as_deref());
            (variant.id().to_owned(), json!({"H_i": overlap, "F": on_top}))
        });
        Value::Object(variants.collect())
    }

    fn map(&self, tokens: &TokenSet) -> Option<Vec<f32>> {
        decoder_map(self.trace, tokens, self.options.decoder, MapOptions::default()).ok().map(|map| map.values)
    }

    /// `H_1` to `H_10`, and `F`.
    fn figures(&self, vision: &[f32], decoder: Option<&[f32]>) -> (Option<Vec<f64>>, Option<f64>) {
        let curve = decoder.map(|decoder| overlap(vision, decoder, self.options.up_to));
        (curve, decoder.and_then(|decoder| attention_on_top(vision, decoder, self.options.count)))
    }
}
