//! Visual contrastive decoding: the other branch sees the photo under noise.

use super::{BETA, alpha};
use crate::decode::contrast::{Combined, Contrast};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, QuestionContext, Step};
use crate::decode::noise::Normal;
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength, Word,
};
use crate::files;
use crate::model::ModelError;
use candle_core::{DType, Device, Tensor};
use std::path::{Path, PathBuf};

const ID: &str = "vcd";
/// Steps of the schedule.
const NUM_STEPS: usize = 1000;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "VCD: noised image",
    help: "Contrasts the model's prediction with one from a noisy copy of the photo and favours tokens that only the \
        clean photo supports",
    paper: "Leng et al., Mitigating Object Hallucinations in Large Vision-Language Models through Visual Contrastive \
        Decoding, CVPR 2024, arXiv:2311.16922",
    word: Word::Strategy,
    acts: Acts::Branch,
    cost: "a second branch: one more prompt pass, and one more row a token",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        alpha("1"),
        BETA,
        ParameterInfo::whole(
            "step",
            "500",
            (0, NUM_STEPS - 1),
            "Noise: index into the diffusion schedule, 0 is next to none",
        )
        .usual(0.0, 999.0),
        ParameterInfo::file(
            "noise",
            "",
            "Safetensors file with the noise (tensor `noise`, the input's shape) instead of the seeded draw",
        ),
    ],
    presets: &[
        Preset { id: "paper", help: "beta 0.1, as the paper and the code's own default", values: &[("beta", "0.1")] },
        Preset { id: "official", help: "beta 0.2, as the script that the authors run", values: &[("beta", "0.2")] },
    ],
    strength: Some(Strength { parameter: "alpha", none: 0.0 }),
};

/// VCD.
///
/// The noised input is `sqrt(abar_t) x + sqrt(1 - abar_t) eps` over the normalised pixel values, not clamped, one draw
/// a question; `beta_i = sigmoid(-6 + 12 i / 999) (0.005 - 1e-5) + 1e-5`, `abar_t` the product of `1 - beta_i` up to
/// and with `t`, the step's 0-based index.
/// **Source**: Leng et al. 2024, equations 3 and 6; `vcd_utils/vcd_add_noise.py` and `vcd_sample.py` of the authors'
/// code.
/// **Differs** from that code before July 2024, where the other branch read the ordinary one's keys from the second
/// token on, so that the contrast did nothing (test `strategies_compute_what_pytorch_computes`, whose reference has no
/// keys to go stale); and in the random numbers, which `noise=FILE` replaces.
pub(super) struct Vcd;

impl Registered for Vcd {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Vcd {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("alpha")?, beta: parameters.number("beta")? };
        let step = parameters.count("step")?;
        let given = match parameters.text("noise") {
            "" => None,
            path => Some(read_noise(Path::new(path))?),
        };
        Ok(Box::new(ActiveVcd { contrast, step, given }))
    }
}

#[derive(Clone)]
struct ActiveVcd {
    contrast: Contrast,
    step: usize,
    /// Noise of a file.
    given: Option<(Tensor, PathBuf)>,
}

impl ActiveMethod for ActiveVcd {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, _parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        let expected = question.input_shape.to_vec();
        match &self.given {
            Some((noise, path)) if noise.dims() != expected => {
                Err(DecodeError::NoiseShape { expected, found: noise.dims().to_vec(), path: path.clone() })
            }
            _ => Ok(()),
        }
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let pixel_values = context.pixel_values.ok_or(DecodeError::NoImage { owner: ID })?;
        let noised = || -> candle_core::Result<Tensor> {
            let noise = if let Some((noise, _)) = &self.given {
                noise.clone()
            } else {
                let draws: Vec<f32> = Normal::new(context.seed).take(pixel_values.elem_count()).collect();
                Tensor::from_vec(draws, pixel_values.shape(), &Device::Cpu)?
            };
            let (signal, spread) = schedule(self.step);
            let clean = pixel_values.to_dtype(DType::F32)?;
            (clean * signal)? + (noise.to_device(pixel_values.device())? * spread)?
        };
        let noised = noised().map_err(ModelError::part("Adding noise"))?;
        let features = encode(&noised)?;
        Ok(vec![context.replace_image(ID, Some(&features))?])
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let negative = step.branch()?;
        Ok(Some(self.contrast.of(step.logits, negative)))
    }
}

