//! Bytes of a file to upright RGB.

use super::jpeg::{self, JpegError};
use super::{PhotoError, PhotoLimits};
use crate::geometry::ImageSize;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::path::Path;

/// Upright RGB, **shape** `[height, width, 3]`.
pub(super) struct Rgb {
    pub(super) size: ImageSize,
    pub(super) rgb: Vec<u8>,
}

/// The format that a file's first bytes announce, whatever it is called.
pub(super) fn sniff(bytes: &[u8]) -> Option<(ImageFormat, &'static str)> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if at(0, b"\x89PNG\r\n\x1a\n") {
        Some((ImageFormat::Png, "PNG"))
    } else if at(0, b"\xff\xd8\xff") {
        Some((ImageFormat::Jpeg, "JPEG"))
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some((ImageFormat::WebP, "WebP"))
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Some((ImageFormat::Gif, "GIF"))
    } else if at(0, b"II*\0") || at(0, b"MM\0*") || at(0, b"II+\0") || at(0, b"MM\0+") {
        Some((ImageFormat::Tiff, "TIFF"))
    } else if at(0, b"BM") {
        Some((ImageFormat::Bmp, "BMP"))
    } else {
        None
    }
}

/// What an unknown file looks like, for the message.
fn describe(bytes: &[u8]) -> &'static str {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let head = &bytes[..bytes.len().min(512)];
    if bytes.is_empty() {
        "an empty file"
    } else if at(4, b"ftypavi") {
        "an AVIF file"
    } else if at(4, b"ftyp") {
        "a HEIC or video file"
    } else if at(0, b"%PDF") {
        "a PDF file"
    } else if at(0, b"PK\x03\x04") {
        "a ZIP archive"
    } else if at(0, b"\0\0\0\x0cjP") || at(0, b"\xff\x4f\xff\x51") {
        "a JPEG 2000 file"
    } else if at(0, b"\xff\x0a") || at(0, b"\0\0\0\x0cJXL") {
        "a JPEG XL file"
    } else if head.iter().all(|&b| b == b'\t' || b == b'\n' || b == b'\r' || (0x20..0x7f).contains(&b)) {
        "text"
    } else {
        "bytes of another kind"
    }
}

/// Decodes, converts to 8-bit RGB, turns upright.
pub(super) fn decode(bytes: &[u8], path: &Path, limits: PhotoLimits) -> Result<Rgb, PhotoError> {
    let (format, name) =
        sniff(bytes).ok_or_else(|| PhotoError::UnknownFormat { found: describe(bytes), path: path.to_owned() })?;
    if format == ImageFormat::Jpeg {
        return decode_jpeg(bytes, path, limits);
    }
    let failed = |err: ImageError| from_image_error(&err, name, path);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(decoder_limits());
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width_px, height_px) = decoder.dimensions();
    let size = ImageSize { width_px, height_px };
    check_size(size, limits, name, path)?;
    // Broken metadata is no reason to refuse a photo whose pixels are sound.
    let orientation = orientation(&mut decoder);
    let color = decoder.color_type();
    let mut raw = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
    decoder.read_image(&mut raw).map_err(failed)?;
    let rgb = to_rgb(raw, color).ok_or_else(|| PhotoError::Unsupported {
        format: name,
        reason: format!("samples of type {color:?}"),
        path: path.to_owned(),
    })?;
    Ok(upright(Rgb { size, rgb }, orientation))
}

/// JPEG goes its own way, see [`jpeg`].
fn decode_jpeg(bytes: &[u8], path: &Path, limits: PhotoLimits) -> Result<Rgb, PhotoError> {
    let failed = |err: JpegError| match err {
        JpegError::Corrupt(reason) => {
            PhotoError::Corrupt { format: "JPEG", reason: reason.to_owned(), path: path.to_owned() }
        }
        JpegError::Unsupported(reason) => {
            PhotoError::Unsupported { format: "JPEG", reason: reason.to_owned(), path: path.to_owned() }
        }
    };
    let (size, metadata) = jpeg::read_header(bytes).map_err(failed)?;
    check_size(size, limits, "JPEG", path)?;
    let orientation = metadata.exif.as_deref().and_then(Orientation::from_exif_chunk);
    let orientation = orientation.or_else(|| xmp_orientation(&metadata.xmp.unwrap_or_default()));
    let rgb = jpeg::decode(bytes).map_err(failed)?;
    Ok(upright(Rgb { size, rgb }, orientation.unwrap_or(Orientation::NoTransforms)))
}

fn decoder_limits() -> Limits {
    let mut limits = Limits::no_limits();
    // 16-bit RGBA at the most pixels that are read, and a little for the decoder's own tables.
    limits.max_alloc = Some(2 << 30);
    limits
}

