//! What is added to the outputs of a decoder's first layers: features of the image from inner layers of its encoder.

use candle_core::{Result, Tensor};

/// Rows by layer, of the first positions of a prompt; nothing is added at those behind.
///
/// **Source**: `DeepStack`, Meng et al., arXiv:2406.04334; transformers, `modeling_qwen3_vl.py`, `_deepstack_process`.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    layers: Vec<Tensor>,
}

impl Additions {
    /// Entry k is added to the output of layer k, **shape** `[positions, hidden_size]` each, zeros where nothing is.
    pub fn new(layers: Vec<Tensor>) -> Self {
        Self { layers }
    }

    /// Whether something is added to the output of a layer.
    pub fn reach(&self, layer_idx: usize) -> bool {
        layer_idx < self.layers.len()
    }

    /// Adds what belongs to positions from `start` on to the rows of a layer's output that stand there.
    pub(super) fn add_to(&self, rows: &Tensor, layer_idx: usize, start: usize) -> Result<Option<Tensor>> {
        let Some(layer) = self.layers.get(layer_idx) else { return Ok(None) };
        let (len, num_rows) = (layer.dim(0)?, rows.dim(0)?);
        let shared = len.saturating_sub(start).min(num_rows);
        if shared == 0 {
            return Ok(None);
        }
        let added = (rows.narrow(0, 0, shared)? + layer.narrow(0, start, shared)?.to_dtype(rows.dtype())?)?;
        let rest = rows.narrow(0, shared, num_rows - shared)?;
        if shared == num_rows { Ok(Some(added)) } else { Tensor::cat(&[&added, &rest], 0).map(Some) }
    }

    /// How many of the first `most` positions get the same as another prompt's; what cannot be compared is not the
    /// same.
    pub fn shared(&self, other: &Self, most: usize) -> usize {
        if self.layers.len() != other.layers.len() {
            return 0;
        }
        let both = self.layers.iter().zip(&other.layers);
        both.map(|(a, b)| equal_rows(a, b, most).unwrap_or(0)).min().unwrap_or(most)
    }

    /// Bytes that they hold.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(|layer| layer.elem_count() * layer.dtype().size_in_bytes()).sum()
    }
}

/// Positions behind the shorter of the two get nothing and are the same only where that ends both.
fn equal_rows(a: &Tensor, b: &Tensor, most: usize) -> Result<usize> {
    let (a_len, b_len) = (a.dim(0)?, b.dim(0)?);
    let len = most.min(a_len).min(b_len);
    let equal = if len == 0 {
        0
    } else {
        let rows = a.narrow(0, 0, len)?.eq(&b.narrow(0, 0, len)?)?.min(1)?.to_vec1::<u8>()?;
        rows.iter().take_while(|equal| **equal == 1).count()
    };
    Ok(if equal == len && a_len == b_len { most } else { equal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn rows(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (values.len() / 2, 2), &Device::Cpu).unwrap()
    }

    fn added(additions: &Additions, layer_idx: usize, start: usize) -> Option<Vec<f32>> {
        let found = additions.add_to(&rows(&[1.0; 6]), layer_idx, start).unwrap();
        found.map(|found| found.flatten_all().unwrap().to_vec1().unwrap())
    }

    #[test]
    fn rows_get_what_belongs_to_their_position() {
        let additions = Additions::new(vec![rows(&[0.0, 1.0, 2.0, 3.0])]);
        assert_eq!(added(&additions, 0, 0), Some(vec![1.0, 2.0, 3.0, 4.0, 1.0, 1.0]), "the prompt's beginning");
        assert_eq!(added(&additions, 0, 1), Some(vec![3.0, 4.0, 1.0, 1.0, 1.0, 1.0]), "the rest, behind what is known");
        assert_eq!(added(&additions, 0, 2), None, "the answer");
        assert_eq!(added(&additions, 1, 0), None, "another layer");
    }

    #[test]
    fn prompts_share_positions_up_to_the_first_that_gets_something_else() {
        let one = Additions::new(vec![rows(&[0.0, 1.0, 2.0, 3.0])]);
        let other = Additions::new(vec![rows(&[0.0, 1.0, 2.0, 4.0])]);
        assert_eq!((one.shared(&one, 9), one.shared(&other, 9), one.shared(&other, 1)), (9, 1, 1), "row by row");
        assert_eq!(one.shared(&Additions::default(), 9), 0, "none is something else");
        assert_eq!(Additions::default().shared(&Additions::default(), 9), 9, "nothing is nothing");
        let longer = Additions::new(vec![rows(&[0.0, 1.0, 2.0, 3.0, 5.0, 5.0])]);
        assert_eq!(one.shared(&longer, 9), 2, "the third position gets something in one of them");
    }
}
