//! The text of the recipe inside of a figure's file.
//!
//! A figure may be a stranger's: finding the text takes one pass over its bytes, and no more than some tens of
//! megabytes beside them.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::PrefixDeclaration;
use std::collections::HashMap;

/// Of the PNG chunk that holds the recipe.
pub(super) const KEYWORD: &str = "gazelens-recipe";
/// Of the XML element that holds it in SVG, and in the XMP packet of PDF.
pub(super) const NAMESPACE: &str = "urn:gazelens:figure";
/// A recipe is text; one longer than this is none of ours.
const MOST_BYTES: usize = 64 << 20;

/// The JSON inside of a PNG, SVG or PDF file, or what is JSON itself. The error is what was found in its place.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return of_png(bytes);
    }
    if bytes.starts_with(b"%PDF-") {
        return of_pdf(bytes);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "bytes that are no text")?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with('<') {
        of_xml(start)
    } else if start.starts_with('{') {
        Ok(start.to_owned())
    } else {
        Err(if start.is_empty() { "nothing" } else { "other text" }.to_owned())
    }
}

fn of_png(bytes: &[u8]) -> Result<String, String> {
    let limits = png::Limits { bytes: MOST_BYTES };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    let mut reader = decoder.read_info().map_err(|err| format!("a damaged PNG file ({err})"))?;
    // A picture that is cut off is said, even where its recipe is whole.
    reader.finish().map_err(|err| format!("a damaged PNG file ({err})"))?;
    let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == KEYWORD);
    let mut chunk = chunk.ok_or("a PNG file without a recipe")?.clone();
    let damaged = |err| format!("a damaged recipe ({err})");
    // Other programs may have compressed it; a few bytes may be any number of letters.
    chunk.decompress_text_with_limit(MOST_BYTES).map_err(damaged)?;
    chunk.get_text().map_err(damaged)
}

fn of_pdf(bytes: &[u8]) -> Result<String, String> {
    let (start, end) = (b"<x:xmpmeta".as_slice(), b"</x:xmpmeta>".as_slice());
    let find = |part: &[u8], from: usize| {
        let rest = bytes.get(from..)?;
        rest.windows(part.len()).position(|window| window == part).map(|at| from + at)
    };
    let tail = bytes.get(bytes.len().saturating_sub(64)..).unwrap_or_default();
    if !tail.windows(5).any(|window| window == b"%%EOF") {
        return Err("a PDF file that is cut off".to_owned());
    }
    let packet = find(start, 0).and_then(|from| find(end, from).map(|to| from..to + end.len()));
    let packet = packet.and_then(|range| bytes.get(range)).ok_or("a PDF file without a recipe")?;
    of_xml(std::str::from_utf8(packet).map_err(|_| "damaged metadata")?)
}

/// The text of the recipe's element, found in one pass without a tree: what a tree of a hostile file costs grows with
/// the square of its depth, and of the attributes of an element.
pub(super) fn of_xml(text: &str) -> Result<String, String> {
    let mut reader = Reader::from_str(text);
    let mut prefixes = Prefixes::default();
    // The element that is open, by its depth, and what was found.
    let (mut open, mut found) = (None, None);
    let mut recipe = String::new();
    loop {
        match reader.read_event().map_err(damaged)? {
            Event::Start(start) => {
                prefixes.open(&start)?;
                if open.is_none() && found.is_none() && prefixes.is_recipe(&start) {
                    open = Some(prefixes.depth());
                }
            }
            Event::End(_) => {
                if open == Some(prefixes.depth()) {
                    (open, found) = (None, Some(std::mem::take(&mut recipe)));
                }
                prefixes.close();
            }
            Event::Empty(start) => {
                prefixes.open(&start)?;
                if open.is_none() && found.is_none() && prefixes.is_recipe(&start) {
                    found = Some(String::new());
                }
                prefixes.close();
            }
            Event::Text(text) if open.is_some() => recipe.push_str(&text.xml10_content().map_err(damaged)?),
            Event::CData(text) if open.is_some() => recipe.push_str(&text.xml10_content().map_err(damaged)?),
            Event::GeneralRef(name) if open.is_some() => {
                if let Some(letter) = name.resolve_char_ref().map_err(damaged)? {
                    recipe.push(letter);
                } else {
                    let name = name.decode().map_err(damaged)?;
                    let text = resolve_predefined_entity(&name).ok_or("damaged XML (an entity of its own)")?;
                    recipe.push_str(text);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if prefixes.depth() > 0 {
        return Err("damaged XML (it is cut off)".to_owned());
    }
    found.ok_or_else(|| "XML without a recipe".to_owned())
}

fn damaged(err: impl std::fmt::Display) -> String {
    format!("damaged XML ({err})")
}

/// Which prefixes stand for the recipe's namespace in the elements that are open.
#[derive(Default)]
struct Prefixes {
    /// By prefix, whether it is ours, the innermost declaration last. The empty prefix is the default namespace.
    declared: HashMap<Vec<u8>, Vec<bool>>,
    /// What each open element declares.
    open: Vec<Vec<Vec<u8>>>,
}

impl Prefixes {
    fn depth(&self) -> usize {
        self.open.len()
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        let mut declares = Vec::new();
        // Attributes that are there twice do no harm here, and looking for them takes the square of their number.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(damaged)?;
            let prefix = match attribute.key.as_namespace_binding() {
                Some(PrefixDeclaration::Named(prefix)) => prefix.to_vec(),
                Some(PrefixDeclaration::Default) => Vec::new(),
                None => continue,
            };
            self.declared.entry(prefix.clone()).or_default().push(*attribute.value == *NAMESPACE.as_bytes());
            declares.push(prefix);
        }
        self.open.push(declares);
        Ok(())
    }

    fn close(&mut self) {
        for prefix in self.open.pop().into_iter().flatten() {
            if let Some(declared) = self.declared.get_mut(&prefix) {
                declared.pop();
            }
        }
    }

    fn is_recipe(&self, start: &BytesStart<'_>) -> bool {
        let name = start.name();
        let prefix = name.prefix();
        let prefix = prefix.as_ref().map_or(&[][..], |prefix| prefix.as_ref());
        let is_ours = self.declared.get(prefix).and_then(|declared| declared.last()).copied().unwrap_or(false);
        is_ours && name.local_name().as_ref() == b"recipe"
    }
}
