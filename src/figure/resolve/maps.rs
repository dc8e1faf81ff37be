//! Maps on photos: attention, `[CLS]`, attributions, differences, and the photo that attention prompting makes of them.

use super::tokens::token_set;
use super::truth::objects;
use super::words::{answer_words, choice_words, mitigated_words, place_words, selection, token_title, token_words};
use super::{Content, Heat, Made, PanelData, PanelError, PhotoContent, key};
use crate::analysis::{MapRequest, MapSource, Reduce};
use crate::data::Photo;
use crate::figure::recipe::{MapSpec, PromptSpec, Tokens, Truth};
use crate::figure::{FigureError, Inputs, MapFile};
use crate::geometry::{Framing, ImageLayout, ImageSize, ModelView};
use crate::prompting::{Formula, GridMask, LlavaMaps, MaskGeometry, PromptOptions, blend, photo_mask, prompt_image};
use crate::render::PhotoTexture;
use crate::trace::{SpecInfo, VisionAttention};
use std::sync::Arc;

/// A map, and what it is in words.
pub(super) struct NamedMap {
    /// Whose photo it lies on.
    pub(super) of: String,
    pub(super) values: Vec<f32>,
    /// On the photo; the trace's own unless the file has another.
    pub(super) layout: Arc<ImageLayout>,
    pub(super) unit: String,
    pub(super) title: String,
    /// Source, layer, head, tokens.
    pub(super) words: String,
    /// Sum before any normalisation, where it says how much goes to the image.
    pub(super) image_share: Option<f64>,
}

pub(super) fn map(
    spec: &MapSpec,
    outline: Option<&Truth>,
    grid_lines: bool,
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let named = named(spec, inputs)?;
    let mut base =
        PhotoContent { grid_lines, layout: Arc::clone(&named.layout), ..PhotoContent::new(&named.of, inputs)? };
    if let Some(truth) = outline {
        let (objects, legend) = objects(&named.of, truth, false, inputs)?;
        (base.objects, base.legend) = (objects, legend);
    }
    let mut caption = format!("{}; {}", named.words, named.unit);
    if let Some(share) = named.image_share {
        caption = format!("{caption}; {:.1}\u{a0}% of the attention is on the image", share * 100.0);
    }
    // A map of a file is of its own model: how an answer was decoded says nothing of it.
    let of_answer = !matches!(spec, MapSpec::File { .. });
    if of_answer {
        let which = answer_words(&named.of, inputs);
        let is_said = which.as_ref().is_some_and(|words| words.contains(" decoding"));
        let how = inputs.traces.get(&named.of).and_then(|trace| mitigated_words(&trace.run)).filter(|_| !is_said);
        for words in which.into_iter().chain(how) {
            caption = format!("{caption}; {words}");
        }
    }
    let data = PanelData::of_map("map", &named.layout, &named.values, &named.unit);
    base.heat = Some(Heat { layout: named.layout, values: named.values.into(), unit: named.unit, signed: false });
    Ok(Made { title: named.title, caption, content: Content::Photo(Box::new(base)), data })
}

pub(super) fn difference(first: &MapSpec, second: &MapSpec, inputs: &Inputs) -> Result<Made, PanelError> {
    let (a, b) = (named(first, inputs)?, named(second, inputs)?);
    let grids = |map: &NamedMap| map.layout.regions().iter().map(|region| region.grid).collect::<Vec<_>>();
    if grids(&a) != grids(&b) {
        let found = format!("{} and {}", a.layout.words(), b.layout.words());
        return Err(PanelError::Other(format!("expected two maps of the same patches, found {found}")));
    }
    if a.unit != b.unit {
        return Err(PanelError::Other(format!(
            "expected two maps of the same quantity, found {} and {}",
            a.unit, b.unit
        )));
    }
    let values: Vec<f32> = a.values.iter().zip(&b.values).map(|(a, b)| a - b).collect();
    let unit = format!("difference of {}", a.unit);
    let which = |map: &NamedMap| answer_words(&map.of, inputs);
    let mut caption = match (which(&a), which(&b)) {
        (Some(first), Some(second)) if a.words == b.words => format!("{}: {first} minus {second}", a.words),
        (Some(first), Some(second)) if a.of != b.of => format!("{} ({first}) minus {} ({second})", a.words, b.words),
        _ => format!("{} minus {}", a.words, b.words),
    };
    caption = format!("{caption}; {unit}; 0 is white");
    if values.iter().all(|value| *value == 0.0) {
        caption.push_str("; there is no difference");
    }
    let data = PanelData::of_map("difference", &a.layout, &values, &unit);
    let base = PhotoContent { layout: Arc::clone(&a.layout), ..PhotoContent::new(&a.of, inputs)? };
    let heat = Some(Heat { layout: a.layout, values: values.into(), unit, signed: true });
    let content = Content::Photo(Box::new(PhotoContent { heat, ..base }));
    Ok(Made { title: "Difference".to_owned(), caption, content, data })
}

