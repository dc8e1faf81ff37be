//! The bundled typeface: widths for the layout, outlines for pixels, files for the other writers.
//!
//! There is no kerning and no hinting, so a line is as long in every file as the layout thinks.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::TableProvider as _;
use skrifa::{FontRef, GlyphId, MetadataProvider as _};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Its name in files.
pub(super) const FAMILY: &str = "Open Sans";

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/OpenSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/OpenSans-Bold.ttf");

/// Part of the size that letters reach above the baseline.
pub(super) const ASCENT: f64 = 0.76;
/// Part of the size from one baseline to the next.
pub(super) const LINE: f64 = 1.28;

/// One weight of the typeface.
pub(super) struct Face {
    /// The font file.
    pub(super) bytes: &'static [u8],
    /// Name in PDF.
    pub(super) name: &'static str,
    /// Units of the em square.
    pub(super) units: f64,
    /// Ascender, descender, height of capitals; in units.
    pub(super) heights: [f64; 3],
    /// Bounding box of all glyphs, in units: left, bottom, right, top.
    pub(super) bounds: [f64; 4],
    glyphs: BTreeMap<char, (u16, f64)>,
    /// By glyph, in units.
    pub(super) advances: Vec<f64>,
}

/// What a glyph's outline is drawn with. **Units**: those of the face, upwards.
pub(super) trait Pen {
    fn move_to(&mut self, to: [f64; 2]);
    fn line_to(&mut self, to: [f64; 2]);
    fn quad_to(&mut self, control: [f64; 2], to: [f64; 2]);
    fn close(&mut self);
}

static FACES: LazyLock<[Face; 2]> =
    LazyLock::new(|| [Face::new(REGULAR, "OpenSans-Regular"), Face::new(BOLD, "OpenSans-Bold")]);

/// The face of a weight.
pub(super) fn face(bold: bool) -> &'static Face {
    &FACES[usize::from(bold)]
}

impl Face {
    /// A face without glyphs where the file is damaged: tests hold that it is not.
    fn new(bytes: &'static [u8], name: &'static str) -> Self {
        let mut face = Self {
            bytes,
            name,
            units: 2048.0,
            heights: [0.0; 3],
            bounds: [0.0; 4],
            glyphs: BTreeMap::new(),
            advances: Vec::new(),
        };
        let Ok(font) = FontRef::new(bytes) else { return face };
        let metrics = font.metrics(Size::unscaled(), LocationRef::default());
        face.units = f64::from(metrics.units_per_em);
        face.heights = [metrics.ascent, metrics.descent, metrics.cap_height.unwrap_or(0.0)].map(f64::from);
        face.bounds = metrics.bounds.map_or([0.0; 4], |b| [b.x_min, b.y_min, b.x_max, b.y_max].map(f64::from));
        let widths = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let count = font.maxp().map_or(0, |table| table.num_glyphs());
        let advance = |glyph: u16| widths.advance_width(GlyphId::from(glyph)).map_or(0.0, f64::from);
        face.advances = (0..count).map(advance).collect();
        for (code, glyph) in font.charmap().mappings() {
            if let (Some(letter), Ok(glyph)) = (char::from_u32(code), u16::try_from(glyph.to_u32())) {
                face.glyphs.insert(letter, (glyph, advance(glyph)));
            }
        }
        face
    }

    /// Whether there is a glyph for it.
    pub(super) fn has(&self, letter: char) -> bool {
        self.glyphs.contains_key(&letter)
    }

    /// The glyph of a letter; the box of what is missing where there is none.
    pub(super) fn glyph(&self, letter: char) -> (u16, f64) {
        let missing = (0, self.advances.first().copied().unwrap_or(0.0));
        self.glyphs.get(&letter).copied().unwrap_or(missing)
    }

    /// Length of a line. **Units** those of `size`.
    pub(super) fn width(&self, text: &str, size: f64) -> f64 {
        text.chars().map(|letter| self.glyph(letter).1).sum::<f64>() / self.units * size
    }

    /// Draws a glyph.
    pub(super) fn outline(&self, glyph: u16, pen: &mut dyn Pen) {
        let Ok(font) = FontRef::new(self.bytes) else { return };
        let Some(outline) = font.outline_glyphs().get(GlyphId::from(glyph)) else { return };
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        // What cannot be drawn is left out; tests draw every glyph.
        let _ = outline.draw(settings, &mut Adapter(pen));
    }
}

struct Adapter<'a>(&'a mut dyn Pen);

impl OutlinePen for Adapter<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to([x, y].map(f64::from));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to([x, y].map(f64::from));
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        self.0.quad_to([cx0, cy0].map(f64::from), [x, y].map(f64::from));
    }

    fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, x: f32, y: f32) {
        // TrueType outlines have no such curves.
        self.0.line_to([x, y].map(f64::from));
    }

    fn close(&mut self) {
        self.0.close();
    }
}

/// The text as it can be set: line breaks and tabs as spaces, look-alikes for what has no glyph, other control characters left out.
pub(super) fn settable(text: &str) -> String {
    let known = |letter: char| face(false).has(letter);
    let replaced = text.chars().filter_map(|letter| match letter {
        '\n' | '\t' | '\r' | '\u{a0}' | '\u{2581}' => Some(' '),
        _ if letter.is_control() => None,
        '\u{2009}' | '\u{202f}' => Some(' '),
        '\u{2192}' if !known(letter) => Some('>'),
        _ => Some(letter),
    });
    replaced.collect()
}

/// Letters of a text that the typeface lacks.
pub(super) fn missing(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|letter| !face(false).has(*letter))
}

/// Breaks a text into lines no longer than `width`; a word that is longer is broken within.
pub(super) fn wrap(text: &str, bold: bool, size: f64, width: f64) -> Vec<String> {
    let face = face(bold);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let candidate = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if face.width(&candidate, size) <= width {
            line = candidate;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            line.push(letter);
            if face.width(&line, size) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::take(&mut line));
                line.push(letter);
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(usize);

    impl Pen for Count {
        fn move_to(&mut self, _: [f64; 2]) {
            self.0 += 1;
        }
        fn line_to(&mut self, _: [f64; 2]) {
            self.0 += 1;
        }
        fn quad_to(&mut self, _: [f64; 2], _: [f64; 2]) {
            self.0 += 1;
        }
        fn close(&mut self) {}
    }

    #[test]
    fn both_faces_have_every_sign_that_figures_use() {
        for bold in [false, true] {
            let face = face(bold);
            assert!((face.units - 2048.0).abs() < 1e-9 && face.heights[0] > 2000.0, "{} was read", face.name);
            for letter in "azAZ09äßéøłΔαЖ“”‘’–—…×−≤≥≈∞()[]<>%.,:;!?/'\"#&*+=_|~°".chars()
            {
                assert!(face.has(letter), "{} has no {letter}", face.name);
                let mut pen = Count(0);
                face.outline(face.glyph(letter).0, &mut pen);
                assert!(pen.0 > 2, "{} draws {letter}", face.name);
            }
        }
    }

    #[test]
    fn lines_are_no_longer_than_asked_for_and_lose_nothing() {
        let text = "share of the attention on the image, Donaudampfschifffahrtsgesellschaft and more";
        let lines = wrap(text, false, 7.0, 60.0);
        assert!(lines.iter().all(|line| face(false).width(line, 7.0) <= 60.0), "{lines:?}");
        let letters = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(text), "every letter is there");
    }
}
