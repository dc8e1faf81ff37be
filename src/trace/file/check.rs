//! What must hold between the parts of a trace, before it is written and after it was read.

use super::super::{AttentionRow, Extras, TextSimilarity, Trace, VisionAttention};
use super::layout;
use super::limits::{MOST_HEADS, MOST_LAYERS};
use crate::geometry::{ImageLayout, ImageSize, PatchGrid, RectPx, RegionKind};

/// What must hold, and what is there.
#[derive(Debug)]
pub(super) struct Contradiction {
    pub(super) expected: String,
    pub(super) found: String,
}

type Checked = Result<(), Contradiction>;

fn ensure(holds: bool, expected: impl FnOnce() -> String, found: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Contradiction { expected: expected(), found: found() }) }
}

/// Everything.
pub(super) fn check(trace: &Trace, extras: &Extras) -> Checked {
    if trace.has_decoder() {
        tokens(trace)?;
    } else {
        no_tokens(trace)?;
    }
    view(trace)?;
    rows(trace)?;
    vision(trace)?;
    similarity(trace)?;
    kept_besides(trace, extras)
}

fn tokens(trace: &Trace) -> Checked {
    let (span, image_tokens) = (trace.image_token_span, trace.layout.num_tokens());
    layers_and_heads("decoder", [trace.num_hidden_layers, trace.num_attention_heads])?;
    let (start, len, prompt) = (span.start, span.len, trace.prompt.len());
    ensure(
        start.checked_add(len).is_some_and(|end| end <= prompt),
        || format!("the image tokens inside a prompt of {prompt} tokens"),
        || format!("{len} of them from position {start}"),
    )?;
    ensure(
        len == image_tokens && !trace.layout.is_empty(),
        || format!("the {image_tokens} image tokens of the layout, some of them on the photo"),
        || format!("{len} image tokens, {} patches", trace.layout.len()),
    )?;
    for (position, token) in trace.prompt.iter().enumerate() {
        ensure(
            token.image == span.contains(position),
            || format!("image tokens exactly at positions {start}..{}", span.end()),
            || format!("position {position} marked otherwise"),
        )?;
    }
    for (idx, token) in trace.output.iter().enumerate() {
        let values = token.candidates.iter().map(|candidate| candidate.logprob);
        let finite = values.chain([token.logprob, token.entropy_nats]).all(f32::is_finite)
            && token.contrast.as_ref().is_none_or(|contrast| contrast.is_finite())
            && token.actions.iter().all(|action| action.moved.is_finite());
        ensure(finite, || "finite log-probabilities".to_owned(), || format!("others at generated token {idx}"))?;
    }
    Ok(())
}

/// Some of both and no more than models have.
fn layers_and_heads(what: &str, [layers, heads]: [usize; 2]) -> Checked {
    ensure(
        (1..=MOST_LAYERS).contains(&layers) && (1..=MOST_HEADS).contains(&heads),
        || format!("1 to {MOST_LAYERS} layers of 1 to {MOST_HEADS} heads of the {what}"),
        || format!("{layers} of {heads}"),
    )
}