pub(super) fn prompted(of: &str, spec: &PromptSpec, inputs: &Inputs) -> Result<Made, PanelError> {
    let (trace, options) = (inputs.trace(of)?, options(spec)?);
    if let Some(prompting) = &trace.run.prompting {
        return darkened(of, prompting, inputs);
    }
    let attribution = LlavaMaps::from_trace(trace, spec.most_tokens)?;
    let photo = inputs.photo(of)?;
    let prompted = prompt_image(photo, &attribution, &options)?;
    let picture = Photo::from_rgb(photo.width_px, photo.height_px, prompted.rgb).map_err(FigureError::from)?;
    let texture = PhotoTexture::new(key(&picture), picture.size(), &picture.rgb)?;
    let layer = options.layer_idx.unwrap_or_else(|| attribution.default_layer());
    let caption = format!(
        "Attention prompting: decoder, layer {layer}, formula {}, kernel {}, enhancement {}",
        spec.formula, spec.kernel, spec.enhance
    );
    let data =
        PanelData::of_map("mask", &of_view(&attribution.view), &prompted.grid.values, "part of the photo that stays");
    let base = PhotoContent { photo: picture, texture, unseen_dark: false, ..PhotoContent::new(of, inputs)? };
    Ok(Made { title: "Prompted photo".to_owned(), caption, content: Content::Photo(Box::new(base)), data })
}

/// The photo darkened by the mask of a map's file.
pub(super) fn prompted_by_file(of: &str, map: &str, spec: &PromptSpec, inputs: &Inputs) -> Result<Made, PanelError> {
    let (named, options) = (of_file(map, of, inputs)?, options(spec)?);
    let file = inputs.maps.get(map).ok_or_else(|| FigureError::NoInput { kind: "map", name: map.to_owned() })?;
    let base = PhotoContent::new(of, inputs)?;
    let grid = GridMask { grid: file.grid, values: file.mask.clone(), is_flat: false };
    let mask =
        photo_mask(&grid, &file_view(file, base.photo.size()), base.photo.size(), options.resample, options.geometry)?;
    let rgb = blend(&base.photo.rgb, &mask, options.grey);
    let picture = Photo::from_rgb(base.photo.width_px, base.photo.height_px, rgb).map_err(FigureError::from)?;
    let texture = PhotoTexture::new(key(&picture), picture.size(), &picture.rgb)?;
    let caption = format!("Attention prompting: {}", named.words);
    let data = PanelData::of_map("mask", &named.layout, &file.mask, "part of the photo that stays");
    let content = PhotoContent { photo: picture, texture, unseen_dark: false, ..base };
    Ok(Made { title: "Prompted photo".to_owned(), caption, content: Content::Photo(Box::new(content)), data })
}

