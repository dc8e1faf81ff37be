//! A scene as PDF: letters are letters in embedded fonts, lines are lines, images keep their own pixels. No dates, no
//! random names.

use super::font::{Face, Typeface, truetype};
use super::pixels::{Embedded, embedded};
use super::scene::{Anchor, Node, Paint, Picture, Scene, Shape, Text};
use super::{DRAWN, FigureError, Watch, embed};
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::writers::Resources;
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Of the compression: its default.
const LEVEL: u8 = 6;
const IDENTITY: SystemInfo<'static> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Hands out the numbers of objects.
struct Ids(i32);

impl Ids {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

/// What the page's content refers to.
#[derive(Default)]
struct Used {
    images: Vec<(String, Embedded)>,
    /// By key.
    shared: BTreeMap<String, usize>,
    /// Opacities in 1/1000.
    opacities: BTreeMap<u32, String>,
    /// By face.
    letters: Vec<Letters>,
}

/// What is drawn of a face.
#[derive(Default)]
struct Letters {
    /// By glyph: its number in the embedded font, and its letter.
    by_glyph: BTreeMap<u16, (u16, char)>,
    /// Letters and glyphs by that number less 1, for a font that is made of them.
    made: Vec<(char, u16)>,
}

impl Letters {
    /// The number of a glyph in the embedded font: its own, unless that is made for this figure.
    fn code(&mut self, face: &Face, glyph: u16, letter: char) -> u16 {
        let Self { by_glyph, made } = self;
        let (code, _) = by_glyph.entry(glyph).or_insert_with(|| {
            if !face.outside || glyph == 0 {
                return (glyph, letter);
            }
            made.push((letter, glyph));
            (u16::try_from(made.len()).unwrap_or(0), letter)
        });
        *code
    }
}

fn font_name(place: usize) -> String {
    format!("F{}", place + 1)
}

/// Writes a scene.
pub(super) fn write(scene: &Scene, watch: &mut Watch<'_>) -> Result<Vec<u8>, FigureError> {
    let mut used = Used::default();
    used.letters.resize_with(scene.typeface.faces().len(), Letters::default);
    let content = content(scene, &mut used, watch)?;
    let mut ids = Ids(0);
    let (catalog, tree, page_id, content_id, metadata, info) =
        (ids.next(), ids.next(), ids.next(), ids.next(), ids.next(), ids.next());
    let images: Vec<(Ref, Ref)> = used.images.iter().map(|_| (ids.next(), ids.next())).collect();
    let states: Vec<Ref> = used.opacities.iter().map(|_| ids.next()).collect();
    let fonts: Vec<(usize, Ref)> = used
        .letters
        .iter()
        .enumerate()
        .filter(|(_, letters)| !letters.by_glyph.is_empty())
        .map(|(place, _)| (place, ids.next()))
        .collect();

    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    let mut root = pdf.catalog(catalog);
    root.pages(tree).metadata(metadata);
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    pdf.pages(tree).kids([page_id]).count(1);
    let mut page = pdf.page(page_id);
    page.media_box(Rect::new(0.0, 0.0, narrow(scene.width), narrow(scene.height))).parent(tree).contents(content_id);
    // Opacities mix in the colours of the screen, as everywhere in gazelens.
    page.group().transparency().isolated(true).knockout(false).color_space().device_rgb();
    let mut resources = page.resources();
    name_resources(&mut resources, &used, &images, &states, &fonts);
    resources.finish();
    page.finish();

    watch.at(|| "Packing the pictures".to_owned(), DRAWN[1])?;
    let packed = compress_to_vec_zlib(&content, LEVEL);
    pdf.stream(content_id, &packed).filter(Filter::FlateDecode);
    for ((_, image), (id, mask)) in used.images.iter().zip(&images) {
        write_image(&mut pdf, image, *id, *mask);
    }
    for (opacity, id) in used.opacities.keys().zip(&states) {
        let opacity = narrow(f64::from(*opacity) / 1000.0);
        pdf.ext_graphics(*id).non_stroking_alpha(opacity).stroking_alpha(opacity);
    }
    for (place, id) in fonts {
        if let Some((face, letters)) = scene.typeface.faces().get(place).zip(used.letters.get(place)) {
            write_font(&mut pdf, face, letters, id, &mut ids);
        }
    }
    let packet = embed::xmp(&scene.title, &scene.recipe);
    pdf.metadata(metadata, packet.as_bytes());
    let mut about = pdf.document_info(info);
    about.title(TextStr(&scene.title)).creator(TextStr("gazelens")).producer(TextStr("gazelens"));
    about.finish();
    Ok(pdf.finish())
}

/// Names of pictures, opacities and fonts.
fn name_resources(
    resources: &mut Resources<'_>,
    used: &Used,
    images: &[(Ref, Ref)],
    states: &[Ref],
    fonts: &[(usize, Ref)],
) {
    let mut objects = resources.x_objects();
    for ((name, _), (id, _)) in used.images.iter().zip(images) {
        objects.pair(Name(name.as_bytes()), *id);
    }
    objects.finish();
    let mut graphics = resources.ext_g_states();
    for (name, id) in used.opacities.values().zip(states) {
        graphics.pair(Name(name.as_bytes()), *id);
    }
    graphics.finish();
    let mut faces = resources.fonts();
    for (place, id) in fonts {
        faces.pair(Name(font_name(*place).as_bytes()), *id);
    }
    faces.finish();
}

fn content(scene: &Scene, used: &mut Used, watch: &mut Watch<'_>) -> Result<Vec<u8>, FigureError> {
    let mut content = Content::new();
    // From the top left corner down, as the scene has it.
    let height = scene.height;
    for (idx, group) in scene.groups.iter().enumerate() {
        watch.panel("Drawing", [idx, scene.groups.len()], DRAWN)?;
        for node in &group.nodes {
            match node {
                Node::Picture(item) => picture(item, height, used, &mut content),
                Node::Shape(item) => shape(item, height, used, &mut content),
                Node::Text(item) => text(item, &scene.typeface, height, used, &mut content),
            }
        }
    }
    Ok(content.finish().into_vec())
}

fn picture(picture: &Picture, height: f64, used: &mut Used, content: &mut Content) {
    for image in embedded(picture) {
        let rect = image.rect;
        let known = image.shared.as_ref().and_then(|key| used.shared.get(key).copied());
        let idx = known.unwrap_or_else(|| {
            let idx = used.images.len();
            if let Some(key) = &image.shared {
                used.shared.insert(key.clone(), idx);
            }
            used.images.push((format!("I{}", idx + 1), image));
            idx
        });
        let Some((name, _)) = used.images.get(idx) else { continue };
        let place = [rect.w, 0.0, 0.0, rect.h, rect.x, height - rect.bottom()].map(narrow);
        content.save_state().transform(place).x_object(Name(name.as_bytes())).restore_state();
    }
}

fn shape(shape: &Shape, height: f64, used: &mut Used, content: &mut Content) {
    if let Some(fill) = shape.fill {
        content.save_state();
        opacity(fill, used, content);
        let [r, g, b] = colour(fill.rgb);
        content.set_fill_rgb(r, g, b);
        path(shape, height, content);
        content.fill_even_odd().restore_state();
    }
    if let Some((paint, width)) = shape.stroke {
        content.save_state();
        opacity(paint, used, content);
        let [r, g, b] = colour(paint.rgb);
        content.set_stroke_rgb(r, g, b).set_line_width(narrow(width)).set_line_join(LineJoinStyle::RoundJoin);
        path(shape, height, content);
        content.stroke().restore_state();
    }
}

fn path(shape: &Shape, height: f64, content: &mut Content) {
    for line in &shape.lines {
        for (idx, [x, y]) in line.points.iter().enumerate() {
            let (x, y) = (narrow(*x), narrow(height - y));
            if idx == 0 {
                content.move_to(x, y);
            } else {
                content.line_to(x, y);
            }
        }
        if line.closed {
            content.close_path();
        }
    }
}

fn opacity(paint: Paint, used: &mut Used, content: &mut Content) {
    if paint.opacity >= 1.0 {
        return;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 first")]
    let key = (paint.opacity.clamp(0.0, 1.0) * 1000.0).round() as u32;
    let name = used.opacities.entry(key).or_insert_with(|| format!("G{key}"));
    content.set_parameters(Name(name.as_bytes()));
}

fn text(text: &Text, typeface: &Typeface, height: f64, used: &mut Used, content: &mut Content) {
    let width = || typeface.width(&text.text, text.bold, text.size);
    let mut along = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width() / 2.0,
        Anchor::End => -width(),
    };
    let [r, g, b] = colour(text.rgb);
    content.begin_text().set_fill_rgb(r, g, b);
    let glyphs: Vec<_> = text.text.chars().map(|letter| (letter, typeface.glyph(letter, text.bold))).collect();
    for run in glyphs.chunk_by(|(_, a), (_, b)| a.face == b.face) {
        let place = run.first().map_or(0, |(_, glyph)| glyph.face);
        let (Some(face), Some(letters)) = (typeface.faces().get(place), used.letters.get_mut(place)) else { continue };
        let codes: Vec<u8> =
            run.iter().flat_map(|(letter, glyph)| letters.code(face, glyph.glyph, *letter).to_be_bytes()).collect();
        let (x, y) = (text.x, height - text.y);
        let matrix =
            if text.upwards { [0.0, 1.0, -1.0, 0.0, x, y + along] } else { [1.0, 0.0, 0.0, 1.0, x + along, y] };
        content.set_font(Name(font_name(place).as_bytes()), narrow(text.size));
        content.set_text_matrix(matrix.map(narrow)).show(Str(&codes));
        along += run.iter().map(|(_, glyph)| glyph.advance).sum::<f64>() * text.size;
    }
    content.end_text();
}

fn write_image(pdf: &mut Pdf, image: &Embedded, id: Ref, mask_id: Ref) {
    let [w, h] = image.size.map(|side| i32::try_from(side).unwrap_or(i32::MAX));
    let rgb = compress_to_vec_zlib(&image.rgb, LEVEL);
    let mut object = pdf.image_xobject(id, &rgb);
    object.filter(Filter::FlateDecode);
    object.width(w).height(h).bits_per_component(8).interpolate(image.smooth);
    object.color_space().device_rgb();
    if image.alpha.is_some() {
        object.s_mask(mask_id);
    }
    object.finish();
    if let Some(alpha) = &image.alpha {
        let alpha = compress_to_vec_zlib(alpha, LEVEL);
        let mut object = pdf.image_xobject(mask_id, &alpha);
        object.filter(Filter::FlateDecode);
        object.width(w).height(h).bits_per_component(8).interpolate(image.smooth);
        object.color_space().device_gray();
        object.finish();
    }
}

/// A font by glyph numbers, the bundled one whole, others as far as they are used, with what each glyph means: that
/// makes text selectable.
fn write_font(pdf: &mut Pdf, face: &Face, letters: &Letters, id: Ref, ids: &mut Ids) {
    let (cid, descriptor, file, cmap) = (ids.next(), ids.next(), ids.next(), ids.next());
    let name = Name(face.name.as_bytes());
    let units = |value: f64| narrow(value * 1000.0 / face.units);
    pdf.type0_font(id).base_font(name).encoding_predefined(Name(b"Identity-H")).descendant_font(cid).to_unicode(cmap);
    let mut font = pdf.cid_font(cid);
    font.subtype(CidFontType::Type2).base_font(name).system_info(IDENTITY).font_descriptor(descriptor);
    font.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
    let advance = |glyph: u16| units(face.advances.get(usize::from(glyph)).copied().unwrap_or(0.0));
    if face.outside {
        let made = letters.made.iter().map(|(_, glyph)| *glyph);
        font.widths().consecutive(0, std::iter::once(0).chain(made).map(advance));
    } else {
        font.widths().consecutive(0, face.advances.iter().map(|advance| units(*advance)));
    }
    font.finish();
    let [left, bottom, right, top] = face.bounds.map(units);
    let [ascent, descent, capitals] = face.heights.map(units);
    let mut about = pdf.font_descriptor(descriptor);
    about.name(name).flags(FontFlags::NON_SYMBOLIC).bbox(Rect::new(left, bottom, right, top)).italic_angle(0.0);
    about.ascent(ascent).descent(descent).cap_height(capitals).stem_v(88.0).font_file2(file);
    about.finish();
    let whole = if face.outside { Cow::Owned(truetype(face, &letters.made)) } else { Cow::Borrowed(&*face.bytes) };
    let bytes = compress_to_vec_zlib(&whole, LEVEL);
    let mut stream = pdf.stream(file, &bytes);
    stream.filter(Filter::FlateDecode);
    stream.pair(Name(b"Length1"), i32::try_from(whole.len()).unwrap_or(i32::MAX));
    stream.finish();
    let mut meanings = UnicodeCmap::new(Name(b"Custom"), IDENTITY);
    for (code, letter) in letters.by_glyph.values() {
        meanings.pair(*code, *letter);
    }
    pdf.cmap(cmap, &meanings.finish());
}

fn colour(rgb: [u8; 3]) -> [f32; 3] {
    rgb.map(|c| f32::from(c) / 255.0)
}

fn narrow(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "places on a page")]
    let narrow = value as f32;
    narrow
}