fn check_size(size: ImageSize, limits: PhotoLimits, format: &'static str, path: &Path) -> Result<(), PhotoError> {
    let ImageSize { width_px, height_px } = size;
    if width_px == 0 || height_px == 0 {
        let reason = format!("{width_px} x {height_px} pixels");
        return Err(PhotoError::Corrupt { format, reason, path: path.to_owned() });
    }
    let pixels = u64::from(width_px) * u64::from(height_px);
    if pixels > limits.max_pixels || width_px.max(height_px) > limits.max_edge_px {
        return Err(PhotoError::TooManyPixels {
            limit_pixels: limits.max_pixels,
            limit_edge_px: limits.max_edge_px,
            width_px,
            height_px,
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn from_image_error(err: &ImageError, format: &'static str, path: &Path) -> PhotoError {
    let path = path.to_owned();
    // One sentence: decoders like to add lines and full stops.
    let reason = err.to_string().lines().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned();
    match err {
        ImageError::Unsupported(_) => PhotoError::Unsupported { format, reason, path },
        _ => PhotoError::Corrupt { format, reason, path },
    }
}

/// EXIF's orientation, else the one in XMP, as Pillow looks for it.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    let exif = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    if exif != Orientation::NoTransforms {
        return exif;
    }
    let xmp = decoder.xmp_metadata().ok().flatten().unwrap_or_default();
    xmp_orientation(&xmp).unwrap_or(Orientation::NoTransforms)
}

/// `tiff:Orientation="6"` or `<tiff:Orientation>6<`.
fn xmp_orientation(xmp: &[u8]) -> Option<Orientation> {
    const TAG: &[u8] = b"tiff:Orientation";
    let at = xmp.windows(TAG.len()).position(|window| window == TAG)? + TAG.len();
    let digit = match xmp.get(at..)? {
        [b'=', b'"' | b'\'', digit, ..] | [b'>', digit, ..] => *digit,
        _ => return None,
    };
    Orientation::from_exif(digit.checked_sub(b'0')?)
}

/// Eight bits and three channels; `None` for floating-point samples.
fn to_rgb(raw: Vec<u8>, color: ColorType) -> Option<Vec<u8>> {
    Some(match color {
        ColorType::Rgb8 => raw,
        ColorType::L8 => pick::<1>(&raw, [0, 0, 0]),
        ColorType::La8 => pick::<2>(&raw, [0, 0, 0]),
        ColorType::Rgba8 => pick::<4>(&raw, [0, 1, 2]),
        ColorType::L16 => pick::<2>(&raw, [HIGH, HIGH, HIGH]),
        ColorType::La16 => pick::<4>(&raw, [HIGH, HIGH, HIGH]),
        ColorType::Rgb16 => pick::<6>(&raw, [HIGH, HIGH + 2, HIGH + 4]),
        ColorType::Rgba16 => pick::<8>(&raw, [HIGH, HIGH + 2, HIGH + 4]),
        _ => return None,
    })
}

/// Which byte of a 16-bit sample in this machine's order is the high one.
const HIGH: usize = if cfg!(target_endian = "little") { 1 } else { 0 };

/// Red, green and blue from three bytes of each pixel of `N`.
fn pick<const N: usize>(raw: &[u8], from: [usize; 3]) -> Vec<u8> {
    raw.chunks_exact(N).flat_map(|pixel| from.map(|at| pixel[at])).collect()
}

/// Turns the image as its orientation says.
fn upright(image: Rgb, orientation: Orientation) -> Rgb {
    // Where the pixel at (x, y) of the upright image comes from, by whether the axes swap and which source axes run backwards.
    let (swap, flip_x, flip_y) = match orientation {
        Orientation::NoTransforms => return image,
        Orientation::FlipHorizontal => (false, true, false),
        Orientation::Rotate180 => (false, true, true),
        Orientation::FlipVertical => (false, false, true),
        Orientation::Rotate90FlipH => (true, false, false),
        Orientation::Rotate90 => (true, false, true),
        Orientation::Rotate270FlipH => (true, true, true),
        Orientation::Rotate270 => (true, true, false),
    };
    let ImageSize { width_px, height_px } = image.size;
    let (w, h) = (width_px as usize, height_px as usize);
    let (out_w, out_h) = if swap { (h, w) } else { (w, h) };
    let mut rgb = Vec::with_capacity(image.rgb.len());
    for y in 0..out_h {
        for x in 0..out_w {
            let (sx, sy) = if swap { (y, x) } else { (x, y) };
            let sx = if flip_x { w - 1 - sx } else { sx };
            let sy = if flip_y { h - 1 - sy } else { sy };
            let at = (sy * w + sx) * 3;
            rgb.extend_from_slice(&image.rgb[at..at + 3]);
        }
    }
    let size =
        if swap { ImageSize { width_px: height_px, height_px: width_px } } else { ImageSize { width_px, height_px } };
    Rgb { size, rgb }
}