/// One region lies where the run's preprocessing puts it on a photo of its size; several lie on a photo of that size.
fn view(trace: &Trace) -> Checked {
    let (regions, view) = (&*trace.layout, trace.run.view);
    let size = |ImageSize { width_px, height_px }: ImageSize| format!("a photo of {width_px} x {height_px} pixels");
    ensure(view.image == regions.image(), || size(regions.image()), || size(view.image))?;
    // Without what the encoders saw nobody knows how many there are.
    let encoders = if trace.vision.is_some() { trace.num_encoders() } else { layout::VISION.len() };
    let encoders = if regions.regions().len() == 1 { 1 } else { encoders };
    let unknown = regions.regions().iter().map(|region| region.encoder).find(|encoder| *encoder >= encoders);
    ensure(
        unknown.is_none(),
        || format!("regions of encoders below {encoders}"),
        || format!("one of encoder {}", unknown.unwrap_or_default()),
    )?;
    let Some(sole) = regions.sole() else { return Ok(()) };
    let patches = |grid: PatchGrid| format!("{} x {} patches", grid.rows, grid.cols);
    let before = regions.num_unplaced();
    let region = regions.regions().first();
    let is_plain = region.is_some_and(|region| region.first_token == before && region.row_stride == sole.grid.cols);
    if !is_plain || region.is_some_and(|region| region.kind != RegionKind::Photo) {
        return Ok(());
    }
    ensure(view.grid == sole.grid, || format!("{} in the run's view", patches(sole.grid)), || patches(view.grid))?;
    let seen = |rect: RectPx| rect.edges().map(|edge| format!("{edge:?}")).join(", ");
    let spec = &trace.run.preprocessing;
    ensure(
        view.is_made_by(spec),
        || {
            let photo = format!("as the preprocessing gives for {}", size(view.image));
            match view.made_by(spec) {
                Some(made) => format!("the seen rectangle {}, {photo}", seen(made.rect_px)),
                None => format!("patches {photo}"),
            }
        },
        || format!("{} in {}", seen(view.rect_px), patches(sole.grid)),
    )?;
    ensure(
        regions.is_like(&ImageLayout::of_view(&view, before)),
        || format!("the rectangle {} of the run's view", seen(view.rect_px)),
        || seen(sole.rect_px),
    )
}

/// An encoder has nothing but what it saw.
fn no_tokens(trace: &Trace) -> Checked {
    let (heads, span) = (trace.num_attention_heads, trace.image_token_span);
    let counts = [trace.prompt.len(), trace.output.len(), heads, span.start, span.len];
    ensure(
        counts == [0; 5] && trace.vision.is_some(),
        || "[CLS] rows and no tokens in a trace without decoder layers".to_owned(),
        || {
            let [prompt, output, ..] = counts;
            let rows = if trace.vision.is_some() { "[CLS] rows" } else { "no [CLS] rows" };
            format!("{rows}, {prompt} prompt tokens, {output} generated ones, {heads} heads, {} image tokens", span.len)
        },
    )?;
    Ok(())
}

fn similarity(trace: &Trace) -> Checked {
    let texts = trace.similarity.len();
    ensure(
        texts == 0 || !trace.has_decoder(),
        || "similarity of texts only without a decoder".to_owned(),
        || format!("{texts} texts beside an answer"),
    )?;
    // Rounding may carry a cosine a little over one.
    let good = |text: &TextSimilarity| {
        text.cosine.abs() <= 1.001 && text.logit.is_finite() && (0.0..=1.001).contains(&text.probability)
    };
    let bad = trace.similarity.iter().find(|text| !good(text));
    ensure(
        bad.is_none(),
        || "a cosine within -1..=1, a finite logit and a probability for every text".to_owned(),
        || bad.map_or_else(String::new, |bad| format!("{}, {}, {}", bad.cosine, bad.logit, bad.probability)),
    )
}

fn rows(trace: &Trace) -> Checked {
    let (prompt, output) = (trace.prompt.len(), trace.output.len());
    let found = trace.decoder_attention.len();
    ensure(
        found <= output,
        || format!("at most one attention row for each of {output} generated tokens"),
        || format!("{found} rows"),
    )?;
    for (idx, kept) in trace.decoder_attention.iter().enumerate() {
        row(trace, kept, prompt + idx, || format!("generated token {idx}"))?;
    }
    for (position, kept) in &trace.prompt_attention {
        let position = *position;
        ensure(
            position < prompt,
            || format!("attention rows of positions below {prompt}"),
            || format!("one of position {position}"),
        )?;
        row(trace, kept, position + 1, || format!("prompt position {position}"))?;
    }
    Ok(())
}

fn row(trace: &Trace, kept: &AttentionRow, key_len: usize, which: impl Fn() -> String) -> Checked {
    let expected = [trace.num_hidden_layers, trace.num_attention_heads, key_len];
    let found = [kept.num_hidden_layers(), kept.num_attention_heads(), kept.key_len()];
    ensure(
        found == expected && kept.precision() == layout::precision(trace),
        || format!("an attention row of shape {expected:?} in one precision for {}", which()),
        || format!("one of shape {found:?} in {:?}", kept.precision()),
    )?;
    ensure(
        kept.is_attention(),
        || "finite attention that is not negative".to_owned(),
        || format!("another value at {}", which()),
    )
}

