//! The recipe inside of a figure's file: written by every writer, read back from all of them.

use super::FigureError;
use super::inside::{self, NAMESPACE};
use super::recipe::Recipe;
use super::xml::escaped;
use std::path::Path;

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
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
         xmlns:gazelens=\"{NAMESPACE}\">\n\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:title>\n\
         <xmp:CreatorTool>gazelens</xmp:CreatorTool>\n{}\n\
         </rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>",
        escaped(title),
        element(recipe)
    )
}

/// Reads the recipe of a figure (PNG, SVG or PDF), or a recipe itself (JSON), from the file's bytes; `name` is for
/// messages.
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
    inside::text(bytes).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::super::inside::{KEYWORD, of_xml};
    use super::super::png_file;
    use super::super::recipe::{Colour, FileInput, Layout, Panel, Show};
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;
    use std::time::{Duration, Instant};

    fn recipe(title: &str, file: &str, name: &str) -> Recipe {
        let mut recipe = Recipe::new(Layout::default(), Colour::default());
        recipe.inputs.images.insert(name.to_owned(), FileInput { file: file.to_owned(), sha256: "0".repeat(64) });
        recipe.panels =
            vec![Panel { title: Some(title.to_owned()), ..Panel::new(Show::Photo { of: name.to_owned() }) }];
        recipe
    }

    fn svg(json: &str) -> Vec<u8> {
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><metadata>\n{}\n</metadata></svg>", element(json))
            .into_bytes()
    }

    fn pdf(title: &str, json: &str) -> Vec<u8> {
        format!("%PDF-1.7\nstream\n{}\nendstream\n%%EOF\n", xmp(title, json)).into_bytes()
    }

    fn png(title: &str, json: &str) -> Vec<u8> {
        png_file::figure([1, 1], &[1, 2, 3], 300, title, json).expect("written")
    }

    fn said(bytes: &[u8]) -> String {
        recipe_of(bytes, Path::new("figure")).expect_err("no recipe").to_string()
    }

    /// A chunk of a PNG file with its checksum.
    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let mut crc = u32::MAX;
        for byte in kind.iter().chain(data) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        let len = u32::try_from(data.len()).expect("short").to_be_bytes();
        [&len[..], kind, data, &(!crc).to_be_bytes()].concat()
    }

    /// A PNG file with these chunks behind its header.
    fn with_chunks(chunks: &[Vec<u8>]) -> Vec<u8> {
        let plain = png("t", "{}");
        let header = plain.get(..33).expect("signature and header");
        let pixels = miniz_oxide::deflate::compress_to_vec_zlib(&[0, 1, 2, 3], 6);
        [header, &chunks.concat(), &chunk(b"IDAT", &pixels), &chunk(b"IEND", b"")].concat()
    }

    fn compressed_recipe(text: &[u8]) -> Vec<u8> {
        let mut data = KEYWORD.as_bytes().to_vec();
        data.extend([0, 1, 0, 0, 0]);
        data.extend(text);
        chunk(b"iTXt", &data)
    }

    /// This many zeros as a zlib stream of a thousandth.
    fn zeros(megabytes: usize) -> Vec<u8> {
        use miniz_oxide::deflate::core::{
            CompressorOxide, TDEFLFlush, compress, create_comp_flags_from_zip_params as flags,
        };
        let mut compressor = CompressorOxide::new(flags(9, 1, 0));
        let (block, mut out, mut buffer) = (vec![0_u8; 1 << 20], Vec::new(), vec![0_u8; 1 << 20]);
        for idx in 0..megabytes {
            let flush = if idx + 1 == megabytes { TDEFLFlush::Finish } else { TDEFLFlush::None };
            let mut rest = &block[..];
            loop {
                let (_, used, made) = compress(&mut compressor, rest, &mut buffer, flush);
                out.write_all(&buffer[..made]).expect("memory");
                rest = &rest[used..];
                if rest.is_empty() && made < buffer.len() {
                    break;
                }
            }
        }
        out
    }

    #[test]
    fn the_element_is_found_under_any_prefix_and_nowhere_else() {
        let json = recipe("a < b & c", "p.png", "a").to_json();
        let text = escaped(&json);
        let found = |xml: &str| of_xml(xml);
        for xml in [
            format!("<s><g:recipe xmlns:g=\"{NAMESPACE}\">{text}</g:recipe></s>"),
            format!("<s xmlns:g='{NAMESPACE}'><m><g:recipe>{text}</g:recipe></m></s>"),
            format!("<s><recipe xmlns=\"{NAMESPACE}\">{text}</recipe></s>"),
            format!("<g:recipe xmlns:g=\"{NAMESPACE}\"><![CDATA[{json}]]></g:recipe>"),
            format!("<s xmlns:g=\"u\"><a xmlns:g=\"{NAMESPACE}\"><g:recipe>{text}</g:recipe></a></s>"),
            format!(
                "<?xml version=\"1.0\"?><!DOCTYPE s><!-- -- --><g:recipe xmlns:g=\"{NAMESPACE}\">{text}</g:recipe>"
            ),
        ] {
            assert_eq!(found(&xml).as_deref(), Ok(json.as_str()), "in {xml}");
        }
        for (xml, words) in [
            (format!("<s><g:recipe xmlns:g=\"urn:other\">{text}</g:recipe></s>"), "without a recipe"),
            (format!("<s><a xmlns:g=\"{NAMESPACE}\"/><g:recipe>{text}</g:recipe></s>"), "without a recipe"),
            (
                format!("<s xmlns:g=\"{NAMESPACE}\"><a xmlns:g=\"u\"><g:recipe>{text}</g:recipe></a></s>"),
                "without a recipe",
            ),
            (format!("<s xmlns:g=\"{NAMESPACE}\"><recipe>{text}</recipe></s>"), "without a recipe"),
            (format!("<s><g:recipe xmlns:g=\"{NAMESPACE}\">{text}</g:recipe>"), "cut off"),
            (format!("<s><g:recipe xmlns:g=\"{NAMESPACE}\">{text}</s>"), "damaged XML"),
            (format!("<s><g:recipe xmlns:g=\"{NAMESPACE}\">&own;</g:recipe></s>"), "an entity of its own"),
        ] {
            let why = found(&xml).expect_err("no recipe");
            assert!(why.contains(words), "{why} of {xml}");
        }
    }

    #[test]
    fn deep_and_wide_xml_takes_no_longer_than_it_is_long() {
        let depth = 60_000;
        let many = |count: usize, one: fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().concat();
        let spaces = many(depth, |idx| format!("<a xmlns:n{idx}=\"u{idx}\">"));
        let nested = format!("{spaces}{}", "</a>".repeat(depth));
        let attributes = many(300_000, |idx| format!(" a{idx}=\"1\""));
        let declared = many(200_000, |idx| format!(" xmlns:a{idx}=\"1\""));
        let same = " xmlns:a=\"u\"".repeat(200_000);
        let element = element(&recipe("t", "p.png", "a").to_json());
        let begun = Instant::now();
        for (xml, has_one) in [
            (nested, false),
            (format!("{spaces}{element}{}", "</a>".repeat(depth)), true),
            (format!("<a{attributes}/>"), false),
            (format!("<a{declared}>{element}</a>"), true),
            (format!("<a{same}>{element}</a>"), true),
            (format!("<a>{}{element}</a>", "&amp;<b/><!-- -->".repeat(200_000)), true),
            ("<".repeat(2_000_000), false),
            (format!("<!DOCTYPE a [{}]><a/>", "<!ENTITY b \"&b;&b;\">".repeat(50_000)), false),
            ("<a>".repeat(500_000), false),
        ] {
            assert_eq!(of_xml(&xml).is_ok(), has_one, "{}..", &xml[..40]);
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "one pass each, {:?}", begun.elapsed());
    }

    #[test]
    fn a_compressed_recipe_is_read_and_one_that_has_no_end_refused() {
        let made = recipe("t", "p.png", "a");
        let text = miniz_oxide::deflate::compress_to_vec_zlib(made.to_json().as_bytes(), 6);
        let read = recipe_of(&with_chunks(&[compressed_recipe(&text)]), Path::new("figure"));
        assert_eq!(read.expect("by another program"), made, "the same recipe");
        let bomb = zeros(300);
        let begun = Instant::now();
        let why = said(&with_chunks(&[compressed_recipe(&bomb)]));
        assert!(why.contains("a damaged recipe"), "{why}");
        let profile = [&b"x\0\0"[..], &bomb].concat();
        let why = said(&with_chunks(&[chunk(b"iCCP", &profile)]));
        assert!(why.contains("a PNG file without a recipe") || why.contains("a damaged PNG file"), "{why}");
        let why = said(&with_chunks(&[chunk(b"zTXt", &[&b"x\0\0"[..], &bomb].concat())]));
        assert!(why.contains("a PNG file without a recipe"), "{why}");
        let pixels = [&chunk(b"IDAT", &bomb)[..], &chunk(b"IEND", b"")].concat();
        let why = said(&[png("t", "{}").get(..33).expect("a header"), &pixels].concat());
        assert!(why.contains("PNG file"), "{why}");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "as far as is allowed and no further, {:?}",
            begun.elapsed()
        );
    }

    #[test]
    fn a_pdf_of_any_length_is_searched_once() {
        let long = [&b"%PDF-1.7\n"[..], &b"<x:xmpmeta".repeat(2_000_000), b"%%EOF"].concat();
        let begun = Instant::now();
        assert!(said(&long).contains("a PDF file without a recipe"), "no end");
        let streams = [&b"%PDF-1.7\n"[..], &b"<<<<<<<</FlateDecode stream ".repeat(500_000), b"%%EOF"].concat();
        assert!(said(&streams).contains("a PDF file without a recipe"), "no packet");
        assert!(begun.elapsed() < Duration::from_secs(20), "one pass, {:?}", begun.elapsed());
    }

    /// Letters that files lose, and any others.
    fn text() -> impl Strategy<Value = String> {
        let lost = concat!(
            "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{2028}\u{2029}\u{fdd0}\u{feff}\u{fffe}\u{ffff}\u{1fffe}",
            "\\\\\"'<>&\r\n\t \\]]{0,12}"
        );
        let any = proptest::collection::vec(any::<char>(), 0..12).prop_map(|letters| letters.into_iter().collect());
        prop_oneof![lost, any, ".{0,12}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn a_recipe_comes_back_letter_by_letter_from_every_kind_of_file(
            title in text(), file in text(), name in text(),
        ) {
            let made = recipe(&title, &file, &name);
            let json = made.to_json();
            for bytes in [svg(&json), pdf(&title, &json), png("t", &json), json.clone().into_bytes()] {
                let read = recipe_of(&bytes, Path::new("figure"));
                prop_assert_eq!(read.as_ref().ok(), Some(&made), "{:?}", read.as_ref().err().map(ToString::to_string));
            }
            // By a reader that is not ours and knows which letters XML may hold.
            let text = element(&json);
            let document = roxmltree::Document::parse(&text).expect("is XML");
            prop_assert_eq!(document.root_element().text(), Some(json.as_str()));
        }

        #[test]
        fn damaged_figures_never_panic(
            kind in 0..3_usize, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        ) {
            let json = recipe("a title", "p.png", "a").to_json();
            let mut bytes = [svg(&json), pdf("t", &json), png("t", &json)][kind].clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Err(err) = recipe_of(&bytes, Path::new("figure")) {
                prop_assert!(err.to_string().ends_with("figure"), "the file comes last: {}", err);
            }
        }
    }
}
