//! A scene as SVG: letters are letters in an embedded font, lines are lines, images keep their own pixels.

use super::font::{FAMILY, truetype};
use super::pixels::{Embedded, embedded};
use super::png_file;
use super::scene::{Anchor, Group, Node, PT_PER_MM, Paint, Picture, Rect, Scene, Shape, Text};
use super::xml::escaped;
use super::{DRAWN, FigureError, Watch, embed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Name of the embedded font: the system's of that name may have other widths.
const EMBEDDED: &str = "gazelens Open Sans";
/// Name of what is embedded of a typeface of somebody's.
const OUTSIDE: &str = "gazelens typeface";

/// Writes a scene.
pub(super) fn write(scene: &Scene, watch: &mut Watch<'_>) -> Result<String, FigureError> {
    let mut svg = String::with_capacity(1 << 20);
    let (w, h) = (number(scene.width), number(scene.height));
    let (mm_w, mm_h) = (number(scene.width / PT_PER_MM), number(scene.height / PT_PER_MM));
    let title = escaped(&scene.title);
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" \
         xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"{mm_w}mm\" height=\"{mm_h}mm\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" aria-labelledby=\"figure-title\">\n<title \
             id=\"figure-title\">{title}</title>\n<metadata>\n{}\n</metadata>\n",
        embed::element(&scene.recipe)
    );
    style(scene, &mut svg);
    let mut photos = BTreeMap::new();
    let mut body = String::new();
    for (idx, item) in scene.groups.iter().enumerate() {
        watch.panel("Drawing", [idx, scene.groups.len()], DRAWN)?;
        group(item, &mut photos, &mut body);
    }
    if !photos.is_empty() {
        svg.push_str("<defs>\n");
        for (id, definition) in photos.into_values() {
            let _ = writeln!(svg, "<g id=\"{id}\">{definition}</g>");
        }
        svg.push_str("</defs>\n");
    }
    let _ = writeln!(svg, "<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>");
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The fonts that are used, and how text is set: without kerning, as it was measured.
fn style(scene: &Scene, svg: &mut String) {
    svg.push_str("<style>\n");
    let typeface = &scene.typeface;
    let mut used: Vec<BTreeMap<char, u16>> = vec![BTreeMap::new(); typeface.faces().len()];
    for text in scene.texts() {
        for letter in text.text.chars() {
            let glyph = typeface.glyph(letter, text.bold);
            if let Some(letters) = used.get_mut(glyph.face) {
                letters.insert(letter, glyph.glyph);
            }
        }
    }
    for (place, (face, letters)) in
        typeface.faces().iter().zip(&used).enumerate().filter(|(_, (_, used))| !used.is_empty())
    {
        let (family, weight) = (if face.outside { OUTSIDE } else { EMBEDDED }, if place % 2 == 0 { 400 } else { 700 });
        let font = if face.outside {
            // The box of what is missing is nobody's letter.
            let letters: Vec<(char, u16)> =
                letters.iter().map(|(a, b)| (*a, *b)).filter(|(_, glyph)| *glyph > 0).collect();
            STANDARD.encode(truetype(face, &letters))
        } else {
            STANDARD.encode(&*face.bytes)
        };
        let _ = writeln!(
            svg,
            "@font-face{{font-family:\"{family}\";font-weight:{weight};src:url(data:font/ttf;base64,{font}) \
                format(\"truetype\")}}"
        );
    }
    // A face that is not there in bold is set as it is: made bolder by the reader it would be wider than measured.
    let (before, after, made) = match (typeface.faces().iter().any(|face| face.outside), typeface.own_first()) {
        (false, _) => (String::new(), String::new(), ""),
        (true, true) => (format!("\"{OUTSIDE}\","), String::new(), "font-synthesis:none;"),
        (true, false) => (String::new(), format!("\"{OUTSIDE}\","), "font-synthesis:none;"),
    };
    let _ = writeln!(
        svg,
        "text{{font-family:{before}\"{EMBEDDED}\",{after}\"{FAMILY}\",\"Noto \
            Sans\",Arial,sans-serif;{made}font-kerning:none;\
         font-variant-ligatures:none;white-space:pre}}\n</style>"
    );
}

/// Photos by key: their id and their definition.
type Photos = BTreeMap<String, (String, String)>;

fn group(group: &Group, photos: &mut Photos, svg: &mut String) {
    let _ = write!(svg, "<g id=\"{}\">", escaped(&group.id));
    if !group.description.is_empty() {
        let _ = write!(svg, "<title>{}</title>", escaped(&group.description));
    }
    svg.push('\n');
    for node in &group.nodes {
        match node {
            Node::Picture(item) => picture(item, photos, svg),
            Node::Shape(item) => shape(item, svg),
            Node::Text(item) => text(item, svg),
        }
    }
    svg.push_str("</g>\n");
}

fn picture(picture: &Picture, photos: &mut Photos, svg: &mut String) {
    for image in embedded(picture) {
        let Rect { x, y, w, h } = image.rect;
        let Some(key) = &image.shared else {
            let place =
                format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", number(x), number(y), number(w), number(h));
            let _ = writeln!(svg, "{}", element(&image, &place));
            continue;
        };
        let next = photos.len() + 1;
        let (id, _) = photos.entry(key.clone()).or_insert_with(|| {
            let place = "width=\"1\" height=\"1\"";
            (format!("photo-{next}"), element(&image, place))
        });
        let _ = writeln!(
            svg,
            "<use xlink:href=\"#{id}\" transform=\"translate({} {}) scale({} {})\"/>",
            number(x),
            number(y),
            number(w),
            number(h)
        );
    }
}

fn element(image: &Embedded, place: &str) -> String {
    let png = STANDARD.encode(png_file::embedded(image));
    // Two names for one wish: readers of SVG 1.1 know the first, browsers the second.
    let sharp =
        if image.smooth { "" } else { " image-rendering=\"optimizeSpeed\" style=\"image-rendering:pixelated\"" };
    format!("<image {place} preserveAspectRatio=\"none\"{sharp} xlink:href=\"data:image/png;base64,{png}\"/>")
}

fn shape(shape: &Shape, svg: &mut String) {
    let mut path = String::new();
    for line in &shape.lines {
        for (idx, [x, y]) in line.points.iter().enumerate() {
            let command = if idx == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{} {}", number(*x), number(*y));
        }
        if line.closed {
            path.push('Z');
        }
    }
    let fill = shape.fill.map_or_else(|| "fill=\"none\"".to_owned(), |paint| paint_attributes("fill", paint));
    let stroke = shape.stroke.map_or_else(String::new, |(paint, width)| {
        let attributes = paint_attributes("stroke", paint);
        format!(" {attributes} stroke-width=\"{}\" stroke-linejoin=\"round\"", number(width))
    });
    let _ = writeln!(svg, "<path d=\"{path}\" {fill} fill-rule=\"evenodd\"{stroke}/>");
}

fn paint_attributes(what: &str, Paint { rgb: [r, g, b], opacity }: Paint) -> String {
    let opacity = if opacity < 1.0 { format!(" {what}-opacity=\"{}\"", number(opacity)) } else { String::new() };
    format!("{what}=\"#{r:02x}{g:02x}{b:02x}\"{opacity}")
}

fn text(text: &Text, svg: &mut String) {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let [r, g, b] = text.rgb;
    let weight = if text.bold { " font-weight=\"700\"" } else { "" };
    let place = if text.upwards {
        format!("transform=\"translate({} {}) rotate(-90)\"", number(text.x), number(text.y))
    } else {
        format!("x=\"{}\" y=\"{}\"", number(text.x), number(text.y))
    };
    let _ = writeln!(
        svg,
        "<text {place} font-size=\"{}\"{weight}{anchor} fill=\"#{r:02x}{g:02x}{b:02x}\" \
            xml:space=\"preserve\">{}</text>",
        number(text.size),
        escaped(&text.text)
    );
}

/// Four decimals at most: a hundred-thousandth of an inch.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