fn vision(trace: &Trace) -> Checked {
    let most = layout::VISION.len();
    let further = trace.further_vision.len();
    ensure(
        further < most && (further == 0 || trace.vision.is_some()),
        || format!("at most {most} vision encoders, the first among them"),
        || format!("{further} besides the first"),
    )?;
    if let Some(first) = &trace.vision {
        encoder(first, trace.encoder_layout(0).len())?;
    }
    // A further one without regions of its own may have any patches.
    let cells = |idx: usize| trace.layout.of_encoder(idx).map(|layout| layout.len());
    let mut further = (1..).zip(&trace.further_vision);
    further.try_for_each(|(idx, further)| encoder(further, cells(idx).unwrap_or(further.num_patches)))
}

/// One encoder's numbers; it has a patch for every cell of the regions that it saw.
fn encoder(vision: &VisionAttention, cells: usize) -> Checked {
    let (layers, heads, patches) = (vision.num_hidden_layers, vision.num_attention_heads, vision.num_patches);
    layers_and_heads("vision encoder", [layers, heads])?;
    // A file may claim any shape: products that overflow simply match nothing.
    let norms = layers.saturating_mul(patches);
    let expected = [norms.saturating_mul(heads), norms];
    let found = [vision.rows().len(), vision.patch_norms.len()];
    let unsplit = vision.cls_unsplit.len();
    let is_of_cls = !vision.cls_attention.is_empty() || unsplit > 0;
    let one_kind = !is_of_cls || vision.received_attention.is_empty();
    ensure(
        patches == cells
            && one_kind
            && found[0] == expected[0]
            && [found[1], unsplit].iter().all(|len| *len == expected[1] || *len == 0),
        || {
            format!(
                "[CLS] rows of {layers} layers x {heads} heads x {cells} patches, and as many norms and unsplit rows"
            )
        },
        || format!("{}, {} and {unsplit} values for {patches} patches", found[0], found[1]),
    )?;
    ensure(
        vision.feature_layer_idx < layers.max(1),
        || format!("the features of one of {layers} vision layers"),
        || format!("layer {}", vision.feature_layer_idx),
    )?;
    let mut values = vision.rows().iter().chain(&vision.patch_norms).chain(&vision.cls_unsplit);
    let good = values.all(|value| value.is_finite() && *value >= 0.0);
    ensure(good, || "finite [CLS] attention and norms that are not negative".to_owned(), || "another value".to_owned())
}

fn kept_besides(trace: &Trace, extras: &Extras) -> Checked {
    let output = trace.output.len();
    for (name, rows) in layout::logit_rows(extras) {
        if rows.is_empty() {
            continue;
        }
        let vocab_size = rows.first().map_or(0, Vec::len);
        ensure(
            rows.len() == output && rows.iter().all(|row| row.len() == vocab_size),
            || format!("`{name}` with one row of one length for each of {output} generated tokens"),
            || format!("{} rows", rows.len()),
        )?;
        // Candidates that a contrastive strategy removed are negative infinity in the final logits, and only there.
        let removed_allowed = name == "final_logits";
        let good = rows.iter().flatten().all(|v| v.is_finite() || (removed_allowed && *v == f32::NEG_INFINITY));
        ensure(good, || format!("finite values in `{name}`"), || "NaN or infinity".to_owned())?;
    }
    let patches = trace.image_token_span.len;
    let outliers = extras.outlier_tokens.as_deref().unwrap_or_default();
    ensure(
        outliers.iter().all(|idx| *idx < patches),
        || format!("outlier tokens below {patches}"),
        || format!("{outliers:?}"),
    )?;
    let Some(pixels) = &extras.pixel_values else { return Ok(()) };
    let count = pixels.height_px.checked_mul(pixels.width_px).and_then(|n| n.checked_mul(3));
    ensure(
        count == Some(pixels.values.len()) && pixels.values.iter().all(|value| value.is_finite()),
        || format!("finite `pixel_values` of 3 x {} x {}", pixels.height_px, pixels.width_px),
        || format!("{} values, not all of them finite", pixels.values.len()),
    )
}
