//! PNG files, the same bytes for the same pixels.

use super::inside::KEYWORD;
use super::pixels::Embedded;
use png::{BitDepth, ColorType, Compression, Encoder, PixelDimensions, Unit};

/// A figure's pixels, **shape** `[rows, columns, 3]`, with its resolution and its recipe; nothing where the size does
/// not fit the pixels.
pub(super) fn figure(
    size: [u32; 2],
    rgb: &[u8],
    dpi: u32,
    title: &str,
    recipe: &str,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = encoder(&mut bytes, size, ColorType::Rgb);
    // Dots a metre, rounded.
    let dots = u32::try_from((u64::from(dpi) * 10_000 + 127) / 254).unwrap_or(u32::MAX);
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: dots, yppu: dots, unit: Unit::Meter }));
    encoder.add_itxt_chunk("Title".to_owned(), title.to_owned())?;
    encoder.add_itxt_chunk(KEYWORD.to_owned(), recipe.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

/// An image for an SVG file; empty, which no reader shows, where the size does not fit the pixels.
pub(super) fn embedded(image: &Embedded) -> Vec<u8> {
    let (colours, pixels) = match &image.alpha {
        None => (ColorType::Rgb, image.rgb.clone()),
        Some(alpha) => {
            let colours = image.rgb.as_chunks::<3>().0;
            (ColorType::Rgba, colours.iter().zip(alpha).flat_map(|([r, g, b], a)| [*r, *g, *b, *a]).collect())
        }
    };
    let mut bytes = Vec::new();
    let written = encoder(&mut bytes, image.size, colours).write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    if written.is_ok() { bytes } else { Vec::new() }
}

fn encoder(bytes: &mut Vec<u8>, [w, h]: [u32; 2], colours: ColorType) -> Encoder<'static, &mut Vec<u8>> {
    let mut encoder = Encoder::new(bytes, w, h);
    encoder.set_color(colours);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder
}
