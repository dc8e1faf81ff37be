//! What a model will need of the memory, told before any of it is taken.
//!
//! Weights count in full even where they are used straight from the mapped file and their memory could be taken back:
//! every token reads every one of them, and a 7B model that is read from a disk of 1 GB/s for each token writes a token
//! in half a minute. So what does not fit is refused, with what would.

use super::device::Place;
use super::error::EngineError;
use super::messages::{DtypePreference, LoadRequest, MemoryEstimate, RecordOptions};
use super::reuse::DEFAULT_BUDGET_BYTES;
use crate::checkpoint::Checkpoint;
use crate::model::ModelSizes;
use candle_core::DType;

/// Positions behind the image that an estimate counts with: a question and a long answer.
const TEXT_POSITIONS: u64 = 1024;
/// Tokens whose attention rows an estimate counts with.
const ANSWER_TOKENS: u64 = 256;
/// Most bytes kept between questions: beyond a dozen images nobody returns.
const MOST_KEPT_BYTES: u64 = 8 << 30;
/// Bytes that 256 weights take in llama.cpp's `Q4_K`.
const FOUR_BIT_BYTES_OF_256: u64 = 144;

impl MemoryEstimate {
    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        [self.weight_bytes, self.cache_bytes, self.trace_bytes, self.activation_bytes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// For people: what it needs, what is free, and why the type was chosen.
    pub fn sentence(&self) -> String {
        let total = gigabytes(self.total_bytes());
        let free = self.free_bytes.map_or_else(String::new, |free| format!(" of {} free", gigabytes(free)));
        let reason = if self.reason.is_empty() { self.dtype.as_str() } else { self.reason.as_str() };
        format!("needs {total}{free}, up to {} more kept between questions; {reason}", gigabytes(self.kept_bytes))
    }

    /// Half of what is left may be kept between questions, at least the keys and values of one and at most
    /// [`MOST_KEPT_BYTES`].
    fn with_kept(mut self) -> Self {
        let left = |free: u64| free.saturating_sub(self.total_bytes()) / 2;
        // The estimate holds one question's already.
        let kept = self.free_bytes.map_or(DEFAULT_BUDGET_BYTES, left).max(self.cache_bytes);
        self.kept_bytes = kept.min(MOST_KEPT_BYTES);
        self
    }

    /// Whether it fits; unknown memory is trusted.
    pub fn fits(&self) -> bool {
        self.free_bytes.is_none_or(|free| self.total_bytes() <= free)
    }
}

/// Chooses device and type for a checkpoint and holds what it needs against `free_bytes` ([`free_memory`]).
///
/// `auto` on the CPU leaves every matrix in its file, in its own type, and computes in f32; quantised weights stay as
/// they are. Another type than the file's takes a converted copy.
///
/// # Errors
/// A device that is not there; [`EngineError::Memory`] with what would fit.
pub fn plan_memory(
    checkpoint: &Checkpoint,
    sizes: &ModelSizes<'_>,
    request: &LoadRequest,
    free_bytes: Option<u64>,
) -> Result<(Place, MemoryEstimate), EngineError> {
    let own = checkpoint.weights.dtype();
    let mut place = Place::choose(request.device, request.dtype, own)?;
    let free_bytes = free_bytes.filter(|_| place.device.is_cpu());
    let auto = request.dtype == DtypePreference::Auto;
    let kept = Kept { blocks: auto && checkpoint.weights.is_quantised(), floats: auto && place.device.is_cpu() };
    let at = |dtype, kept, context| estimate(checkpoint, sizes, dtype, kept, context, free_bytes);
    let context = context_of(sizes);
    let mut needed = at(place.dtype, kept, context);
    needed.reason = reason(request, &place, own, kept);
    if needed.fits() {
        return Ok((place, needed.with_kept()));
    }
    let half = if own == DType::BF16 { DType::BF16 } else { DType::F16 };
    let smaller = at(half, Kept::default(), context);
    if auto && !kept.blocks && place.dtype == DType::F32 && smaller.fits() {
        let reason = format!("{} because f32 would need {}", half.as_str(), gigabytes(needed.total_bytes()));
        place.dtype = half;
        return Ok((place, MemoryEstimate { reason, ..smaller }.with_kept()));
    }
    Err(EngineError::Memory {
        needed: gigabytes(needed.total_bytes()),
        parts: format!(
            "weights {} in {}, keys and values {}, attention {}, activations {}",
            gigabytes(needed.weight_bytes),
            if kept.blocks { "their blocks" } else { needed.dtype.as_str() },
            gigabytes(needed.cache_bytes),
            gigabytes(needed.trace_bytes),
            gigabytes(needed.activation_bytes)
        ),
        free: gigabytes(needed.free_bytes.unwrap_or_default()),
        advice: advice(&needed, &smaller, checkpoint.weights.is_quantised()),
    })
}

/// What of the weights stays as it is stored.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// Quantised matrices.
    blocks: bool,
    /// Matrices of floats, in their file.
    floats: bool,
}

