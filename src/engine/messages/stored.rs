//! Questions as text: what `serde` does not do by itself.

use serde::{Serialize as _, Serializer};
use std::path::PathBuf;

/// A path in words. What the system's names cannot say in UTF-8 is replaced: one odd name must not keep everything else
/// from being saved.
#[expect(clippy::ptr_arg, reason = "serde calls it with the field")]
pub(super) fn path_in_words<S: Serializer>(path: &PathBuf, serializer: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(serializer)
}

/// The same where there may be none.
#[expect(clippy::ref_option, reason = "serde calls it with the field")]
pub(super) fn maybe_path_in_words<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

/// What several questions share is written with each.
pub(super) mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(in crate::engine::messages) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(in crate::engine::messages) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// The same where there may be nothing.
pub(super) mod maybe_shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    #[expect(clippy::ref_option, reason = "serde calls it with the field")]
    pub(in crate::engine::messages) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(serializer)
    }

    pub(in crate::engine::messages) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<T>>, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map(Arc::new))
    }
}
