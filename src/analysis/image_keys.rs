//! Which keys are patches.

use super::AnalysisError;
use crate::geometry::ImageLayout;
use crate::ids::TokenSpan;
use crate::trace::Trace;

/// The image tokens among the keys of every row of a trace: those that cover pixels, and those that do not (`[CLS]`,
/// separators), which are left out of maps but count as image where attention is split among image and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageKeys {
    /// All image tokens.
    pub image: TokenSpan,
    cells: Cells,
}

/// Positions of the tokens that cover pixels, in the order of a map's values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cells {
    /// One behind the other, as in every layout of one grid.
    Run(TokenSpan),
    /// In any order.
    Scattered(Vec<usize>),
}

impl ImageKeys {
    /// Checks the trace's image tokens against their layout.
    pub fn of(trace: &Trace) -> Result<Self, AnalysisError> {
        let (image, layout) = (trace.image_token_span, &*trace.layout);
        if image.len != layout.num_tokens() || layout.is_empty() {
            return Err(AnalysisError::SpanMismatch { expected: layout.num_tokens(), found: image.len });
        }
        let (expected, found) = (trace.prompt.len(), image.start.saturating_add(image.len));
        if found > expected {
            return Err(AnalysisError::WrongShape { what: "prompt positions", expected, found });
        }
        Ok(Self::new(image, layout))
    }

    /// The keys of a layout whose tokens are these.
    pub fn new(image: TokenSpan, layout: &ImageLayout) -> Self {
        Self { image, cells: Cells::new(layout, image.start) }
    }

    /// Cells of a map.
    pub fn num_cells(&self) -> usize {
        match &self.cells {
            Cells::Run(span) => span.len,
            Cells::Scattered(positions) => positions.len(),
        }
    }

    /// Image tokens that cover no pixel.
    pub fn num_unplaced(&self) -> usize {
        self.image.len.saturating_sub(self.num_cells())
    }

    /// A row's values at the cells, in the order of a map. A prompt row before the end of the image sees only part of
    /// it: what lies ahead gets nothing.
    pub fn values(&self, row: &[f32]) -> Vec<f64> {
        match &self.cells {
            Cells::Run(span) => {
                let len = row.len();
                let visible = row.get(span.start.min(len)..span.end().min(len)).unwrap_or(&[]);
                let mut values: Vec<f64> = visible.iter().map(|&p| f64::from(p)).collect();
                values.resize(span.len, 0.0);
                values
            }
            Cells::Scattered(positions) => {
                positions.iter().map(|at| row.get(*at).map_or(0.0, |&p| f64::from(p))).collect()
            }
        }
    }

    /// The cell of the first position, if it is one: where a prompt begins with the image.
    pub(super) fn first_position(&self) -> Option<usize> {
        match &self.cells {
            Cells::Run(span) => span.contains(0).then_some(0),
            Cells::Scattered(positions) => positions.iter().position(|at| *at == 0),
        }
    }
}

impl Cells {
    fn new(layout: &ImageLayout, start: usize) -> Self {
        match layout.token_run() {
            Some(run) => Self::Run(TokenSpan { start: start + run.start, len: run.len() }),
            None => Self::Scattered(layout.tokens().map(|token| start + token).collect()),
        }
    }
}
