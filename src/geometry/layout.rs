//! Where the image tokens of a prompt lie on the photo.

use super::outside::{GeometryError, refused};
use super::{ImageSize, ModelView, PatchGrid, PatchPos, PlacedRegion, RectPx};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What a region shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionKind {
    /// The photo, cropped or padded, at the model's resolution.
    Photo,
    /// A part of it at a higher resolution.
    Tile,
    /// All of it at a lower one, beside tiles.
    Thumbnail,
    /// Tokens that ask the encoder and cover no pixels.
    Queries,
}

/// A grid of image tokens. Its cells divide its rectangle evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// What it shows.
    pub kind: RegionKind,
    /// Place of its first cell among the image tokens.
    pub first_token: usize,
    /// Rows and columns of cells; they need not be as many.
    pub grid: PatchGrid,
    /// Image tokens from the start of a row to that of the next: the columns, and separators where rows end with some.
    pub row_stride: usize,
    /// The pixels of the photo that the cells cover, which may reach beyond it (padding); `None` for cells that cover
    /// none.
    pub rect_px: Option<RectPx>,
    /// Which of the model's encoders saw it.
    pub encoder: usize,
}

impl Region {
    /// Place of a cell among the image tokens.
    pub fn token(&self, row: usize, col: usize) -> usize {
        self.first_token.saturating_add(row.saturating_mul(self.row_stride)).saturating_add(col)
    }

    /// One past the last cell's place, without a separator behind it; `None` where that is beyond all counting.
    fn end(&self) -> Option<usize> {
        let last_row = self.grid.rows.checked_sub(1)?.checked_mul(self.row_stride)?;
        self.first_token.checked_add(last_row)?.checked_add(self.grid.cols)
    }

    /// Row and column of an image token, if it is one of the cells.
    fn place(&self, token: usize) -> Option<(usize, usize)> {
        let at = token.checked_sub(self.first_token)?;
        let (row, col) = (at.checked_div(self.row_stride)?, at.checked_rem(self.row_stride)?);
        (row < self.grid.rows && col < self.grid.cols).then_some((row, col))
    }
}

/// How regions that lie on each other become one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The mean of all that cover a spot, each weighing by how much of it it covers.
    #[default]
    Mean,
    /// The largest value there.
    Largest,
    /// One region alone.
    Region(usize),
}

impl Combine {
    /// Whether a region has a part in it.
    pub fn counts(self, region: usize) -> bool {
        match self {
            Self::Region(only) => region == only,
            Self::Mean | Self::Largest => true,
        }
    }

    /// Puts the values of the regions that cover a spot together: (region, value, weight); `None` where none counts.
    pub fn of(self, parts: impl IntoIterator<Item = (usize, f64, f64)>) -> Option<f64> {
        let (mut sum, mut weight, mut largest) = (0.0, 0.0, None::<f64>);
        for (region, value, part) in parts {
            if self.counts(region) && part > 0.0 {
                sum += part * value;
                weight += part;
                largest = Some(largest.map_or(value, |so_far| so_far.max(value)));
            }
        }
        match self {
            Self::Largest => largest,
            Self::Mean | Self::Region(_) => (weight > 0.0).then(|| sum / weight),
        }
    }
}

/// Where the image tokens of a prompt lie on the photo: made by a processor after it has seen the photo.
///
/// *Image tokens* are counted from the first one of the prompt, separators and other tokens without pixels included;
/// *cells* are those that cover pixels, region after region, row-major: what a map has values for.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageLayout {
    image: ImageSize,
    num_tokens: usize,
    regions: Vec<Region>,
}

impl ImageLayout {
    /// Most regions of a layout: what `shaders/heat.wgsl` has room for, and three times what published processors make.
    pub const MOST_REGIONS: usize = 128;

    /// Checks that every region has cells, that all lie within `num_tokens`, that none is counted twice and that
    /// something of the photo is covered, if anything is.
    pub fn new(image: ImageSize, num_tokens: usize, regions: Vec<Region>) -> Result<Self, GeometryError> {
        if !(1..=Self::MOST_REGIONS).contains(&regions.len()) {
            return refused(format!("1 to {} regions", Self::MOST_REGIONS), regions.len().to_string());
        }
        let mut cells = 0_usize;
        for (idx, region) in regions.iter().enumerate() {
            let PatchGrid { rows, cols } = region.grid;
            if PatchGrid::checked(rows, cols).is_none() || region.row_stride < cols {
                let expected = format!("a grid of 1 to {} cells whose rows do not overlap", PatchGrid::MOST);
                return refused(expected, format!("{rows} x {cols}, {} from row to row", region.row_stride));
            }
            cells = cells.saturating_add(region.grid.len());
            if region.end().is_none_or(|end| end > num_tokens) {
                let expected = format!("regions within {num_tokens} image tokens");
                let found = format!("{rows} rows of {cols} from {}, {} apart", region.first_token, region.row_stride);
                return refused(expected, found);
            }
            if let Some(rect) = region.rect_px.filter(|rect| !rect.shows_some_of(image)) {
                let ImageSize { width_px, height_px } = image;
                let expected = format!("a part of the photo of {width_px} x {height_px} pixels");
                return refused(expected, format!("{:?} for region {idx}", rect.edges()));
            }
        }
        if cells > PatchGrid::MOST {
            return refused(format!("at most {} cells", PatchGrid::MOST), cells.to_string());
        }
        let layout = Self { image, num_tokens, regions };
        let mut taken = vec![false; num_tokens.min(cells.saturating_add(num_tokens))];
        for region in &layout.regions {
            for token in cells_of(region.grid).map(|(row, col)| region.token(row, col)) {
                match taken.get_mut(token) {
                    Some(seen) if !*seen => *seen = true,
                    _ => return refused("each image token in one region", format!("token {token} in two")),
                }
            }
        }
        Ok(layout)
    }

