//! A family: 3 x 5 patches of the whole photo, each row with a separator behind it, over 2 x 2 of its left half; one
//! token without pixels in front; two encoders without `[CLS]`; positions in three rows. Its decoder is the demo's.

use super::super::support::{brightness, decoder, eos_token_ids};
use candle_core::{Device, Result as TensorResult, Tensor};
use gazelens::data::{Photo, PreprocessError};
use gazelens::geometry::{Framing, ImageLayout, ImageSize, ModelView, PatchGrid, PreprocessSpec};
use gazelens::geometry::{RectPx, Region, RegionKind};
use gazelens::model::{Additions, Decoder, Embedded, EncoderInfo, EncoderProbe, Framed, ImageFeatures, ImagePlace};
use gazelens::model::{ModelError, Positions, Prepared, Probe, Site, Tower, VisionLanguageModel, embed_around};

pub(crate) const GRIDS: [PatchGrid; 2] = [PatchGrid { rows: 3, cols: 5 }, PatchGrid { rows: 2, cols: 2 }];
const HEADS: usize = 2;
/// One without pixels, three rows and their separators, four.
const TOKENS: usize = 1 + 3 * (5 + 1) + 4;

#[derive(Debug)]
pub(crate) struct Toy {
    decoder: Decoder,
    encoders: [EncoderInfo; 2],
    eos_token_ids: Vec<u32>,
}

impl Toy {
    pub(crate) fn new() -> Self {
        let encoders = [("far", GRIDS[0]), ("near", GRIDS[1])];
        let encoders = encoders.map(|(name, grid)| EncoderInfo::patches(name, 1, (HEADS, 1), 15, grid));
        Self { decoder: decoder(&[8, 4, 4]), encoders, eos_token_ids: eos_token_ids() }
    }

    /// Every patch looks at the bright ones, by the second head the more so.
    fn look(encoder_idx: usize, bright: &[f32], probe: &mut dyn Probe) -> TensorResult<Tensor> {
        let (n, tower) = (bright.len(), Tower::Vision);
        let (layer_idx, branch_idx, query_start) = (0, 0, 0);
        let site = Site { tower, encoder_idx, layer_idx, branch_idx, query_start, query_len: n, key_len: n };
        let states = Tensor::new(bright, &Device::Cpu)?;
        let scores = Tensor::stack(&[states.clone(), (&states * 2.0)?], 0)?.unsqueeze(1)?;
        let probs = candle_nn::ops::softmax(&scores.broadcast_as((HEADS, n, n))?.contiguous()?, 2)?;
        let (mut probe, states) = (EncoderProbe::new(probe, encoder_idx), states.unsqueeze(1)?);
        if probe.wants_probs(&site) {
            probe.probs(&site, &probs)?;
        }
        let edited = if probe.wants_hidden(&site) { probe.hidden(&site, &states)? } else { None };
        Ok(edited.unwrap_or(states))
    }

    fn features(&self, pixels: &Tensor, layout: &ImageLayout, probe: &mut dyn Probe) -> TensorResult<ImageFeatures> {
        let bright: Vec<f32> = pixels.flatten_all()?.to_vec1()?;
        let (far, near) = bright.split_at(GRIDS[0].len());
        let vision = vec![Self::look(0, far, probe)?, Self::look(1, near, probe)?];
        let width = self.decoder.config().hidden_size;
        let mut rows = vec![0.0_f32; TOKENS * width];
        for (token, value) in layout.tokens().zip(&bright) {
            rows[token * width..][..width].iter_mut().zip(1_u16..).for_each(|(x, at)| *x = value * f32::from(at).sin());
        }
        Ok(ImageFeatures { vision, projected: Tensor::from_vec(rows, (TOKENS, width), &Device::Cpu)? })
    }
}

impl VisionLanguageModel for Toy {
    fn encoders(&self) -> &[EncoderInfo] {
        &self.encoders
    }

    fn eos_token_ids(&self) -> &[u32] {
        &self.eos_token_ids
    }

    fn frame(&self, photo: ImageSize, spec: &PreprocessSpec) -> Framed {
        let whole = RectPx::of(photo);
        let left = Some(RectPx { x1: whole.x1 / 2.0, ..whole });
        let (kind, grid, rect_px) = (RegionKind::Photo, GRIDS[0], Some(whole));
        let far = Region { kind, first_token: 1, grid, row_stride: 6, rect_px, encoder: 0 };
        let (kind, grid, rect_px) = (RegionKind::Tile, GRIDS[1], left);
        let near = Region { kind, first_token: 19, grid, row_stride: 2, rect_px, encoder: 1 };
        let layout = ImageLayout::new(photo, TOKENS, vec![far, near]).unwrap();
        let view = ModelView { image: photo, rect_px: whole, grid: GRIDS[0], framing: Framing::Crop };
        Framed { preprocessing: spec.clone(), view, layout }
    }

    fn prepare(&self, photo: &Photo, spec: &PreprocessSpec) -> Result<Prepared, PreprocessError> {
        let far = brightness(photo, photo.width_px, GRIDS[0]);
        let values = [far, brightness(photo, photo.width_px / 2, GRIDS[1])].concat();
        let pixel_values = Tensor::from_slice(&values, (1, values.len()), &Device::Cpu).unwrap();
        Ok(Prepared { framed: self.frame(photo.size(), spec), pixel_values, values: values.into() })
    }

    fn see(
        &self,
        pixels: &Tensor,
        layout: &ImageLayout,
        _branch_idx: usize,
        probe: &mut dyn Probe,
    ) -> Result<ImageFeatures, ModelError> {
        self.features(pixels, layout, probe).map_err(ModelError::part("Looking"))
    }

    fn embed(&self, ids: &[u32], image: Option<ImagePlace<'_>>) -> Result<Embedded, ModelError> {
        let (start, end) = image.map_or((ids.len(), ids.len()), |image| (image.span.start, image.span.end()));
        let pos = |at: usize| image.and_then(|image| image.layout?.pos_of_token(at - start));
        let at_cell = |at: usize| pos(at).map_or([start; 3], |pos| [start, start + pos.row, start + pos.col]);
        let place = |at: usize| match at {
            before if before < start => [before; 3],
            token if token < end => at_cell(token),
            after => [after - end + start + GRIDS[0].cols; 3],
        };
        let positions = Positions::three_rows((0..ids.len()).map(place).collect());
        let embeddings = embed_around(&self.decoder, ids, image)?;
        Ok(Embedded { embeddings, positions, additions: Additions::default() })
    }

    fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}
