//! Typefaces, the bundled one and those of files: widths for the layout, outlines for pixels, files for the other
//! writers.
//!
//! There is no kerning and no hinting, so a line is as long in every file as the layout thinks.

mod file;
mod typeface;

pub(super) use file::truetype;
pub(super) use typeface::Typeface;

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::TableProvider as _;
use skrifa::raw::tables::glyf::Glyph;
use skrifa::string::StringId;
use skrifa::{FontRef, GlyphId, MetadataProvider as _};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Its name in files.
pub(super) const FAMILY: &str = "Open Sans";

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/OpenSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/OpenSans-Bold.ttf");

/// Largest font file that is read: all of Chinese, Japanese and Korean in one has 20 MB.
const MOST_BYTES: usize = 64 << 20;
/// Glyphs that one is put together of, and those of these.
const MOST_PARTS: usize = 64;
/// More than Unicode has letters.
const MOST_LETTERS: usize = 300_000;
/// Of `fsType`: "must not be modified, embedded or exchanged in any manner".
const RESTRICTED: u16 = 2;

/// Part of the size that letters reach above the baseline.
pub(super) const ASCENT: f64 = 0.76;
/// Part of the size from one baseline to the next.
pub(super) const LINE: f64 = 1.28;

/// One weight of a typeface.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Face {
    /// The font file.
    pub(super) bytes: Cow<'static, [u8]>,
    /// Name in PDF.
    pub(super) name: String,
    /// Whether it came from a file of somebody's: what is embedded is then made of its outlines, letter by letter.
    pub(super) outside: bool,
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

static FACES: LazyLock<[Arc<Face>; 2]> = LazyLock::new(|| {
    let face = |bytes: &'static [u8], name| {
        // Without glyphs where the file is damaged: tests hold that it is not.
        let empty = || Face::empty(Cow::Borrowed(bytes), name);
        Arc::new(Face::read(Cow::Borrowed(bytes), name, false).unwrap_or_else(|_| empty()))
    };
    [face(REGULAR, "OpenSans-Regular"), face(BOLD, "OpenSans-Bold")]
});

impl Face {
    fn empty(bytes: Cow<'static, [u8]>, name: &str) -> Self {
        Self {
            bytes,
            name: name.to_owned(),
            outside: false,
            units: 2048.0,
            heights: [0.0; 3],
            bounds: [0.0; 4],
            glyphs: BTreeMap::new(),
            advances: Vec::new(),
        }
    }

    /// A font of somebody's, or what it has instead of letters, in words.
    pub(super) fn outside(bytes: Vec<u8>) -> Result<Self, String> {
        if bytes.len() > MOST_BYTES {
            return Err(format!("{} bytes, more than {MOST_BYTES}", bytes.len()));
        }
        let face = Self::read(Cow::Owned(bytes), "", true)?;
        if face.glyphs.is_empty() {
            return Err("a font without letters".to_owned());
        }
        Ok(face)
    }

    fn read(bytes: Cow<'static, [u8]>, name: &str, outside: bool) -> Result<Self, String> {
        let mut face = Self { outside, ..Self::empty(Cow::Borrowed(&[]), name) };
        {
            let font = FontRef::from_index(&bytes, 0).map_err(|err| format!("other bytes ({err})"))?;
            if font.os2().is_ok_and(|table| table.fs_type() & 0x000f == RESTRICTED) {
                return Err("a font that forbids to be embedded".to_owned());
            }
            let metrics = font.metrics(Size::unscaled(), LocationRef::default());
            face.units = f64::from(metrics.units_per_em);
            if !(16.0..=16_384.0).contains(&face.units) {
                return Err(format!("an em square of {} units", face.units));
            }
            face.heights = [metrics.ascent, metrics.descent, metrics.cap_height.unwrap_or(0.0)].map(f64::from);
            face.bounds = metrics.bounds.map_or([0.0; 4], |b| [b.x_min, b.y_min, b.x_max, b.y_max].map(f64::from));
            let widths = font.glyph_metrics(Size::unscaled(), LocationRef::default());
            let count = font.maxp().map_or(0, |table| table.num_glyphs());
            let advance = |glyph: u16| widths.advance_width(GlyphId::from(glyph)).map_or(0.0, f64::from);
            face.advances = (0..count).map(advance).collect();
            for (code, glyph) in font.charmap().mappings().take(MOST_LETTERS) {
                if let (Some(letter), Ok(glyph)) = (char::from_u32(code), u16::try_from(glyph.to_u32())) {
                    let drawn = glyph > 0 && glyph < count;
                    if drawn || !outside {
                        face.glyphs.insert(letter, (glyph, advance(glyph)));
                    }
                }
            }
            if outside {
                face.name = embedded_name(&font);
            }
        }
        face.bytes = bytes;
        Ok(face)
    }

    /// Whether there is a glyph for it.
    pub(super) fn has(&self, letter: char) -> bool {
        self.glyphs.contains_key(&letter)
    }

    /// The glyph of a letter; the box of what is missing where there is none.
    fn glyph(&self, letter: char) -> (u16, f64) {
        let missing = (0, self.advances.first().copied().unwrap_or(0.0));
        self.glyphs.get(&letter).copied().unwrap_or(missing)
    }