    /// One grid that a processor made by resizing and cropping or padding; `before` image tokens without pixels precede
    /// it.
    pub fn of_view(view: &ModelView, before: usize) -> Self {
        let ModelView { image, rect_px, grid, .. } = *view;
        let region = Region {
            kind: RegionKind::Photo,
            first_token: before,
            grid,
            row_stride: grid.cols,
            rect_px: Some(rect_px),
            encoder: 0,
        };
        Self { image, num_tokens: before.saturating_add(grid.len()), regions: vec![region] }
    }

    /// The photo.
    pub fn image(&self) -> ImageSize {
        self.image
    }

    /// Image tokens, those without pixels included.
    pub fn num_tokens(&self) -> usize {
        self.num_tokens
    }

    /// All regions, in the order of the file and of cells.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Regions that cover pixels, with their numbers and the places of their first cells in a map.
    pub fn placed(&self) -> impl Iterator<Item = PlacedRegion> + '_ {
        let mut first_cell = 0;
        self.regions.iter().enumerate().filter_map(move |(idx, region)| {
            let rect_px = region.rect_px?;
            let placed = PlacedRegion { idx, first_cell, grid: region.grid, rect_px };
            first_cell += region.grid.len();
            Some(placed)
        })
    }

    /// The only region, where there is one and it covers pixels.
    pub fn sole(&self) -> Option<PlacedRegion> {
        if self.regions.len() == 1 { self.placed().next() } else { None }
    }

    /// The regions that one encoder saw, alone; `None` where it saw none of them.
    pub fn of_encoder(&self, encoder: usize) -> Option<Self> {
        let regions: Vec<Region> = self.regions.iter().filter(|region| region.encoder == encoder).copied().collect();
        (!regions.is_empty()).then(|| Self { regions, ..self.clone() })
    }

    /// Cells of a map.
    pub fn len(&self) -> usize {
        self.placed().map(|region| region.grid.len()).sum()
    }

    /// Whether no token covers a pixel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Image tokens that cover no pixel: `[CLS]`, separators, queries.
    pub fn num_unplaced(&self) -> usize {
        self.num_tokens.saturating_sub(self.len())
    }

    /// Place of every cell among the image tokens, in the order of cells.
    pub fn tokens(&self) -> impl Iterator<Item = usize> + '_ {
        let placed = self.regions.iter().filter(|region| region.rect_px.is_some());
        placed.flat_map(|region| cells_of(region.grid).map(|(row, col)| region.token(row, col)))
    }

    /// The same where they are one run of tokens, as in every layout of one grid without separators; `None` elsewhere.
    /// Costs a step a region, so that a map of every word can ask it.
    pub fn token_run(&self) -> Option<Range<usize>> {
        let mut run: Option<Range<usize>> = None;
        for region in self.regions.iter().filter(|region| region.rect_px.is_some()) {
            let is_dense = region.row_stride == region.grid.cols || region.grid.rows == 1;
            let start = run.as_ref().map_or(region.first_token, |run| run.start);
            let follows = run.as_ref().is_none_or(|run| run.end == region.first_token);
            if !is_dense || !follows {
                return None;
            }
            run = Some(start..region.first_token + region.grid.len());
        }
        run
    }

    /// The cell of an image token; `None` for one without pixels.
    pub fn pos_of_token(&self, token: usize) -> Option<PatchPos> {
        let regions = self.regions.iter().enumerate().filter(|(_, region)| region.rect_px.is_some());
        let mut found = regions.filter_map(|(idx, region)| Some((idx, region.place(token)?)));
        found.next().map(|(region, (row, col))| PatchPos { region, row, col })
    }

    /// Place of a cell in a map.
    pub fn idx(&self, pos: PatchPos) -> Option<usize> {
        let region = self.placed().find(|region| region.idx == pos.region)?;
        let inside = pos.row < region.grid.rows && pos.col < region.grid.cols;
        inside.then(|| region.first_cell + region.grid.idx(pos))
    }

    /// The cell at a place of a map.
    pub fn pos(&self, idx: usize) -> Option<PatchPos> {
        let region = self.placed().find(|region| (region.first_cell..region.end_cell()).contains(&idx))?;
        region.grid.pos(idx - region.first_cell).map(|pos| PatchPos { region: region.idx, ..pos })
    }

    /// The pixels of the photo that a cell covers.
    pub fn rect_of(&self, pos: PatchPos) -> Option<RectPx> {
        self.idx(pos)?;
        self.placed().find(|region| region.idx == pos.region).map(|region| region.cell_rect_px(pos.row, pos.col))
    }

    /// Every cell that covers a point of the photo, one a region, in the order of regions.
    pub fn cells_at(&self, x_px: f64, y_px: f64) -> impl Iterator<Item = PatchPos> + '_ {
        self.placed().filter_map(move |region| region.pos_at(x_px, y_px))
    }

    /// How regions are put together here: a region alone that this layout has not, or that lies on no pixel, is no
    /// choice, and the mean counts.
    pub fn in_force(&self, combine: Combine) -> Combine {
        match combine {
            Combine::Region(only) if self.placed().all(|region| region.idx != only) => Combine::Mean,
            combine => combine,
        }
    }

    /// The cell that a point of the photo stands for: of a region that is shown alone, or the smallest one there.
    pub fn cell_at(&self, x_px: f64, y_px: f64, combine: Combine) -> Option<PatchPos> {
        let combine = self.in_force(combine);
        let area = |pos: &PatchPos| self.rect_of(*pos).map_or(f64::INFINITY, RectPx::area);
        self.cells_at(x_px, y_px).filter(|pos| combine.counts(pos.region)).min_by(|a, b| area(a).total_cmp(&area(b)))
    }

    /// The smallest rectangle around everything that the model saw; it may reach beyond the photo. The photo itself
    /// where no token covers a pixel.
    pub fn seen_px(&self) -> RectPx {
        let rects = self.placed().map(|region| region.rect_px);
        rects.reduce(RectPx::around).unwrap_or_else(|| RectPx::of(self.image))
    }

    /// "24 x 24 patches"; of several regions "24 x 24 and 48 x 48 patches".
    pub fn words(&self) -> String {
        let one = |region: &Region| format!("{} x {}", region.grid.rows, region.grid.cols);
        format!("{} patches", self.regions.iter().map(one).collect::<Vec<_>>().join(" and "))
    }

    /// What a region is called: "photo", "tile 2".
    pub fn name(&self, region: usize) -> String {
        let Some(kind) = self.regions.get(region).map(|region| region.kind) else { return format!("region {region}") };
        let alike = |idx: usize| self.regions.iter().take(idx).filter(|region| region.kind == kind).count();
        let name = match kind {
            RegionKind::Photo => "photo",
            RegionKind::Tile => "tile",
            RegionKind::Thumbnail => "thumbnail",
            RegionKind::Queries => "queries",
        };
        if alike(self.regions.len()) == 1 { name.to_owned() } else { format!("{name} {}", alike(region) + 1) }
    }

    /// Whether some spot of the photo is covered twice, so that a map of it is a choice.
    pub fn overlaps(&self) -> bool {
        let rects: Vec<RectPx> = self.placed().map(|region| region.rect_px).collect();
        let meet = |a: &RectPx, b: &RectPx| a.x0.max(b.x0) < a.x1.min(b.x1) && a.y0.max(b.y0) < a.y1.min(b.y1);
        rects.iter().enumerate().any(|(idx, a)| rects.iter().skip(idx + 1).any(|b| meet(a, b)))
    }

    /// Whether the same cells lie on the same pixels; a hundredth of a pixel is rounding.
    pub fn is_like(&self, other: &Self) -> bool {
        let same = |(a, b): (&Region, &Region)| {
            let place = match (a.rect_px, b.rect_px) {
                (Some(a), Some(b)) => a.is_near(b, super::view::SAME_PX),
                (a, b) => a.is_none() && b.is_none(),
            };
            let parts = |r: &Region| (r.first_token, r.grid, r.row_stride, r.encoder);
            place && parts(a) == parts(b)
        };
        (self.image, self.num_tokens, self.regions.len()) == (other.image, other.num_tokens, other.regions.len())
            && self.regions.iter().zip(&other.regions).all(same)
    }
}

impl From<ModelView> for ImageLayout {
    fn from(view: ModelView) -> Self {
        Self::of_view(&view, 0)
    }
}

/// Rows and columns of a grid, row-major.
fn cells_of(grid: PatchGrid) -> impl Iterator<Item = (usize, usize)> {
    (0..grid.rows).flat_map(move |row| (0..grid.cols).map(move |col| (row, col)))
}
