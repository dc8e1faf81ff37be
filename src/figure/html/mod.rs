//! One trace as a page that needs nothing else: no network, no other file, at most [`MOST_BYTES`].
//!
//! A trace of a 7B model is over a gigabyte, so a page keeps what it shows: for every token and layer the mean over
//! heads, the attention that every head spends on the image, the vision encoder's `[CLS]`, and single heads as far as
//! there is room. Values are kept in 256 steps of the square root, so that small ones keep their digits. The page says
//! what was kept.

mod pack;

use super::FigureError;
use super::pixels::Embedded;
use super::png_file;
use super::resolve::whole_answer;
use super::scene::Rect;
use super::xml::escaped;
use crate::data::{Photo, thumbnail};
use crate::files::Outputs;
use crate::geometry::{Combine, Flattening};
use crate::render::{colormap, colormap_by_id};
use crate::trace::{Trace, VisionAttention};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::deflate::compress_to_vec_zlib;
use pack::{Packed, pack};
use serde_json::{Value, json};
use std::path::Path;

/// Of a page, all in all.
pub const MOST_BYTES: usize = 5_000_000;
/// Longest edge of the photo in a page.
const PHOTO_PX: u32 = 640;
/// Candidates that are kept of each token.
const CANDIDATES: usize = 5;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Whether a name asks for a page instead of a figure.
pub fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"))
}

/// Writes the page of a trace; it is complete or not there.
pub fn write(path: &Path, trace: &Trace, photo: &Photo) -> Result<(), FigureError> {
    let page = page(trace, photo)?;
    let mut outputs = Outputs::default();
    let key = outputs.claim("the page", path)?;
    outputs.write_bytes(key, page.as_bytes())?;
    Ok(outputs.commit()?)
}

/// The page of a trace about a photo. The same trace gives the same bytes.
pub fn page(trace: &Trace, photo: &Photo) -> Result<String, FigureError> {
    let (expected, found) = (trace.layout.image(), photo.size());
    if expected != found {
        return Err(FigureError::PhotoSize { expected, found, path: trace.run.image_path.clone() });
    }
    let picture = embedded_photo(photo);
    let about = about(trace, photo);
    let rest = PAGE.len() + STYLE.len() + SCRIPT.len() + picture.len() + about.to_string().len() + 8192;
    let room = MOST_BYTES.checked_sub(rest).ok_or_else(|| FigureError::Setting {
        expected: format!("a page of at most {MOST_BYTES} bytes"),
        found: format!("{rest} bytes without any attention: the answer is too long"),
    })?;
    // Base64 takes four letters for three bytes.
    let Packed { bytes, index, kept } = pack(trace, room / 4 * 3)?;
    let mut about = about;
    about["index"] = index;
    about["kept"] = json!(kept);
    let title = escaped(&format!("{}: {}", trace.run.model_id, trace.run.prompt));
    let parts = [
        ("{{title}}", title.as_str()),
        ("{{style}}", STYLE),
        ("{{script}}", SCRIPT),
        ("{{photo}}", &picture),
        ("{{about}}", &script_safe(&about)),
        ("{{data}}", &STANDARD.encode(bytes)),
    ];
    Ok(filled(PAGE, &parts))
}

/// Every placeholder once, in one pass: text of the trace that looks like one stays text.
fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(MOST_BYTES / 2);
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some((name, text)) = parts.iter().find(|(name, _)| from.starts_with(name)) {
            out.push_str(text);
            rest = from.get(name.len()..).unwrap_or_default();
        } else {
            out.push_str("{{");
            rest = from.get(2..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// JSON that cannot end the element it stands in.
fn script_safe(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

fn embedded_photo(photo: &Photo) -> String {
    let small = thumbnail(photo, PHOTO_PX);
    let image = Embedded {
        rect: Rect::default(),
        size: [small.width_px, small.height_px],
        rgb: small.rgb.to_vec(),
        alpha: None,
        smooth: true,
        shared: None,
    };
    format!("data:image/png;base64,{}", STANDARD.encode(png_file::embedded(&image)))
}

/// Everything but the maps.
fn about(trace: &Trace, photo: &Photo) -> Value {
    let run = &trace.run;
    let tokens = trace.output.iter().map(|token| {
        let candidates =
            token.candidates.iter().take(CANDIDATES).map(|one| json!([one.text, rounded(one.logprob.exp())]));
        json!({
            "text": token.text,
            "special": token.special,
            "p": rounded(token.logprob.exp()),
            "candidates": candidates.collect::<Vec<Value>>(),
        })
    });
    let similarity = trace.similarity.iter().map(|one| json!([one.text, rounded(one.probability)]));
    let lut = colormap(colormap_by_id("inferno").unwrap_or(0)).lut;
    let grid = Flattening::new(&trace.layout, Combine::default()).grid();
    json!({
        "tokens": tokens.collect::<Vec<Value>>(),
        "whole": whole_answer(trace),
        "similarity": similarity.collect::<Vec<Value>>(),
        "grid": [grid.rows, grid.cols],
        "photo": [photo.width_px, photo.height_px],
        "photo_name": run.image_path,
        "seen": trace.layout.seen_px().edges(),
        "model": run.model_id,
        "question": run.prompt,
        "strategy": run.decoding(),
        "temperature": run.temperature,
        "seed": run.seed,
        "beams": run.beams,
        "weights": run.weight_hash,
        "photo_hash": run.image_hash,
        "version": env!("CARGO_PKG_VERSION"),
        "has_cls": trace.vision.as_deref().is_none_or(VisionAttention::has_cls),
        "feature_layer": trace.vision.as_ref().map(|vision| vision.feature_layer_idx),
        "warnings": trace.warnings,
        "colours": STANDARD.encode(lut.concat()),
    })
}

/// Four digits say enough of a probability.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

/// As browsers inflate it again (zlib).
fn deflated(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, 6)
}