impl Kept {
    /// Whether a tensor is one of them. On a GPU the embedding of a quantised model is kept as floats.
    fn keeps(self, name: &str, shape: &[usize], stored: &str) -> bool {
        let block = stored.starts_with('Q');
        if block {
            self.blocks && (self.floats || !name.contains("embed_tokens"))
        } else {
            self.floats && shape.len() == 2 && matches!(stored, "F32" | "F16" | "BF16")
        }
    }
}

fn reason(request: &LoadRequest, place: &Place, own: DType, kept: Kept) -> String {
    let dtype = place.dtype_label();
    match request.dtype {
        DtypePreference::Auto if kept.blocks => format!("{dtype} beside weights that stay quantised"),
        DtypePreference::Auto if kept.floats => {
            format!("{dtype} over weights that stay {} in their file", own.as_str())
        }
        DtypePreference::Auto => format!("{dtype}, the checkpoint's own"),
        _ if place.dtype == own => format!("{dtype}, as asked"),
        _ => format!("{dtype}, as asked: a converted copy of the {} weights", own.as_str()),
    }
}

/// What would fit, in the order in which it costs the user something.
fn advice(needed: &MemoryEstimate, smaller: &MemoryEstimate, quantised: bool) -> String {
    if smaller.fits() && smaller.total_bytes() < needed.total_bytes() {
        return format!("--dtype {} needs {}", smaller.dtype, gigabytes(smaller.total_bytes()));
    }
    let rest = needed.total_bytes() - needed.weight_bytes;
    let fits = |total: u64| needed.free_bytes.is_none_or(|free| total <= free);
    let weights = smaller.weight_bytes / 2;
    let four_bit = weights / 256 * FOUR_BIT_BYTES_OF_256 + rest;
    if !quantised && fits(four_bit) {
        return format!("a GGUF of it in Q4_K needs about {}", gigabytes(four_bit));
    }
    "no type of this model fits: close other programs or take a smaller model".to_owned()
}

/// Positions that are counted with: the image, a question and a long answer, or what the model has.
fn context_of(sizes: &ModelSizes<'_>) -> u64 {
    let most = sizes.text.max_position_embeddings as u64;
    (sizes.image_tokens as u64 + TEXT_POSITIONS).min(most)
}

