//! Ground truth on show: what is known about the image looked at, and which of its objects.

use crate::engine::ImageSource;
use crate::ui::core::settings::TruthView;
use crate::ui::features::truth::ImageTruth;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Ground truth on show: what is known about the image looked at, and which of its objects.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// How it is shown.
    pub view: TruthView,
    /// What is known about the image looked at; `None` while it is read.
    pub image: Option<Arc<ImageTruth>>,
    /// Objects that are not painted, by annotation.
    pub hidden: BTreeSet<u64>,
    /// What was hidden when the session was saved, and of which image: it waits until that is known.
    pub kept_hidden: Option<(ImageSource, BTreeSet<u64>)>,
    /// The object under the pointer in the list.
    pub hovered: Option<u64>,
    /// The category whose objects the map is held against, as the user chose it.
    pub chosen: Option<String>,
}

impl Truth {
    /// Another image: what was hidden or pointed at belongs to the one before; the chosen category stays for images
    /// that have it.
    pub fn another_image(&mut self) {
        self.image = None;
        self.hidden.clear();
        self.hovered = None;
    }

    /// The image looked at is known now.
    pub fn known(&mut self, image: Arc<ImageTruth>, source: Option<&ImageSource>) {
        self.image = Some(image);
        if let Some((of, hidden)) = self.kept_hidden.take()
            && Some(&of) == source
        {
            self.hidden = hidden;
        }
    }

    /// The category the map is held against: the chosen one, else the largest.
    pub fn category(&self) -> Option<&crate::ui::features::truth::CategoryTruth> {
        let image = self.image.as_ref()?;
        let chosen = self.chosen.as_ref().and_then(|name| image.category_named(name));
        chosen.or_else(|| image.categories.first())
    }

    /// Shows or hides an object.
    pub fn toggle_object(&mut self, id: u64) {
        if !self.hidden.remove(&id) {
            self.hidden.insert(id);
        }
    }

    /// Hides all objects of a category, or shows them all when none is shown.
    pub fn toggle_category(&mut self, category_id: u32) {
        let Some(image) = &self.image else { return };
        let ids: Vec<u64> = image.objects_of(category_id).map(|object| object.id).collect();
        let any_shown = ids.iter().any(|id| !self.hidden.contains(id));
        for id in ids {
            if any_shown {
                self.hidden.insert(id);
            } else {
                self.hidden.remove(&id);
            }
        }
    }

    /// Shows only the objects of a category; everything when only they are shown already.
    pub fn only_category(&mut self, category_id: u32) {
        let Some(image) = &self.image else { return };
        let others: BTreeSet<u64> =
            image.objects.iter().filter(|object| object.category_id != category_id).map(|object| object.id).collect();
        self.hidden = if self.hidden == others { BTreeSet::new() } else { others };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::chair::Extractor;
    use crate::data::coco::Instances;
    use crate::data::demo;

    fn truth() -> Truth {
        let instances =
            Instances::from_bytes(demo::INSTANCES.as_bytes(), std::path::Path::new("i.json")).expect("ours");
        let image = ImageTruth::look(1, Some(&instances), &[], &Extractor::default());
        Truth { image: Some(Arc::new(image)), ..Truth::default() }
    }

    #[test]
    fn a_category_is_hidden_and_shown_as_one() {
        let mut truth = truth();
        let category_id = truth.category().expect("the scene has objects").id;
        let members = truth.image.as_ref().expect("there").objects_of(category_id).count();
        truth.toggle_category(category_id);
        assert_eq!(truth.hidden.len(), members, "all of them");
        truth.toggle_category(category_id);
        assert!(truth.hidden.is_empty(), "and back");
        truth.only_category(category_id);
        let all = truth.image.as_ref().expect("there").objects.len();
        assert_eq!(truth.hidden.len(), all - members, "all others");
        truth.only_category(category_id);
        assert!(truth.hidden.is_empty(), "and back");
    }

    #[test]
    fn the_chosen_category_waits_for_images_that_have_it() {
        let mut truth = truth();
        let largest = truth.category().expect("objects").name.clone();
        truth.chosen = Some("giraffe".to_owned());
        assert_eq!(truth.category().map(|c| c.name.clone()), Some(largest), "no giraffe here");
        truth.another_image();
        assert_eq!((truth.category().is_none(), truth.chosen.as_deref()), (true, Some("giraffe")), "still wanted");
    }
}