/// `sqrt(abar_t)` and `sqrt(1 - abar_t)`.
fn schedule(step: usize) -> (f64, f64) {
    let beta = |i: usize| {
        let x = -6.0 + 12.0 * i as f64 / (NUM_STEPS - 1) as f64;
        (0.005 - 1e-5) / (1.0 + (-x).exp()) + 1e-5
    };
    let kept: f64 = (0..=step).map(|i| 1.0 - beta(i)).product();
    (kept.sqrt(), (1.0 - kept).sqrt())
}

/// Hundreds of times what a photo of a model has: 3 x 336 x 336 values are 1.3 MB.
const MOST_NOISE_BYTES: u64 = 256 << 20;

fn read_noise(path: &Path) -> Result<(Tensor, PathBuf), DecodeError> {
    let refused = |found: String| DecodeError::NoiseFile { owner: ID, found, path: path.to_owned() };
    let bytes = files::read(path, MOST_NOISE_BYTES).map_err(|err| {
        let why = files::reason(&err);
        DecodeError::NoiseUnread { owner: ID, why, path: path.to_owned() }
    })?;
    let first_line = |err: candle_core::Error| err.to_string().lines().next().unwrap_or_default().to_owned();
    let mut tensors =
        candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|err| refused(first_line(err)))?;
    let mut names: Vec<_> = tensors.keys().cloned().collect();
    names.sort();
    let Some(noise) = tensors.remove("noise") else {
        return Err(refused(format!(
            "the tensors {}",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        )));
    };
    let noise = noise.to_dtype(DType::F32).map_err(|err| refused(first_line(err)))?;
    let values = noise.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(|err| refused(first_line(err)))?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err(refused("values that are not finite".to_owned()));
    }
    Ok((noise, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_the_published_one() {
        // Computed with PyTorch in f64.
        for (step, signal, spread) in [
            (0, 0.999_988_83, 0.004_726_35),
            (100, 0.998_292_92, 0.058_405_82),
            (300, 0.980_983_88, 0.194_089_23),
            (499, 0.864_103_32, 0.503_314_47),
            (500, 0.863_017_11, 0.505_174_70),
            (700, 0.592_677_33, 0.805_439_99),
            (900, 0.364_887_88, 0.931_051_47),
            (999, 0.285_042_44, 0.958_514_90),
        ] {
            let found = schedule(step);
            assert!((found.0 - signal).abs() < 2e-8 && (found.1 - spread).abs() < 2e-8, "step {step}: {found:?}");
        }
    }

    #[test]
    fn files_without_usable_noise_are_refused_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noise.safetensors");
        let sentence = || read_noise(&path).unwrap_err().to_string();
        assert!(sentence().starts_with("Cannot read `noise` of vcd from a file: no such file: "), "{}", sentence());
        std::fs::File::create(&path).unwrap().set_len(2 << 40).unwrap();
        assert!(sentence().contains("from a file: 2199023255552 bytes, more than 268435456: "), "{}", sentence());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(sentence().contains("from a file: it is a folder: "), "{}", sentence());
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "text").unwrap();
        assert!(sentence().starts_with("Expected a safetensors file with a tensor `noise` for vcd"), "{}", sentence());
        let one = Tensor::new(&[0.5_f32, f32::NAN], &Device::Cpu).unwrap();
        candle_core::safetensors::save(&[("eps", one.clone())].into(), &path).unwrap();
        assert!(sentence().contains("found the tensors eps: "), "{}", sentence());
        candle_core::safetensors::save(&[("noise", one)].into(), &path).unwrap();
        assert!(sentence().contains("not finite"), "{}", sentence());
        assert!(sentence().ends_with("noise.safetensors"), "the file comes last: {}", sentence());
    }
}
