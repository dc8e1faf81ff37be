//! The recipe inside of a figure's file: written by every writer, read back from all of them.

use super::FigureError;
use super::recipe::Recipe;
use super::svg::escaped;
use std::path::Path;

/// Of the PNG chunk that holds the recipe.
pub(super) const KEYWORD: &str = "gazelens-recipe";
/// Of the XML element that holds it in SVG, and in the XMP packet of PDF.
const NAMESPACE: &str = "urn:gazelens:figure";
/// A recipe is text; one longer than this is none of ours.
const MOST_BYTES: usize = 64 << 20;

/// The XML element.
pub(super) fn element(recipe: &str) -> String {
    format!("<gazelens:recipe xmlns:gazelens=\"{NAMESPACE}\">{}</gazelens:recipe>", escaped(recipe))
}

/// The XMP packet of a PDF file. It is stored as it is, so that programs that know nothing of PDF find it.
pub(super) fn xmp(title: &str, recipe: &str) -> String {
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
         xmlns:gazelens=\"{NAMESPACE}\">\n\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:title>\n\
         <xmp:CreatorTool>gazelens</xmp:CreatorTool>\n{}\n\
         </rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>",
        escaped(title),
        element(recipe)
    )
}

/// Reads the recipe of a figure (PNG, SVG or PDF), or a recipe itself (JSON), from the file's bytes; `name` is for messages.
pub fn recipe_of(bytes: &[u8], name: &Path) -> Result<Recipe, FigureError> {
    Recipe::from_json(&json_of(bytes, name)?, name)
}

/// The text of such a recipe.
pub(super) fn json_of(bytes: &[u8], name: &Path) -> Result<String, FigureError> {
    let refused = |found: String| FigureError::Recipe {
        expected: "a figure of gazelens (PNG, SVG or PDF) or its recipe (JSON)".to_owned(),
        found,
        path: name.to_owned(),
    };
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        of_png(bytes).map_err(refused)
    } else if bytes.starts_with(b"%PDF-") {
        of_pdf(bytes).map_err(refused)
    } else {
        let text = std::str::from_utf8(bytes).map_err(|_| refused("bytes that are no text".to_owned()))?;
        let start = text.trim_start_matches('\u{feff}').trim_start();
        if start.starts_with('<') {
            of_xml(start).map_err(refused)
        } else if start.starts_with('{') {
            Ok(start.to_owned())
        } else {
            Err(refused(if start.is_empty() { "nothing".to_owned() } else { "other text".to_owned() }))
        }
    }
}

fn of_png(bytes: &[u8]) -> Result<String, String> {
    let limits = png::Limits { bytes: MOST_BYTES };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    let mut reader = decoder.read_info().map_err(|err| format!("a damaged PNG file ({err})"))?;
    // A picture that is cut off is said, even where its recipe is whole.
    reader.finish().map_err(|err| format!("a damaged PNG file ({err})"))?;
    let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == KEYWORD);
    chunk.ok_or("a PNG file without a recipe")?.get_text().map_err(|err| format!("a damaged recipe ({err})"))
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

fn of_xml(text: &str) -> Result<String, String> {
    let document = roxmltree::Document::parse(text).map_err(|err| format!("damaged XML ({err})"))?;
    let element = document.descendants().find(|node| node.has_tag_name((NAMESPACE, "recipe")));
    let element = element.ok_or("XML without a recipe")?;
    Ok(element.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text()).collect())
}
