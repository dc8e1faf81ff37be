//! The numbers behind a panel.

use crate::geometry::{ImageLayout, PatchPos};

/// The numbers behind a panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PanelData {
    /// Name, shape, values, row-major.
    pub tensor: Option<(String, Vec<usize>, Vec<f32>)>,
    /// Rows of text, the header first.
    pub table: Vec<Vec<String>>,
    /// Figures of merit by id; none where one is not defined.
    pub metrics: Vec<(String, Option<f64>)>,
}

impl PanelData {
    /// A map and its table.
    /// One row a cell; of several regions, the number of the region first.
    pub(super) fn of_map(name: &str, layout: &ImageLayout, values: &[f32], unit: &str) -> Self {
        let sole = layout.sole();
        let mut head = vec!["row".to_owned(), "column".to_owned(), unit.to_owned()];
        if sole.is_none() {
            head.insert(0, "region".to_owned());
        }
        let mut table = vec![head];
        for (idx, value) in values.iter().enumerate() {
            let Some(PatchPos { region, row, col }) = layout.pos(idx) else { continue };
            let numbers = [region, row, col].into_iter().skip(usize::from(sole.is_some())).map(|n| n.to_string());
            table.push(numbers.chain([value.to_string()]).collect());
        }
        let shape = sole.map_or_else(|| vec![values.len()], |sole| vec![sole.grid.rows, sole.grid.cols]);
        let tensor = Some((name.to_owned(), shape, values.to_vec()));
        Self { tensor, table, metrics: Vec::new() }
    }
}
