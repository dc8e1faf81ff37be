//! The reverse direction: who looked at these patches?

use super::{AnalysisError, MapOptions, PatchMap, Selection, TokenRef, TokenSet, decoder_map};
use crate::geometry::PatchPos;
use crate::trace::Trace;

/// How much one token looked at the selected patches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatchAttention {
    /// Sum over the patches, parts of all keys (means of probabilities, or sums of maxima).
    pub sum: f32,
    /// The same as part of the token's attention on all patches; 0 if it did not look at the image.
    pub share: f32,
}

/// Every token that has a row.
#[derive(Debug, Clone, PartialEq)]
pub struct TokensForPatches {
    /// One a generated token, `None` where no row was kept.
    pub output: Vec<Option<PatchAttention>>,
    /// Prompt positions whose rows were recorded.
    pub prompt: Vec<(usize, PatchAttention)>,
}

/// How much every token looked at these patches: heads first, then layers, then the sum over patches. Repeated patches
/// count once.
pub fn tokens_for_patches(
    trace: &Trace,
    patches: &[PatchPos],
    selection: Selection,
    options: MapOptions,
) -> Result<TokensForPatches, AnalysisError> {
    let cells = patch_cells(trace, patches)?;
    let of = |token| -> Result<PatchAttention, AnalysisError> {
        let tokens = TokenSet::new([token], super::Reduce::Mean);
        let map =
            decoder_map(trace, &tokens, selection, MapOptions { normalisation: super::Normalisation::Raw, ..options })?;
        Ok(on_patches(&map, &cells))
    };
    let mut output = Vec::with_capacity(trace.output.len());
    for idx in 0..trace.output.len() {
        output.push(match of(TokenRef::Output(idx)) {
            Err(AnalysisError::NoRow { .. }) => None,
            found => Some(found?),
        });
    }
    let prompt =
        trace.prompt_attention.iter().map(|(at, _)| Ok((*at, of(TokenRef::Prompt(*at))?))).collect::<Result<_, _>>()?;
    Ok(TokensForPatches { output, prompt })
}

/// Places of patches in a map, each once; an error for one outside the grid or for none at all.
fn patch_cells(trace: &Trace, patches: &[PatchPos]) -> Result<Vec<usize>, AnalysisError> {
    let mut cells = Vec::with_capacity(patches.len());
    for &pos in patches {
        let beyond = || {
            let region = trace.layout.regions().get(pos.region);
            let found = region.map_or(trace.layout.len(), |region| region.grid.idx(pos));
            AnalysisError::OutOfRange { what: "patch", count: trace.layout.len(), found }
        };
        cells.push(trace.layout.idx(pos).ok_or_else(beyond)?);
    }
    cells.sort_unstable();
    cells.dedup();
    if cells.is_empty() { Err(AnalysisError::NothingSelected { what: "patch" }) } else { Ok(cells) }
}

fn on_patches(map: &PatchMap, cells: &[usize]) -> PatchAttention {
    let sum: f64 = cells.iter().filter_map(|&cell| map.values.get(cell)).map(|&v| f64::from(v)).sum();
    let share = if map.total > 0.0 { sum / map.total } else { 0.0 };
    PatchAttention { sum: super::share::narrow(sum), share: super::share::narrow(share) }
}
