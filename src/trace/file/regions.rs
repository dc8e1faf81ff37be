//! The image's regions in a file: two tensors for other programs, and in the notes what those leave out.

use super::super::Trace;
use crate::geometry::{GeometryError, ImageLayout, ImageSize, PatchGrid, RectPx, Region, RegionKind};
use serde::{Deserialize, Serialize};

/// What the tensors do not say of a region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(in crate::trace) struct RegionNote {
    kind: RegionKind,
    encoder: usize,
    /// With every digit: the tensor has single precision.
    #[serde(default)]
    rect_px: Option<RectPx>,
}

impl RegionNote {
    fn of(region: &Region) -> Self {
        Self { kind: region.kind, encoder: region.encoder, rect_px: region.rect_px }
    }
}

/// One note a region.
pub(super) fn notes(layout: &ImageLayout) -> Vec<RegionNote> {
    layout.regions().iter().map(RegionNote::of).collect()
}

/// `image_regions`: first position in the prompt, rows, columns, positions from row to row.
pub(super) fn numbers(trace: &Trace) -> Vec<usize> {
    let start = trace.image_token_span.start;
    let of = |region: &Region| {
        [start.saturating_add(region.first_token), region.grid.rows, region.grid.cols, region.row_stride]
    };
    trace.layout.regions().iter().flat_map(of).collect()
}

/// `image_region_rects`: left, top, right, bottom in pixels of the photo; NaN for cells without pixels.
pub(super) fn rects(layout: &ImageLayout) -> Vec<f32> {
    layout.regions().iter().flat_map(|region| single(region.rect_px)).collect()
}

fn single(rect_px: Option<RectPx>) -> [f32; 4] {
    #[expect(clippy::cast_possible_truncation, reason = "the type of the tensor; the notes have every digit")]
    rect_px.map_or([f64::NAN; 4], RectPx::edges).map(|edge| edge as f32)
}

fn refused<T>(expected: impl Into<String>, found: impl Into<String>) -> Result<T, GeometryError> {
    Err(GeometryError { expected: expected.into(), found: found.into() })
}

/// The layout that the tensors and the notes describe together. `start` and `num_tokens` are those of the image tokens.
pub(super) fn layout(
    image: ImageSize,
    [start, num_tokens]: [usize; 2],
    numbers: &[usize],
    rects: &[f32],
    notes: &[RegionNote],
) -> Result<ImageLayout, GeometryError> {
    let (numbers, rects) = (numbers.as_chunks::<4>().0, rects.as_chunks::<4>().0);
    if !notes.is_empty() && notes.len() != numbers.len() {
        return refused(format!("a note for each of {} regions", numbers.len()), notes.len().to_string());
    }
    let kind = if numbers.len() == 1 { RegionKind::Photo } else { RegionKind::Tile };
    let region = |(idx, (numbers, rect)): (usize, (&[usize; 4], &[f32; 4]))| {
        let [first, rows, cols, row_stride] = *numbers;
        let Some(first_token) = first.checked_sub(start) else {
            return refused(format!("a region from position {start} on"), format!("one from {first}"));
        };
        let stored = rect_of(*rect)?;
        let note = notes.get(idx).copied().unwrap_or(RegionNote { kind, encoder: 0, rect_px: stored });
        if single(note.rect_px).map(f32::to_bits) != single(stored).map(f32::to_bits) {
            let found = match note.rect_px {
                Some(found) => format!("{:?}", single(Some(found))),
                None => "none".to_owned(),
            };
            return refused(format!("the rectangle {rect:?} of region {idx} in the notes"), found);
        }
        let grid = PatchGrid { rows, cols };
        let RegionNote { kind, encoder, rect_px } = note;
        Ok(Region { kind, first_token, grid, row_stride, rect_px, encoder })
    };
    let regions = numbers.iter().zip(rects).enumerate().map(region).collect::<Result<_, _>>()?;
    ImageLayout::new(image, num_tokens, regions)
}

/// Four edges in order, or none at all.
fn rect_of(edges: [f32; 4]) -> Result<Option<RectPx>, GeometryError> {
    if edges.iter().all(|edge| edge.is_nan()) {
        return Ok(None);
    }
    let [x0, y0, x1, y1] = edges.map(f64::from);
    RectPx::checked(x0, y0, x1, y1).map(Some)
}
