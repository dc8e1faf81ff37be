//! The answer with its marks.

use super::super::font::{ASCENT, LINE, Typeface};
use super::super::resolve::Words;
use super::super::scale::{ColourScale, colour_of};
use super::super::scene::{Group, INK, Paint, Rect, Shape, Text};
use super::photos::legend;
use super::plots::legend_height;
use super::{Frame, SMALL_GAP};

/// Behind marked words; dark text stays legible on each.
const MARKS: [[u8; 3]; 5] = [[255, 214, 102], [166, 216, 255], [255, 179, 167], [176, 232, 176], [221, 196, 255]];

/// A run of letters on a line.
struct Piece {
    text: String,
    mark: Option<usize>,
    value: Option<f32>,
    x: f64,
}

/// A run of letters with its mark and value.
type Part = (String, Option<usize>, Option<f32>);

/// Breaks the spans into lines no longer than `width`, between words, whatever tokens these are made of.
fn lines(typeface: &Typeface, words: &Words, size: f64, width: f64) -> Vec<Vec<Piece>> {
    let measured = |text: &str| typeface.width(text, false, size);
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut x = 0.0;
    for word in whole_words(words) {
        let text: String = word.iter().map(|(text, ..)| text.as_str()).collect();
        let longest = measured(text.trim());
        // A word that is longer than a line is broken within: an answer is shown as it is.
        let word = if longest > width { broken(typeface, word, size, width) } else { vec![word] };
        for parts in word {
            let text: String = parts.iter().map(|(text, ..)| text.as_str()).collect();
            if x + measured(text.trim_end()) > width && x > 0.0 {
                lines.push(Vec::new());
                x = 0.0;
            }
            for (text, mark, value) in parts {
                let text = if x == 0.0 { text.trim_start().to_owned() } else { text };
                if text.is_empty() {
                    continue;
                }
                let w = measured(&text);
                if let Some(line) = lines.last_mut() {
                    match line.last_mut() {
                        // One text a run: whoever selects it gets words, not letters.
                        Some(last) if last.mark == mark && last.value.is_none() && value.is_none() => {
                            last.text.push_str(&text);
                        }
                        _ => line.push(Piece { text, mark, value, x }),
                    }
                }
                x += w;
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Words with the space before them, each of one part or of several.
fn whole_words(words: &Words) -> Vec<Vec<Part>> {
    let mut all: Vec<Vec<Part>> = vec![Vec::new()];
    for span in &words.spans {
        let mut part = String::new();
        for letter in span.text.chars() {
            if letter == ' ' && (!part.trim().is_empty() || (part.is_empty() && has_letters(all.last()))) {
                if let Some(word) = all.last_mut().filter(|_| !part.is_empty()) {
                    word.push((std::mem::take(&mut part), span.mark, span.value));
                }
                all.push(Vec::new());
            }
            part.push(letter);
        }
        if let Some(word) = all.last_mut().filter(|_| !part.is_empty()) {
            word.push((part, span.mark, span.value));
        }
    }
    all
}

fn has_letters(word: Option<&Vec<Part>>) -> bool {
    word.is_some_and(|word| word.iter().any(|(text, ..)| !text.trim().is_empty()))
}

/// A word in parts that are no longer than a line.
fn broken(typeface: &Typeface, word: Vec<Part>, size: f64, width: f64) -> Vec<Vec<Part>> {
    let mut all = Vec::new();
    for (text, mark, value) in word {
        // Measured letter by letter: there may be any number of letters without a width.
        let (mut part, mut length) = (String::new(), 0.0);
        for letter in text.chars() {
            let advance = typeface.glyph(letter, false).advance;
            if !part.is_empty() && (length + advance) * size > width {
                all.push(vec![(std::mem::take(&mut part), mark, value)]);
                length = 0.0;
            }
            part.push(letter);
            length += advance;
        }
        all.push(vec![(part, mark, value)]);
    }
    all
}

fn question_lines(frame: &Frame<'_>, words: &Words, width: f64) -> Vec<String> {
    words.question.as_ref().map_or_else(Vec::new, |question| frame.lines(question, true, frame.size, width))
}

/// What marks say.
fn entries(words: &Words) -> Vec<(String, [u8; 3])> {
    words.labels.iter().cloned().zip(MARKS.iter().copied().cycle()).collect()
}

pub(super) fn height(frame: &Frame<'_>, words: &Words, w: f64) -> f64 {
    let size = frame.size;
    let count = question_lines(frame, words, w).len() + lines(frame.typeface, words, size, w).len();
    let question = if words.question.is_some() { size * SMALL_GAP } else { 0.0 };
    let legend = legend_height(frame, &entries(words), w);
    count as f64 * size * LINE * 1.1 + question + legend
}

pub(super) fn draw(frame: &Frame<'_>, words: &Words, scale: Option<&ColourScale>, body: Rect, group: &mut Group) {
    let typeface = frame.typeface;
    let (size, pitch) = (frame.size, frame.size * LINE * 1.1);
    let mut y = body.y;
    for line in question_lines(frame, words, body.w) {
        group.text(Text::new(body.x, y + size * ASCENT, size, line).bold());
        y += pitch;
    }
    if words.question.is_some() {
        y += size * SMALL_GAP;
    }
    for line in lines(typeface, words, size, body.w) {
        let pieces = line.len();
        for (idx, piece) in line.into_iter().enumerate() {
            let x = body.x + piece.x;
            let before =
                typeface.width(&piece.text, false, size) - typeface.width(piece.text.trim_start(), false, size);
            // The spaces around a word are not marked.
            let w = typeface.width(piece.text.trim(), false, size);
            let behind = Rect { x: x + before - size * 0.08, y: y - size * 0.06, w: w + size * 0.16, h: size * 1.16 };
            let ink = behind_word(&piece, scale, behind, group);
            let text = if idx + 1 == pieces { piece.text.trim_end().to_owned() } else { piece.text };
            if !text.trim().is_empty() {
                group.text(Text { rgb: ink, ..Text::new(x, y + size * ASCENT, size, text) });
            }
        }
        y += pitch;
    }
    if !words.labels.is_empty() {
        legend(frame, &entries(words), Rect { y: y + size * SMALL_GAP, ..body }, group);
    }
}

/// Colours the place of a word; what its letters are drawn in.
fn behind_word(piece: &Piece, scale: Option<&ColourScale>, place: Rect, group: &mut Group) -> [u8; 3] {
    let mark = piece.mark.and_then(|mark| MARKS.get(mark % MARKS.len()).copied());
    let Some((value, scale)) = piece.value.zip(scale).filter(|_| !piece.text.trim().is_empty()) else {
        if let Some(rgb) = mark {
            group.shape(Shape::rect(place, Some(Paint::solid(rgb)), None));
        }
        return INK;
    };
    let rgb = colour_of(&scale.style, value);
    group.shape(Shape::rect(place, Some(Paint::solid(rgb)), None));
    if let Some(rgb) = mark {
        // The colour is taken: a line below says it.
        let line = Rect { y: place.bottom(), h: place.h * 0.15, ..place };
        group.shape(Shape::rect(line, Some(Paint::solid(rgb)), None));
    }
    // As bright as eyes see it, by the weights of Rec. 709.
    let [r, g, b] = rgb.map(f64::from);
    if 0.2126 * r + 0.7152 * g + 0.0722 * b < 128.0 { [255, 255, 255] } else { INK }
}
