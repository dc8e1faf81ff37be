//! Questions about a photo that is darkened where a model did not look.

use super::error::EngineError;
use super::messages::Question;
use super::run::open_photo;
use crate::data::Photo;
use crate::prompting::{Attribution, PromptOptions, prompt_image};
use crate::trace::SpecInfo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a photo goes through before the model that answers sees it.
///
/// Not a photo of its own: the question stays one about the photo, and its trace says how that was darkened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prompting {
    /// Where a model looked; see [`super::attribute`].
    #[serde(with = "super::stored::shared")]
    pub attribution: Arc<Attribution>,
    /// The model that looked: `demo-clip`, a folder's path, a hub id.
    pub model_id: String,
    /// SHA-256 over its weight files.
    pub weight_hash: String,
    /// The words it looked for.
    pub query: String,
    /// From the maps to the darkened photo.
    #[serde(default)]
    pub options: PromptOptions,
}

impl PartialEq for Prompting {
    fn eq(&self, other: &Self) -> bool {
        let Self { attribution, model_id, weight_hash, query, options } = self;
        // The maps last: they are long, and most often the very same.
        (model_id, weight_hash, query) == (&other.model_id, &other.weight_hash, &other.query)
            && self.layer_idx() == other.layer_idx()
            && PromptOptions { layer_idx: None, ..*options } == PromptOptions { layer_idx: None, ..other.options }
            && (Arc::ptr_eq(attribution, &other.attribution) || attribution == &other.attribution)
    }
}

impl Prompting {
    /// The layer whose map is taken.
    pub fn layer_idx(&self) -> usize {
        self.options.layer_idx.unwrap_or_else(|| self.attribution.default_layer())
    }

    /// Everything that was chosen, as traces record it: named by the kind of model that looked.
    pub fn info(&self) -> SpecInfo {
        let options = &self.options;
        let parameters: [(&str, Value); 9] = [
            ("model", self.model_id.as_str().into()),
            ("weight_hash", self.weight_hash.as_str().into()),
            ("query", self.query.as_str().into()),
            ("layer", self.layer_idx().into()),
            ("formula", options.formula.id().into()),
            ("geometry", options.geometry.id().into()),
            ("kernel", options.kernel.into()),
            ("enhance", options.enhance.into()),
            ("grey", options.grey.into()),
        ];
        let mut parameters: BTreeMap<String, Value> =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let value = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
        // As configurations write it.
        parameters.insert("resample".to_owned(), value(serde_json::to_value(options.resample)));
        // What of the photo that model saw.
        let seen = self.attribution.view.rect_px;
        parameters.insert("seen_rect".to_owned(), value(serde_json::to_value(seen)));
        SpecInfo { name: self.attribution.source().id().to_owned(), parameters }
    }

    /// The darkened photo. It keeps the hash of the file that it was made from.
    pub fn apply(&self, photo: &Photo) -> Result<Photo, EngineError> {
        let prompted = prompt_image(photo, &self.attribution, &self.options)?;
        Ok(Photo { rgb: prompted.rgb.into(), ..photo.clone() })
    }
}

/// The photo of a question as the model sees it.
pub(super) fn asked_photo(question: &Question) -> Result<Photo, EngineError> {
    let photo = open_photo(&question.image)?;
    match &question.prompted {
        Some(prompting) => prompting.apply(&photo),
        None => Ok(photo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{ImageSize, ModelView, PreprocessSpec};
    use crate::prompting::{LlavaMaps, Maps};

    fn prompting(layer_idx: Option<usize>) -> Prompting {
        let size = ImageSize { width_px: 28, height_px: 28 };
        let view = ModelView::new(size, &PreprocessSpec::clip(28), 14);
        let attention = vec![0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1];
        let maps = LlavaMaps { num_layers: 2, num_tokens: 1, image_attention: attention.clone(), attention };
        Prompting {
            attribution: Arc::new(Attribution { view, maps: Maps::Llava(maps) }),
            model_id: "demo".to_owned(),
            weight_hash: "0".to_owned(),
            query: "Is there a dog?".to_owned(),
            options: PromptOptions { layer_idx, ..PromptOptions::default() },
        }
    }

    #[test]
    fn everything_that_was_chosen_is_recorded() {
        let info = prompting(None).info();
        assert_eq!(info.name, "llava", "who looked");
        assert_eq!(info.parameters.get("layer"), Some(&Value::from(1)), "the default as a number");
        assert_eq!(info.parameters.get("resample"), Some(&Value::from("lanczos")), "as configurations write it");
        assert_eq!(info.parameters.len(), 11, "all of them: {info:?}");
    }

    #[test]
    fn a_layer_that_is_the_default_one_is_the_same_choice() {
        assert_eq!(prompting(None), prompting(Some(1)), "five eighths of two layers");
        assert_ne!(prompting(None), prompting(Some(0)), "another layer");
        let other = Prompting { query: "Is there a cat?".to_owned(), ..prompting(None) };
        assert_ne!(prompting(None), other, "other words");
    }

    #[test]
    fn a_darkened_photo_is_known_by_its_file() {
        let photo = Photo::from_rgb(28, 28, vec![200; 28 * 28 * 3]).expect("a photo");
        let prompted = prompting(Some(0)).apply(&photo).expect("a darkened photo");
        assert_eq!((prompted.size(), &prompted.sha256), (photo.size(), &photo.sha256), "the same photo");
        assert_ne!(prompted.rgb, photo.rgb, "darker somewhere");
    }
}
