//! The faces that a figure is set in, and which of them draws a letter.

use super::{FACES, Face};
use crate::figure::meaning::has_no_spaces;
use std::sync::Arc;

/// The faces that a figure is set in, and which of them draws a letter.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::figure) struct Typeface {
    /// The bundled ones first: regular, bold.
    faces: Vec<Arc<Face>>,
    /// Places in `faces`, those that are asked first in front: of regular text, of bold text.
    order: [Vec<usize>; 2],
}

impl Default for Typeface {
    fn default() -> Self {
        Self { faces: FACES.to_vec(), order: [vec![0], vec![1]] }
    }
}

/// A letter as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::figure) struct Letter {
    /// Place of its face.
    pub(in crate::figure) face: usize,
    /// Its number there.
    pub(in crate::figure) glyph: u16,
    /// Its width as a part of the size.
    pub(in crate::figure) advance: f64,
}

impl Typeface {
    /// Faces of files beside the bundled ones.
    pub(in crate::figure) fn with(regular: Arc<Face>, bold: Option<Arc<Face>>, missing_only: bool) -> Self {
        let mut all = Self::default();
        all.faces.push(regular);
        all.faces.extend(bold);
        let last = all.faces.len() - 1;
        for (bundled, (order, own)) in all.order.iter_mut().zip([2, last]).enumerate() {
            *order = if missing_only { vec![bundled, own] } else { vec![own, bundled] };
        }
        all
    }

    /// Every face, in an order that the places of glyphs refer to.
    pub(in crate::figure) fn faces(&self) -> &[Arc<Face>] {
        &self.faces
    }

    /// Whether a face of a file is asked before the bundled one.
    pub(in crate::figure) fn own_first(&self) -> bool {
        self.order[0].first().is_some_and(|first| *first >= FACES.len())
    }

    /// Who draws a letter; the box of the face that is asked first where nobody does.
    pub(in crate::figure) fn glyph(&self, letter: char, bold: bool) -> Letter {
        let order = &self.order[usize::from(bold)];
        let has = |at: &&usize| self.faces.get(**at).is_some_and(|face| face.has(letter));
        let at = order.iter().find(has).or(order.first()).copied().unwrap_or(0);
        let Some(face) = self.faces.get(at) else { return Letter { face: 0, glyph: 0, advance: 0.0 } };
        let (glyph, advance) = face.glyph(letter);
        Letter { face: at, glyph, advance: advance / face.units }
    }

    /// Letters of a text that nobody draws.
    pub(in crate::figure) fn missing<'a>(&'a self, text: &'a str) -> impl Iterator<Item = char> + 'a {
        let has =
            |letter: char| self.order[0].iter().any(|at| self.faces.get(*at).is_some_and(|face| face.has(letter)));
        text.chars().filter(move |letter| !has(*letter))
    }

    /// Length of a line. **Units** those of `size`.
    pub(in crate::figure) fn width(&self, text: &str, bold: bool, size: f64) -> f64 {
        text.chars().map(|letter| self.glyph(letter, bold).advance).sum::<f64>() * size
    }