fn estimate(
    checkpoint: &Checkpoint,
    sizes: &ModelSizes<'_>,
    dtype: DType,
    kept: Kept,
    context: u64,
    free_bytes: Option<u64>,
) -> MemoryEstimate {
    let item = dtype.size_in_bytes() as u64;
    let weight_bytes = checkpoint.weights.stored().map(|(name, shape, stored, bytes)| {
        let elements = shape.iter().fold(1_u64, |product, n| product.saturating_mul(*n as u64));
        if kept.keeps(name, shape, stored) { bytes } else { elements.saturating_mul(item) }
    });
    let ModelSizes { text, vision, .. } = *sizes;
    let product = |factors: &[usize]| factors.iter().fold(1_u64, |product, n| product.saturating_mul(*n as u64));
    let a_position = product(&[2, text.num_hidden_layers, text.num_key_value_heads, text.head_dim, 4]);
    let a_row = product(&[text.num_hidden_layers, text.num_attention_heads, 2]).saturating_mul(context);
    let patches = (vision.image_size / vision.patch_size.max(1)).pow(2) + 1;
    // Scores and probabilities of one layer, and the rows of its feed-forward part: one layer at a time.
    let seeing = product(&[2, vision.num_attention_heads, patches, patches, 4]).saturating_add(product(&[
        3,
        patches,
        vision.intermediate_size,
        4,
    ]));
    let heads = product(&[2, text.num_attention_heads, 4]).saturating_mul(context).saturating_mul(context);
    let reading = heads.saturating_add(product(&[3, text.intermediate_size, 4]).saturating_mul(context));
    MemoryEstimate {
        weight_bytes: weight_bytes.fold(0, u64::saturating_add),
        cache_bytes: a_position.saturating_mul(context),
        trace_bytes: a_row.saturating_mul(ANSWER_TOKENS).min(RecordOptions::default().budget_bytes as u64),
        activation_bytes: seeing.max(reading),
        kept_bytes: 0,
        free_bytes,
        context,
        dtype: dtype.as_str().to_owned(),
        reason: String::new(),
    }
}

/// Bytes that programs can still take; `None` where the system does not say (everywhere but on Linux).
pub fn free_memory() -> Option<u64> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// "13.5 GB".
fn gigabytes(bytes: u64) -> String {
    if bytes < 100_000_000 { format!("{:.1} MB", bytes as f64 / 1e6) } else { format!("{:.1} GB", bytes as f64 / 1e9) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DevicePreference;
    use crate::engine::ModelSource;

    #[test]
    fn free_memory_is_what_programs_can_still_take() {
        let text = "MemTotal:       24600000 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n";
        assert_eq!(available(text), Some(20_480_000_000), "not MemFree, which leaves out what can be given back");
        assert_eq!(available("MemTotal: 1 kB\n"), None, "unknown");
        assert_eq!(available("MemAvailable: many kB\n"), None, "unreadable");
        if cfg!(target_os = "linux") {
            assert!(free_memory().is_some_and(|free| free > 0), "this machine says");
        }
    }

    #[test]
    fn a_type_is_chosen_by_what_is_free_and_the_choice_is_explained() {
        let checkpoint = Checkpoint::demo().expect("the demo");
        let sizes = crate::model::answering(&checkpoint).expect("it answers").sizes;
        let plan = |dtype, free| {
            let request = LoadRequest { source: ModelSource::Demo, device: DevicePreference::Cpu, dtype };
            plan_memory(&checkpoint, &sizes, &request, free).map_err(|err| err.to_string())
        };
        let (place, whole) = plan(DtypePreference::Auto, None).expect("unknown memory is trusted");
        assert_eq!((place.dtype, whole.fits()), (DType::F32, true), "{whole:?}");
        let needed = whole.total_bytes();
        assert_eq!(whole.kept_bytes, DEFAULT_BUDGET_BYTES.max(whole.cache_bytes), "the default where nothing is known");
        let (_, roomy) = plan(DtypePreference::Auto, Some(needed + 6_000_000_000)).expect("fits");
        assert_eq!(roomy.kept_bytes, 3_000_000_000, "half of what is left");
        assert!(
            roomy.sentence().starts_with("needs ")
                && roomy.sentence().ends_with("f32 over weights that stay f16 in their file"),
            "{}",
            roomy.sentence()
        );
        let (place, half) = plan(DtypePreference::Auto, Some(needed - 1)).expect("f16 fits");
        assert_eq!(place.dtype, DType::F16, "one byte too few for f32");
        assert!(half.reason.starts_with("f16 because f32 would need"), "{}", half.reason);
        let refusal = plan(DtypePreference::F32, Some(needed - 1)).expect_err("as asked");
        assert!(refusal.contains("--dtype f16 needs"), "{refusal}");
        let refusal = plan(DtypePreference::Auto, Some(1000)).expect_err("nothing fits");
        assert!(refusal.contains("no type of this model fits"), "{refusal}");
    }
}