/// What an answer about a darkened photo was asked about: another model may have looked, so it is not made here.
fn darkened(of: &str, prompting: &SpecInfo, inputs: &Inputs) -> Result<Made, PanelError> {
    let base = PhotoContent::new(of, inputs)?;
    let Some(photo) = inputs.darkened.get(of).filter(|photo| photo.size() == base.photo.size()) else {
        let reason = "an answer about a darkened photo, which only the window that asked has: ask again with API there";
        return Err(PanelError::Other(reason.to_owned()));
    };
    let texture = PhotoTexture::new(key(photo).rotate_left(1), photo.size(), &photo.rgb)?;
    let value = |name: &str| match prompting.parameters.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    };
    let source = if prompting.name == "clip" { "CLIP" } else { "LLaVA" };
    let caption = format!(
        "Attention prompting: {source} ({}) for “{}”, layer {}, formula {}, kernel {}, enhancement {}",
        value("model"),
        value("query"),
        value("layer"),
        value("formula"),
        value("kernel"),
        value("enhance")
    );
    let content = PhotoContent { photo: photo.clone(), texture, unseen_dark: false, ..base };
    let (title, content) = ("Prompted photo".to_owned(), Content::Photo(Box::new(content)));
    Ok(Made { title, caption, content, data: PanelData::default() })
}

fn options(spec: &PromptSpec) -> Result<PromptOptions, PanelError> {
    let unknown = |field: &str, found: &str| FigureError::Setting {
        expected: format!(
            "`{field}` as one of {}",
            if field == "formula" { "official, paper" } else { "official, aligned" }
        ),
        found: format!("`{found}`"),
    };
    let formula = Formula::by_id(&spec.formula).ok_or_else(|| unknown("formula", &spec.formula))?;
    let geometry = MaskGeometry::by_id(&spec.geometry).ok_or_else(|| unknown("geometry", &spec.geometry))?;
    Ok(PromptOptions {
        layer_idx: spec.layer,
        formula,
        kernel: spec.kernel,
        enhance: spec.enhance,
        grey: spec.grey,
        geometry,
        ..PromptOptions::default()
    })
}

fn of_view(view: &ModelView) -> Arc<ImageLayout> {
    Arc::new(ImageLayout::of_view(view, 0))
}

/// How the patches of a map's file lie on a photo.
fn file_view(file: &MapFile, image: ImageSize) -> ModelView {
    ModelView { image, rect_px: file.seen_px, grid: file.grid, framing: Framing::Crop }
}

/// Computes the map that a spec names.
pub(super) fn named(spec: &MapSpec, inputs: &Inputs) -> Result<NamedMap, PanelError> {
    let none = Tokens::default();
    match spec {
        MapSpec::Decoder { of, tokens, layers, heads, normalisation, suppress_sink } => {
            let (layers, heads, normalisation) = (*layers, *heads, *normalisation);
            let suppress_sink = *suppress_sink;
            let request = MapRequest { layers, heads, normalisation, suppress_sink, ..MapRequest::default() };
            of_source(of, &request, tokens, inputs)
        }
        MapSpec::VisionCls { of, encoder, layers, heads, normalisation } => {
            let has_cls = inputs.trace(of)?.encoder(*encoder).is_none_or(VisionAttention::has_cls);
            let source = if has_cls { MapSource::VISION } else { MapSource::RECEIVED };
            let (encoder, layers, heads, normalisation) = (*encoder, *layers, *heads, *normalisation);
            let request = MapRequest { source, encoder, layers, heads, normalisation, ..MapRequest::default() };
            of_source(of, &request, &none, inputs)
        }
        MapSpec::PatchNorms { of, encoder, layers } => {
            let (source, encoder, layers) = (MapSource::NORMS, *encoder, *layers);
            of_source(of, &MapRequest { source, encoder, layers, ..MapRequest::default() }, &none, inputs)
        }
        MapSpec::Registered { of, name, encoder, tokens, layers, heads, normalisation, suppress_sink } => {
            let (source, encoder, suppress_sink) = (*name, *encoder, *suppress_sink && name.has_sink());
            let (layers, heads, normalisation) = (*layers, *heads, *normalisation);
            let request =
                MapRequest { source, encoder, layers, heads, normalisation, suppress_sink, ..MapRequest::default() };
            of_source(of, &request, tokens, inputs)
        }
        MapSpec::Llava { of, options } => attributed(of, options, inputs),
        MapSpec::File { map, of } => of_file(map, of, inputs),
    }
}