    /// Breaks a text into lines no longer than `width`, between words; `None` where a word is longer than that. Names
    /// of files and models may
    /// break after their signs, hashes anywhere, and scripts without spaces between any two letters.
    pub(in crate::figure) fn wrap(&self, text: &str, bold: bool, size: f64, width: f64) -> Option<Vec<String>> {
        // A line may have any number of letters without a width: it is measured once, not with every part again.
        let longer = |length: f64, text: &str| {
            text.chars().fold(length, |length, letter| length + self.glyph(letter, bold).advance)
        };
        let fits = |length: f64| length * size <= width + 1e-6;
        let mut lines = Vec::new();
        let (mut line, mut length) = (String::new(), 0.0);
        for word in text.split(' ') {
            let parts = if fits(longer(0.0, word)) { vec![word.to_owned()] } else { parts(word) };
            for (idx, part) in parts.into_iter().enumerate() {
                let space = if idx == 0 && !line.is_empty() { " " } else { "" };
                let with_part = longer(longer(length, space), &part);
                if fits(with_part) {
                    line.push_str(space);
                    line.push_str(&part);
                    length = with_part;
                    continue;
                }
                length = longer(0.0, &part);
                if !fits(length) {
                    return None;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line = part;
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        Some(lines)
    }
}

/// Shortest run of digits and letters from a to f that is a hash and no word.
const SHORTEST_HASH: usize = 16;

/// Where a long word may be broken.
fn parts(word: &str) -> Vec<String> {
    let is_hash = word.chars().filter(char::is_ascii_hexdigit).count() >= SHORTEST_HASH
        && word.chars().all(|letter| letter.is_ascii_hexdigit() || !letter.is_alphanumeric());
    let mut parts = vec![String::new()];
    let mut before: Option<char> = None;
    for letter in word.chars() {
        let opens = matches!(letter, '“' | '(' | '[');
        let breaks = before.is_some_and(|before| {
            let sign = matches!(before, '-' | '–' | '/' | '\\' | '_' | '.' | ',' | ';' | ':' | '=' | '@' | '+');
            is_hash || (sign && letter.is_alphanumeric()) || has_no_spaces(before) || (has_no_spaces(letter) && !opens)
        });
        if breaks {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
        before = Some(letter);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::font::{BOLD, REGULAR};

    #[test]
    fn lines_are_no_longer_than_asked_for_and_lose_nothing() {
        let texts = [
            "share of the attention on the image, and more",
            "COCO_val2014_000000119828.jpg, 640 × 480 pixels of llava-hf/llava-1.5-7b-hf",
            "Expected the photo 3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 as in the recipe",
            "一只棕色的狗站在红色的沙发旁边",
        ];
        let typeface = Typeface::default();
        for text in texts {
            let lines = typeface.wrap(text, false, 7.0, 60.0).expect("every word fits");
            assert!(lines.iter().all(|line| typeface.width(line, false, 7.0) <= 60.001), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text), "every letter is there");
            assert!(lines.len() > 1, "it was broken");
        }
    }

    #[test]
    fn words_are_never_broken_within() {
        let typeface = Typeface::default();
        let lines = typeface.wrap("kernel 3, enhancement 5, contribution to it", false, 6.0, 45.0).expect("fits");
        assert_eq!(lines, ["kernel 3,", "enhancement", "5, contribution", "to it"], "between words");
        assert_eq!(typeface.wrap("an enhancement of it", false, 6.0, 20.0), None, "there is no room for the word");
        assert_eq!(typeface.wrap("", false, 6.0, 20.0), Some(Vec::new()), "nothing");
    }

    #[test]
    fn long_texts_take_no_longer_than_they_are_long() {
        use std::time::{Duration, Instant};
        let typeface = Typeface::default();
        let begun = Instant::now();
        // One word, words of their own, and one that may be broken.
        let texts = ["\u{301}".repeat(300_000), "\u{301} ".repeat(150_000), "\u{301}-a".repeat(100_000)];
        // A width that has room for everything, so that one line grows as long as the text is.
        for (text, width) in texts.iter().flat_map(|text| [(text, 60.0), (text, 1e9)]) {
            let lines = typeface.wrap(text, true, 7.0, width);
            assert!(width < 1e9 || lines.is_some_and(|lines| lines.len() == 1), "it is set");
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "in {:?}", begun.elapsed());
    }

    #[test]
    fn a_face_of_a_file_comes_before_the_bundled_one_or_after_it() {
        let own = || Arc::new(Face::outside(BOLD.to_vec()).expect("a font"));
        let first = Typeface::with(own(), None, false);
        assert_eq!([first.glyph('a', false).face, first.glyph('a', true).face], [2, 2], "everything");
        assert!(first.own_first(), "and that is known");
        let last = Typeface::with(own(), None, true);
        assert_eq!([last.glyph('a', false).face, last.glyph('a', true).face], [0, 1], "only what is missing");
        assert_eq!(last.missing("a漢").collect::<String>(), "漢", "which is missing in both");
        let two = Typeface::with(own(), Some(Arc::new(Face::outside(REGULAR.to_vec()).expect("a font"))), false);
        assert_eq!([two.glyph('a', false).face, two.glyph('a', true).face], [2, 3], "titles have their own");
    }
}
