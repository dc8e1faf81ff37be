//! VTI: hidden states of both towers move along directions from a file.

use super::rules::{Count, is_ordinary};
use super::steer::steered;
use crate::checkpoint::{DEMO_DIRECTIONS, is_demo};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};
use crate::files;
use crate::model::{Probe, Site, Tower};
use candle_core::{DType, Device, Result as TensorResult, Tensor};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

const ID: &str = "vti";
/// Several times what every patch of every layer of a large encoder has in f32.
const MOST_BYTES: u64 = 1 << 30;
/// In the place of a path: the bundled directions.
const DEMO: &str = "demo";
/// Of a direction in the form `mlp`, per unit of strength.
const MLP_SCALE: f64 = 0.1;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "VTI: steering by directions",
    help: "Moves the hidden states of the vision encoder and of the decoder along directions from steadier photos and \
        truer captions",
    paper: "Liu et al., Reducing Hallucinations in Vision-Language Models via Latent Space Steering, ICLR 2025, \
        arXiv:2410.15778",
    acts: Acts::HiddenStates,
    cost: "no further pass; directions are made before",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::file(
            "directions",
            "",
            "A safetensors file with `vision`, [layers, width] or [layers, tokens, width], and `text`, [layers, \
                width]; `demo` has those of the bundled model",
        ),
        ParameterInfo::real("vision", "0.4", (0.0, 20.0), "Strength in the vision encoder; 0 is none").usual(0.0, 2.0),
        ParameterInfo::real("text", "0.4", (0.0, 20.0), "Strength in the decoder; 0 is none").usual(0.0, 2.0),
        ParameterInfo::choice(
            "form",
            "add",
            &["add", "mlp"],
            "`add`: to the output of each layer, as the paper; `mlp`: turns the output of each feed-forward part, as \
                the authors' code",
        ),
    ],
    presets: &[
        Preset {
            id: "paper",
            help: "Directions are added, both strengths 0.4",
            values: &[("vision", "0.4"), ("text", "0.4"), ("form", "add")],
        },
        Preset {
            id: "official",
            help: "The defaults of the authors' code",
            values: &[("vision", "0"), ("text", "0.8"), ("form", "mlp")],
        },
    ],
    ..MethodInfo::NONE
};

/// VTI, visual and textual intervention.
///
/// Every layer, every position: `add`, the layer's output (the residual stream, before the final norm) plus strength
/// times the direction as it is in the file; `mlp`, the feed-forward output `m` becomes `|m| unit(m / |m| + 0.1
/// strength d / |d|)`. Entry k is layer k's. Of several vision encoders the first is steered.
/// **Source**: Liu et al. 2025, section 4; `vti_utils/llm_layers.py` lines 9-32 of the authors' code.
/// **Differs** from that code with the default `form=add`, which is what the paper writes (golden `vti_add`); `mlp` is
/// what the code does (golden `vti_mlp`).
pub(super) struct Vti;

impl Registered for Vti {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Vti {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (vision, text) = (parameters.number("vision")?, parameters.number("text")?);
        let by_mlp = parameters.choice("form")? == "mlp";
        let path = PathBuf::from(parameters.text("directions").trim());
        let is_named = !path.as_os_str().is_empty();
        let (file_hash, [vision, text]) = if is_named {
            let (hash, found) = read(&path, [("vision", vision), ("text", text)])?;
            // Bundled ones stay what they are.
            (Some(hash).filter(|_| path != Path::new(DEMO)), found)
        } else {
            (None, [None, None])
        };
        Ok(Box::new(Active { by_mlp, vision, text, path, file_hash, count: Count::default() }))
    }
}

/// The directions of one tower.
#[derive(Debug, Clone)]
struct Directions {
    strength: f64,
    /// f32, **shape** `[layers, width]` or `[layers, tokens, width]`.
    tensor: Tensor,
}

impl Directions {
    /// Of a layer, **shape** `[1, width]` or `[tokens, width]`.
    fn of(&self, layer_idx: usize, rows: &Tensor) -> TensorResult<Tensor> {
        let direction = self.tensor.get(layer_idx)?;
        let direction = if direction.rank() == 1 { direction.unsqueeze(0)? } else { direction };
        let fits = direction.dim(1)? == rows.dim(1)? && [1, rows.dim(0)?].contains(&direction.dim(0)?);
        if fits {
            return direction.to_device(rows.device());
        }
        let (expected, found) = (rows.dims(), direction.dims());
        Err(candle_core::Error::Msg(format!("Expected directions of shape {expected:?} for vti, found {found:?}")))
    }
}

#[derive(Clone)]
struct Active {
    by_mlp: bool,
    /// `None` at strength 0.
    vision: Option<Directions>,
    text: Option<Directions>,
    path: PathBuf,
    /// SHA-256 of the file as it was read.
    file_hash: Option<[u8; 32]>,
    count: Count,
}

impl Active {
    fn directions(&self, site: &Site) -> Option<&Directions> {
        match site.tower {
            Tower::Vision => self.vision.as_ref().filter(|_| site.encoder_idx == 0 && site.branch_idx == 0),
            Tower::Decoder => self.text.as_ref().filter(|_| is_ordinary(site)),
        }
    }
}

