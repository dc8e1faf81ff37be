//! A font file of the letters that a figure has, made of their outlines alone: no byte of a file from outside is handed
//! on.

use super::{Face, Pen};

/// Coordinates lie within this, so that steps between them fit 16 bits.
const FURTHEST: f64 = 16_383.0;
/// As many letters at most have an entry that the oldest readers know too.
const MOST_SEGMENTS: usize = 8000;

/// A point of an outline, and whether the curve goes through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    x: i16,
    y: i16,
    on: bool,
}

#[derive(Debug, Default)]
struct Outline {
    contours: Vec<Vec<Point>>,
}

fn point([x, y]: [f64; 2], on: bool) -> Point {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to what fits; no number becomes 0")]
    let [x, y] = [x, y].map(|at| at.round().clamp(-FURTHEST, FURTHEST) as i16);
    Point { x, y, on }
}

impl Outline {
    fn push(&mut self, point: Point) {
        if let Some(contour) = self.contours.last_mut() {
            contour.push(point);
        }
    }
}

impl Pen for Outline {
    fn move_to(&mut self, to: [f64; 2]) {
        self.contours.push(vec![point(to, true)]);
    }

    fn line_to(&mut self, to: [f64; 2]) {
        self.push(point(to, true));
    }

    fn quad_to(&mut self, control: [f64; 2], to: [f64; 2]) {
        self.push(point(control, false));
        self.push(point(to, true));
    }

    fn close(&mut self) {
        // The way back to the start is not written.
        if let Some(contour) = self.contours.last_mut()
            && contour.len() > 1
            && contour.first() == contour.last()
        {
            contour.pop();
        }
    }
}

/// Glyphs of a face under new numbers, as a TrueType file: what is missing is 0, the first of `letters` is 1. Each has
/// its letter and its glyph in the face.
pub(in crate::figure) fn truetype(face: &Face, letters: &[(char, u16)]) -> Vec<u8> {
    let glyphs: Vec<(Outline, i16)> = std::iter::once(0)
        .chain(letters.iter().map(|(_, glyph)| *glyph))
        .map(|glyph| {
            let mut outline = Outline::default();
            face.outline(glyph, &mut outline);
            outline.contours.retain(|contour| contour.len() > 1);
            outline.contours.truncate(usize::from(u8::MAX) * 8);
            (outline, whole(face.advances.get(usize::from(glyph)).copied().unwrap_or(0.0)))
        })
        .collect();
    let (glyf, loca, boxes) = outlines(&glyphs);
    let tables: [(&[u8; 4], Vec<u8>); 10] = [
        (b"OS/2", os2(face, letters)),
        (b"cmap", cmap(letters)),
        (b"glyf", glyf),
        (b"head", head(face, &boxes)),
        (b"hhea", hhea(face, &glyphs)),
        (b"hmtx", hmtx(&glyphs, &boxes)),
        (b"loca", loca),
        (b"maxp", maxp(&glyphs)),
        (b"name", name(face)),
        (b"post", [&0x0003_0000_u32.to_be_bytes()[..], &[0; 28]].concat()),
    ];
    assembled(&tables)
}

fn whole(value: f64) -> i16 {
    point([value, 0.0], true).x
}

fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn words(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn unsigned(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// Left, bottom, right, top.
fn bounds(outline: &Outline) -> [i16; 4] {
    let points = || outline.contours.iter().flatten();
    let least = |part: fn(&Point) -> i16| points().map(part).min().unwrap_or(0);
    let most = |part: fn(&Point) -> i16| points().map(part).max().unwrap_or(0);
    [least(|p| p.x), least(|p| p.y), most(|p| p.x), most(|p| p.y)]
}

/// `glyf`, `loca` and the bounds of each glyph.
fn outlines(glyphs: &[(Outline, i16)]) -> (Vec<u8>, Vec<u8>, Vec<[i16; 4]>) {
    let (mut glyf, mut loca, mut boxes) = (Vec::new(), Vec::new(), Vec::new());
    let place = |glyf: &Vec<u8>| u32::try_from(glyf.len()).unwrap_or(u32::MAX).to_be_bytes();
    for (outline, _) in glyphs {
        loca.extend(place(&glyf));
        let around = bounds(outline);
        boxes.push(around);
        if outline.contours.is_empty() {
            continue;
        }
        glyf.extend(unsigned(&[short(outline.contours.len())]));
        glyf.extend(words(&around));
        let mut last = 0_usize;
        for contour in &outline.contours {
            last += contour.len();
            glyf.extend(unsigned(&[short(last - 1)]));
        }
        glyf.extend([0, 0]); // no instructions
        let points = || outline.contours.iter().flatten();
        glyf.extend(points().map(|point| u8::from(point.on)));
        for part in [(|p: &Point| p.x) as fn(&Point) -> i16, |p: &Point| p.y] {
            let mut before = 0;
            for at in points().map(part) {
                glyf.extend(words(&[at.wrapping_sub(before)]));
                before = at;
            }
        }
        while glyf.len() % 4 != 0 {
            glyf.push(0);
        }
    }
    loca.extend(place(&glyf));
    (glyf, loca, boxes)
}

fn head(face: &Face, boxes: &[[i16; 4]]) -> Vec<u8> {
    let edge = |idx: usize, pick: fn(i16, i16) -> i16| boxes.iter().map(|one| one[idx]).reduce(pick).unwrap_or(0);
    let around = [edge(0, i16::min), edge(1, i16::min), edge(2, i16::max), edge(3, i16::max)];
    let mut head = Vec::new();
    // Version, revision, the sum that is filled in later, the magic number.
    for word in [0x0001_0000_u32, 0x0001_0000, 0, 0x5f0f_3cf5] {
        head.extend(word.to_be_bytes());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when the font was read")]
    let units = face.units as u16;
    head.extend(unsigned(&[0x0003, units]));
    head.extend([0; 16]); // no dates
    head.extend(words(&around));
    // Style, least readable size, direction, long places, format of glyphs.
    head.extend(words(&[0, 8, 2, 1, 0]));
    head
}

fn hhea(face: &Face, glyphs: &[(Outline, i16)]) -> Vec<u8> {
    let widest = glyphs.iter().map(|(_, advance)| *advance).max().unwrap_or(0);
    let [ascent, descent, _] = face.heights.map(whole);
    let mut hhea = 0x0001_0000_u32.to_be_bytes().to_vec();
    hhea.extend(words(&[ascent, descent, 0, widest, 0, 0, widest, 1, 0, 0, 0, 0, 0, 0, 0]));
    hhea.extend(unsigned(&[short(glyphs.len())]));
    hhea
}

fn hmtx(glyphs: &[(Outline, i16)], boxes: &[[i16; 4]]) -> Vec<u8> {
    glyphs.iter().zip(boxes).flat_map(|((_, advance), around)| words(&[(*advance).max(0), around[0]])).collect()
}

fn maxp(glyphs: &[(Outline, i16)]) -> Vec<u8> {
    let points = |outline: &Outline| outline.contours.iter().map(Vec::len).sum::<usize>();
    let most =
        |count: &dyn Fn(&Outline) -> usize| short(glyphs.iter().map(|(outline, _)| count(outline)).max().unwrap_or(0));
    let mut maxp = 0x0001_0000_u32.to_be_bytes().to_vec();
    maxp.extend(unsigned(&[short(glyphs.len()), most(&points), most(&|outline| outline.contours.len())]));
    maxp.extend(unsigned(&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]));
    maxp
}

fn os2(face: &Face, letters: &[(char, u16)]) -> Vec<u8> {
    let code = |letter: Option<char>| letter.map_or(0, |letter| u16::try_from(u32::from(letter)).unwrap_or(u16::MAX));
    let [ascent, descent, capitals] = face.heights.map(whole);
    let em = whole(face.units);
    let mut os2 = unsigned(&[4]);
    os2.extend(words(&[em / 2, 400, 5, 0])); // mean width, weight, width, may be embedded
    os2.extend(words(&[em / 2, em / 2, 0, em / 7, em / 2, em / 2, 0, em / 3, em / 20, em / 4, 0]));
    os2.extend([0; 10 + 16]); // look, ranges
    os2.extend(b"GZLN");
    os2.extend(unsigned(&[0x0040]));
    let letter = |pick: fn(char, char) -> char| code(letters.iter().map(|(letter, _)| *letter).reduce(pick));
    os2.extend(unsigned(&[letter(char::min), letter(char::max)]));
    os2.extend(words(&[ascent, descent, 0, ascent.max(0), descent.saturating_neg().max(0)]));
    os2.extend([0; 8]); // code pages
    os2.extend(words(&[em / 2, capitals, 0, 32, 1]));
    os2
}

/// From letters to new numbers, in a table for 16 bits and one for all.
fn cmap(letters: &[(char, u16)]) -> Vec<u8> {
    let mut pairs: Vec<(u32, u32)> =
        letters.iter().zip(1..).map(|((letter, _), idx)| (u32::from(*letter), idx)).collect();
    pairs.sort_unstable();
    let narrow: Vec<(u16, u16)> =
        pairs.iter().filter_map(|(code, idx)| Some((u16::try_from(*code).ok()?, u16::try_from(*idx).ok()?))).collect();
    let narrow = &narrow[..narrow.len().min(MOST_SEGMENTS)];
    let mut narrow: Vec<(u16, u16)> = narrow.iter().copied().filter(|(code, _)| *code < u16::MAX).collect();
    narrow.push((u16::MAX, 0)); // the end
    let count = narrow.len();
    let doubled = short(2 * count);
    let power = count.ilog2();
    let search = short(2 << power);
    let mut four = unsigned(&[4, short(16 + 8 * count), 0, doubled, search, short(power as usize), doubled - search]);
    four.extend(narrow.iter().flat_map(|(code, _)| code.to_be_bytes()));
    four.extend([0, 0]);
    four.extend(narrow.iter().flat_map(|(code, _)| code.to_be_bytes()));
    // The end counts on to 0 by itself.
    four.extend(narrow.iter().flat_map(|(code, idx)| idx.wrapping_sub(*code).to_be_bytes()));
    four.extend(vec![0; 2 * count]);
    let long = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let mut twelve = unsigned(&[12, 0]);
    for value in [long(16 + 12 * pairs.len()), 0, long(pairs.len())] {
        twelve.extend(value.to_be_bytes());
    }
    twelve.extend(pairs.iter().flat_map(|(code, idx)| [*code, *code, *idx]).flat_map(u32::to_be_bytes));
    let mut cmap = unsigned(&[0, 2]);
    for (encoding, place) in [(1, 20), (10, 20 + four.len())] {
        cmap.extend(unsigned(&[3, encoding]));
        cmap.extend(long(place).to_be_bytes());
    }
    [cmap, four, twelve].concat()
}

fn name(face: &Face) -> Vec<u8> {
    let family = face.name.rsplit('+').next().unwrap_or_default();
    let entries = [(1, family), (2, "Regular"), (4, family), (6, family)];
    let (mut records, mut text) = (Vec::new(), Vec::new());
    for (id, words) in entries {
        let letters: Vec<u8> = words.encode_utf16().flat_map(u16::to_be_bytes).collect();
        records.extend(unsigned(&[3, 1, 0x0409, id, short(letters.len()), short(text.len())]));
        text.extend(letters);
    }
    [unsigned(&[0, 4, 6 + 12 * 4]), records, text].concat()
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.chunks(4).fold(0_u32, |sum, chunk| {
        let mut word = [0; 4];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

fn assembled(tables: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let count = tables.len();
    let power = count.max(1).ilog2();
    let search = short(16 << power);
    let mut file = 0x0001_0000_u32.to_be_bytes().to_vec();
    file.extend(unsigned(&[short(count), search, short(power as usize), short(16 * count) - search]));
    let (mut directory, mut body) = (Vec::new(), Vec::new());
    let start = 12 + 16 * count;
    let mut head_at = None;
    for (tag, bytes) in tables {
        if *tag == b"head" {
            head_at = Some(start + body.len());
        }
        let place = [checksum(bytes) as usize, start + body.len(), bytes.len()];
        directory.extend(tag.iter().copied());
        directory.extend(place.into_iter().flat_map(|value| u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes()));
        body.extend_from_slice(bytes);
        while body.len() % 4 != 0 {
            body.push(0);
        }
    }
    file.extend(directory);
    file.extend(body);
    let sum = 0xb1b0_afba_u32.wrapping_sub(checksum(&file));
    if let Some(place) = head_at.and_then(|at| file.get_mut(at + 8..at + 12)) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::font::REGULAR;

    #[derive(Default, PartialEq, Debug)]
    struct Path(Vec<[i32; 2]>);

    impl Pen for Path {
        fn move_to(&mut self, to: [f64; 2]) {
            self.line_to(to);
        }
        fn line_to(&mut self, [x, y]: [f64; 2]) {
            #[expect(clippy::cast_possible_truncation, reason = "units of a font")]
            self.0.push([x.round() as i32, y.round() as i32]);
        }
        fn quad_to(&mut self, control: [f64; 2], to: [f64; 2]) {
            self.line_to(control);
            self.line_to(to);
        }
        fn close(&mut self) {}
    }

    #[test]
    fn a_made_font_is_read_back_with_the_same_letters() {
        let face = Face::outside(REGULAR.to_vec()).expect("a font");
        let letters: Vec<(char, u16)> = "Ärg, Ж∞".chars().map(|letter| (letter, face.glyph(letter).0)).collect();
        let made = Face::outside(truetype(&face, &letters)).expect("can be read");
        assert!((made.units - face.units).abs() < 1e-9 && made.advances.len() == letters.len() + 1, "as many glyphs");
        for (idx, (letter, glyph)) in letters.iter().enumerate() {
            let (number, advance) = made.glyph(*letter);
            assert_eq!(usize::from(number), idx + 1, "{letter} has its new number");
            assert!((advance - face.glyph(*letter).1).abs() < 0.5, "{letter} is as wide");
            let (mut before, mut after) = (Path::default(), Path::default());
            face.outline(*glyph, &mut before);
            made.outline(number, &mut after);
            let drawn = |path: &Path| path.0.iter().copied().collect::<std::collections::BTreeSet<_>>();
            assert!(
                drawn(&before).is_superset(&drawn(&after)) && before.0.len() >= after.0.len(),
                "{letter} looks alike"
            );
            assert_eq!(before.0.is_empty(), after.0.is_empty(), "{letter}");
        }
        assert!(!made.has('x'), "and no others");
    }

    #[test]
    fn damaged_fonts_are_a_few_words_or_are_drawn() {
        for cut in [0, 3, 11, 100, 1000, REGULAR.len() / 2] {
            assert!(Face::outside(REGULAR[..cut].to_vec()).is_err(), "cut at {cut}");
        }
        let mut seed = 9_u64;
        let mut pick = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap_or(0) % below
        };
        let (mut read, mut refused) = (0, 0);
        for _ in 0..400 {
            let mut bytes = REGULAR.to_vec();
            for _ in 0..=pick(6) {
                // Tables are told at the beginning: most of what can go wrong is there.
                let below = if pick(2) == 0 { 1200 } else { bytes.len() };
                let at = pick(below);
                bytes[at] = [0, 1, 127, 128, 255][pick(5)];
            }
            match Face::outside(bytes) {
                Err(why) => {
                    refused += 1;
                    assert!(!why.is_empty() && why.lines().count() == 1, "{why}");
                }
                Ok(face) => {
                    read += 1;
                    let letters: Vec<(char, u16)> =
                        "agÄ".chars().map(|letter| (letter, face.glyph(letter).0)).collect();
                    let _ = truetype(&face, &letters);
                }
            }
        }
        assert!(read > 20 && refused > 5, "{read} are still fonts, {refused} are none");
    }

    #[test]
    fn a_glyph_without_points_is_left_out() {
        let face = Face::outside(REGULAR.to_vec()).expect("a font");
        let mut bytes = truetype(&face, &[('g', face.glyph('g').0)]);
        let long = |bytes: &[u8], at: usize| {
            bytes[at..at + 4].iter().fold(0_usize, |value, byte| value << 8 | usize::from(*byte))
        };
        let table = |bytes: &[u8], tag: &[u8]| {
            let entry = (12..12 + 160).step_by(16).find(|at| bytes[*at..at + 4] == *tag).expect("the table is there");
            long(bytes, entry + 8)
        };
        let glyph = table(&bytes, b"glyf") + long(&bytes, table(&bytes, b"loca") + 4);
        bytes[glyph..glyph + 2].copy_from_slice(&[0, 0]); // contours
        let damaged = Face::outside(bytes).expect("still a font");
        let mut path = Path::default();
        damaged.outline(damaged.glyph('g').0, &mut path);
        assert!(path.0.is_empty(), "nothing is drawn, and nothing breaks");
    }
}
