//! Adapters: what was trained beside the weights of another checkpoint.

use super::CheckpointError;
use super::files::Files;
use serde_json::Value;
use std::path::Path;

/// Its configuration.
pub(super) const ADAPTER: &str = "adapter_config.json";

/// The adapter that a folder holds, as an error; `None` where it holds none.
pub(super) fn adapter(folder: &Path) -> Option<CheckpointError> {
    let map = Files::Folder(folder.to_owned()).object(ADAPTER).ok()??;
    let text = |key: &str| map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = match text("peft_type") {
        None | Some("LORA") => "LoRA".to_owned(),
        Some(other) => other.to_lowercase(),
    };
    let base = text("base_model_name_or_path").unwrap_or("a model that it does not name").to_owned();
    Some(CheckpointError::Adapter { kind, base, path: folder.join(ADAPTER) })
}

/// What users should know about an adapter that lies beside whole weights.
pub(super) fn adapter_warning(folder: &Path) -> Option<String> {
    let CheckpointError::Adapter { kind, base, path } = adapter(folder)? else { return None };
    Some(format!("The {kind} adapter of {base} beside the weights is not applied: {}", path.display()))
}
