//! Questions about a photo that is darkened where a model did not look.

use super::error::EngineError;
use super::messages::Prompting;
use crate::data::Photo;
use crate::prompting::prompt_image;
use crate::trace::SpecInfo;
use serde_json::Value;
use std::collections::BTreeMap;

impl Prompting {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{ImageSize, ModelView, PreprocessSpec};
    use crate::prompting::{Attribution, LlavaMaps, Maps, PromptOptions};
    use std::sync::Arc;

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