/// A map of any source, of these tokens where it has one for each.
fn of_source(of: &str, request: &MapRequest, tokens: &Tokens, inputs: &Inputs) -> Result<NamedMap, PanelError> {
    let trace = inputs.trace(of)?;
    let MapRequest { source, encoder, layers, heads, normalisation, suppress_sink, .. } = *request;
    selection(layers, heads, source.all_heads(trace, encoder)?)?;
    let set = token_set(tokens, trace);
    let request = MapRequest { tokens: set.tokens().to_vec(), together: set.reduce(), ..request.clone() };
    let made = request.compute(trace)?;
    let place = if source.has_heads() { place_words(layers, heads) } else { choice_words("layer", layers) };
    if encoder > 0 && !source.is_encoder() {
        let found = format!("expected no encoder for {}, found encoder {encoder}", source.name());
        return Err(PanelError::Other(found));
    }
    let mut words = format!("{}, {place}", of_encoder(source.entry().subject, encoder));
    let mut title = of_encoder(source.name(), encoder);
    if source.of_tokens() {
        words = format!("{words}, {}", token_words(tokens, trace));
        title = format!("{title}, {}", token_title(tokens, trace));
    }
    let mut unit = source.unit(normalisation).to_owned();
    if suppress_sink {
        unit.push_str(" without the first position");
    }
    // Maxima are no parts of anything.
    let is_mean = ![layers, heads].iter().any(|choice| choice_words("", *choice).starts_with("max"))
        && tokens.together == Reduce::Mean;
    let is_share = source == MapSource::DECODER && is_mean && !suppress_sink;
    let (of, image_share) = (of.to_owned(), is_share.then_some(made.total));
    Ok(NamedMap { of, values: made.values, layout: made.layout, unit, title, words, image_share })
}

/// Attention prompting's map of the answer's decoder.
fn attributed(of: &str, spec: &PromptSpec, inputs: &Inputs) -> Result<NamedMap, PanelError> {
    let (trace, options) = (inputs.trace(of)?, options(spec)?);
    let attribution = LlavaMaps::from_trace(trace, spec.most_tokens)?;
    let values = attribution.map(options.layer_idx, options.formula)?;
    let layer = options.layer_idx.unwrap_or_else(|| attribution.default_layer());
    let mut words = format!("LLaVA attribution, layer {layer}, formula {}", spec.formula);
    if trace.layout.overlaps() {
        words.push_str(", regions that overlap as their mean by area");
    }
    let is_sole = trace.layout.sole().is_some();
    Ok(NamedMap {
        of: of.to_owned(),
        values,
        layout: if is_sole { Arc::clone(&trace.layout) } else { of_view(&attribution.view) },
        unit: "attention, mean over heads and answer".to_owned(),
        title: "LLaVA attribution".to_owned(),
        words,
        image_share: None,
    })
}

/// A name, with the number of an encoder that is not the first.
fn of_encoder(name: &str, encoder: usize) -> String {
    if encoder == 0 { name.to_owned() } else { format!("{name}, encoder {encoder}") }
}

fn of_file(map: &str, of: &str, inputs: &Inputs) -> Result<NamedMap, PanelError> {
    let file = inputs.maps.get(map).ok_or_else(|| FigureError::NoInput { kind: "map", name: map.to_owned() })?;
    let MapFile { values, seen_px, source, query, layer, formula, image_hash, .. } = file;
    let photo = inputs.photo(of)?;
    if *image_hash != photo.sha256 {
        return Err(PanelError::Other(format!(
            "expected the photo {image_hash} that the map `{map}` was made of, found {}",
            photo.sha256
        )));
    }
    let size = PhotoContent::new(of, inputs)?.layout.image();
    if !seen_px.shows_some_of(size) {
        return Err(PanelError::Other(format!("expected the map `{map}` on the photo, found it beside")));
    }
    let layout = of_view(&file_view(file, size));
    let (title, unit) = match source.as_str() {
        "clip" => ("CLIP attribution", "contribution to the similarity"),
        _ => ("LLaVA attribution", "attention, mean over heads and answer"),
    };
    Ok(NamedMap {
        of: of.to_owned(),
        values: values.clone(),
        layout,
        unit: unit.to_owned(),
        title: title.to_owned(),
        words: format!("{title} of “{query}”, layer {layer}, formula {formula}"),
        image_share: None,
    })
}