impl Probe for Active {
    fn wants_hidden(&self, site: &Site) -> bool {
        !self.by_mlp && self.directions(site).is_some()
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> TensorResult<Option<Tensor>> {
        let Some(directions) = self.directions(site) else { return Ok(None) };
        let moved = (directions.of(site.layer_idx, hidden)? * directions.strength)?;
        let moved = hidden.to_dtype(DType::F32)?.broadcast_add(&moved)?.to_dtype(hidden.dtype())?;
        self.count.add(site.query_len);
        Ok(Some(moved))
    }

    fn wants_mlp(&self, site: &Site) -> bool {
        self.by_mlp && self.directions(site).is_some()
    }

    fn mlp(&mut self, site: &Site, mlp: &Tensor) -> TensorResult<Option<Tensor>> {
        let Some(directions) = self.directions(site) else { return Ok(None) };
        let weight = MLP_SCALE * directions.strength;
        let edited = steered(mlp, &directions.of(site.layer_idx, mlp)?, |cosine| cosine.ones_like()? * weight)?;
        self.count.add(site.query_len);
        Ok(Some(edited))
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        if self.path.as_os_str().is_empty() {
            return Err(parameters.bad("directions", "a safetensors file".to_owned()));
        }
        if self.path == Path::new(DEMO) && !is_demo(question.weight_hash) {
            let expected = "a safetensors file for this model, because demo fits the bundled model alone";
            return Err(parameters.bad("directions", expected.to_owned()));
        }
        let shape = |tensor, expected: String, found: &Directions| DecodeError::DirectionsShape {
            tensor,
            expected,
            found: found.tensor.dims().to_vec(),
            path: self.path.clone(),
        };
        let config = question.model.decoder().config();
        if let Some(text) = &self.text {
            let expected = [config.num_hidden_layers, config.hidden_size];
            if text.tensor.dims() != expected {
                return Err(shape("text", format!("{expected:?}"), text));
            }
        }
        if let (Some(vision), Some(encoder)) = (&self.vision, question.model.encoders().first()) {
            let (num_layers, width) = (encoder.num_hidden_layers, encoder.hidden_size);
            let num_tokens = encoder.num_tokens(question.input_shape);
            let fits = match *vision.tensor.dims() {
                [layers, own] => (layers, own) == (num_layers, width),
                [layers, tokens, own] => {
                    // How many there are of another input, the encoder says when it runs.
                    let is_one_each = num_tokens.is_none_or(|num_tokens| [1, num_tokens].contains(&tokens));
                    (layers, own) == (num_layers, width) && is_one_each
                }
                _ => false,
            };
            if !fits {
                let tokens = num_tokens.map_or_else(|| "tokens".to_owned(), |num_tokens| num_tokens.to_string());
                let expected = format!("[{num_layers}, {width}] or [{num_layers}, {tokens}, {width}]");
                return Err(shape("vision", expected, vision));
            }
        }
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.vision.is_none() && self.text.is_none() { None } else { Some(self) }
    }

    /// The direction of a position is its place's alone. What the encoder makes of the photo is in the embeddings.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx != 0 {
            return Reach::NOTHING;
        }
        let first_position = if self.text.is_some() { 0 } else { usize::MAX };
        Reach { vision: self.vision.is_some(), first_position, by_position: true }
    }

    fn file_hash(&self) -> Option<[u8; 32]> {
        self.file_hash
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn did(&mut self) -> Option<String> {
        Some(self.count.did(Acted::OnHidden))
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.count.report(ID, Acted::OnHidden))
    }
}

/// Reads the tensors whose strength is not 0; the SHA-256 of the file comes first.
fn read(path: &Path, wanted: [(&'static str, f64); 2]) -> Result<([u8; 32], [Option<Directions>; 2]), DecodeError> {
    let refused = |found: String| DecodeError::DirectionsFile { owner: ID, found, path: path.to_owned() };
    let own = || files::read(path, MOST_BYTES).map(Cow::from);
    let bytes = if path == Path::new(DEMO) { Ok(Cow::from(DEMO_DIRECTIONS)) } else { own() };
    let bytes = bytes.map_err(|err| {
        let why = files::reason(&err);
        DecodeError::DirectionsUnread { owner: ID, why, path: path.to_owned() }
    })?;
    let first_line = |err: candle_core::Error| err.to_string().lines().next().unwrap_or_default().to_owned();
    let tensors =
        candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|err| refused(first_line(err)))?;
    let mut names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    names.sort_unstable();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut found = [None, None];
    for (found, (name, strength)) in found.iter_mut().zip(wanted).filter(|(_, (_, strength))| *strength > 0.0) {
        let missing = || refused(format!("the tensors {names} and a strength {strength} of {name}"));
        let tensor = tensors.get(name).ok_or_else(missing)?;
        let tensor = tensor.to_dtype(DType::F32).map_err(|err| refused(first_line(err)))?;
        let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
        if values.map_err(|err| refused(first_line(err)))?.iter().any(|value| !value.is_finite()) {
            return Err(refused(format!("values of {name} that are not finite")));
        }
        *found = Some(Directions { strength, tensor });
    }
    Ok((Sha256::digest(&bytes).into(), found))
}