    /// Draws a glyph.
    pub(super) fn outline(&self, glyph: u16, pen: &mut dyn Pen) {
        let Ok(font) = FontRef::from_index(&self.bytes, 0) else { return };
        if self.outside && !is_sound(&font, GlyphId::from(glyph), &mut { MOST_PARTS }) {
            return;
        }
        let Some(outline) = font.outline_glyphs().get(GlyphId::from(glyph)) else { return };
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        // What cannot be drawn is left out; tests draw every glyph of the bundled typeface.
        let _ = outline.draw(settings, &mut Adapter { pen, at: [0.0; 2] });
    }
}

/// Whether a TrueType glyph and those that it is put together of have points: a damaged one that has none makes its
/// reader panic.
fn is_sound(font: &FontRef<'_>, glyph: GlyphId, parts_left: &mut usize) -> bool {
    let Some(left) = parts_left.checked_sub(1) else { return false };
    *parts_left = left;
    let (Ok(loca), Ok(glyf)) = (font.loca(None), font.glyf()) else { return true };
    match loca.get_glyf(glyph, &glyf) {
        Ok(Some(Glyph::Simple(simple))) => simple.num_points() > 0,
        Ok(Some(Glyph::Composite(composite))) => {
            composite.components().all(|part| is_sound(font, part.glyph.into(), parts_left))
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Six letters and a plus say that only a part is embedded.
fn embedded_name(font: &FontRef<'_>) -> String {
    let name = font.localized_strings(StringId::POSTSCRIPT_NAME).english_or_first();
    let name: String = name
        .map(|name| name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect())
        .unwrap_or_default();
    format!("GAZELE+{}", if name.is_empty() { "Typeface" } else { &name })
}

struct Adapter<'a> {
    pen: &'a mut dyn Pen,
    /// Where the pen stands.
    at: [f64; 2],
}

impl OutlinePen for Adapter<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = [x, y].map(f64::from);
        self.pen.move_to(self.at);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = [x, y].map(f64::from);
        self.pen.line_to(self.at);
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        self.at = [x, y].map(f64::from);
        self.pen.quad_to([cx0, cy0].map(f64::from), self.at);
    }

    /// Cubic curves are of PostScript outlines; four pieces of each are as good as quadratic.
    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let points = [self.at, [cx0, cy0].map(f64::from), [cx1, cy1].map(f64::from), [x, y].map(f64::from)];
        let [start, first, second, end] = points;
        let along = |t: f64, axis: usize| {
            let u = 1.0 - t;
            let [p0, p1, p2, p3] = points.map(|point| point[axis]);
            let value = u * u * u * p0 + 3.0 * u * u * t * p1 + 3.0 * u * t * t * p2 + t * t * t * p3;
            let slope = 3.0 * (u * u * (p1 - p0) + 2.0 * u * t * (p2 - p1) + t * t * (p3 - p2));
            (value, slope)
        };
        // Where both handles lie on the line there is no curve.
        if [first, second] == [start, end] {
            self.pen.line_to(end);
        } else {
            const PIECES: f64 = 4.0;
            for piece in [0.0, 1.0, 2.0, 3.0] {
                let (from, to) = (piece / PIECES, (piece + 1.0) / PIECES);
                let coordinate = |axis: usize| {
                    let ((p0, s0), (p3, s3)) = (along(from, axis), along(to, axis));
                    // The handles of the piece, and the one handle of the nearest quadratic curve.
                    let third = (to - from) / 3.0;
                    let control = (3.0 * (p0 + s0 * third) + 3.0 * (p3 - s3 * third) - p0 - p3) / 4.0;
                    (control, p3)
                };
                let ((cx, x), (cy, y)) = (coordinate(0), coordinate(1));
                self.pen.quad_to([cx, cy], [x, y]);
            }
        }
        self.at = end;
    }

    fn close(&mut self) {
        self.pen.close();
    }
}

/// The text as it can be set: line breaks and tabs as spaces, look-alikes for what has no glyph, other control
/// characters left out.
pub(super) fn settable(text: &str) -> String {
    let known = |letter: char| FACES[0].has(letter);
    let replaced = text.chars().filter_map(|letter| match letter {
        '\n' | '\t' | '\r' | '\u{2581}' => Some(' '),
        _ if letter.is_control() => None,
        '\u{2009}' | '\u{202f}' => Some(' '),
        '\u{2192}' if !known(letter) => Some('>'),
        _ => Some(letter),
    });
    replaced.collect()
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
        for face in FACES.iter() {
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
    fn a_cubic_curve_goes_through_its_middle() {
        struct Ends(Vec<[f64; 2]>);
        impl Pen for Ends {
            fn move_to(&mut self, to: [f64; 2]) {
                self.0.push(to);
            }
            fn line_to(&mut self, to: [f64; 2]) {
                self.0.push(to);
            }
            fn quad_to(&mut self, _: [f64; 2], to: [f64; 2]) {
                self.0.push(to);
            }
            fn close(&mut self) {}
        }
        let mut ends = Ends(Vec::new());
        let mut adapter = Adapter { pen: &mut ends, at: [0.0; 2] };
        adapter.move_to(0.0, 0.0);
        adapter.curve_to(0.0, 100.0, 100.0, 100.0, 100.0, 0.0);
        assert_eq!(ends.0.len(), 5, "a start and four pieces");
        assert!(
            (ends.0[2][0] - 50.0).abs() < 1e-9 && (ends.0[2][1] - 75.0).abs() < 1e-9,
            "its middle: {:?}",
            ends.0[2]
        );
        assert!((ends.0[4][0] - 100.0).abs() + ends.0[4][1].abs() < 1e-9, "its end: {:?}", ends.0[4]);
    }
}
