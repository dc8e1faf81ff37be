//! Objects whose records were left out, and the masks that may lack them.

use super::records::{Named, Owner};
use std::collections::HashMap;

/// What each record would have been an object of, and the first of several that would have been alike.
#[derive(Debug, Default)]
pub(super) struct LeftOuts {
    first: HashMap<Owner, usize>,
    /// In the order of the file, once all are known.
    sorted: Vec<(usize, Owner)>,
    /// The first record of each image.
    images: HashMap<u64, usize>,
}

impl LeftOuts {
    pub(super) fn add(&mut self, owner: Owner, index: usize) {
        let first = self.first.entry(owner).or_insert(index);
        *first = index.min(*first);
        if let Named::Is(image_id) = owner.image {
            let first = self.images.entry(image_id).or_insert(index);
            *first = index.min(*first);
        }
    }

    /// No more will come.
    pub(super) fn finish(&mut self) {
        self.sorted = self.first.drain().map(|(owner, index)| (index, owner)).collect();
        self.sorted.sort_unstable_by_key(|(index, _)| *index);
    }

    /// The place in the list of the first record that names this image.
    pub(super) fn first_in(&self, image_id: u64) -> Option<usize> {
        self.images.get(&image_id).copied()
    }

    /// The place in the list of a record that may be an object of this image and of a category.
    ///
    /// A record that names both decides itself. What cannot be read may be anything. What is there and is no number
    /// names nothing, as for pycocotools, unless the mask would rest on nothing else (`has_others` is false).
    pub(super) fn perhaps(&self, image_id: u64, is_category: impl Fn(u32) -> bool, has_others: bool) -> Option<usize> {
        let may_be = |owner: &Owner| {
            let image = match owner.image {
                Named::Is(other) => other == image_id,
                Named::Nothing => !has_others,
                Named::Unread => true,
            };
            image
                && match owner.category {
                    Named::Is(other) => is_category(other),
                    Named::Nothing => !has_others,
                    Named::Unread => true,
                }
        };
        self.sorted.iter().find(|(_, owner)| may_be(owner)).map(|(index, _)| *index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_may_be_an_object_of_the_mask_is_found() {
        let perhaps = |image, category, has_others| {
            let mut left_out = LeftOuts::default();
            left_out.add(Owner { image, category }, 5);
            left_out.finish();
            left_out.perhaps(7, |id| id == 1, has_others).is_some()
        };
        for has_others in [true, false] {
            assert!(perhaps(Named::Is(7), Named::Is(1), has_others), "it is one");
            assert!(!perhaps(Named::Is(8), Named::Is(1), has_others), "it is of another image");
            assert!(!perhaps(Named::Is(7), Named::Is(2), has_others), "it is of another category");
            assert!(perhaps(Named::Is(7), Named::Unread, has_others), "nobody knows what it is");
            assert!(perhaps(Named::Unread, Named::Unread, has_others), "nor of which image");
            assert!(!perhaps(Named::Is(8), Named::Unread, has_others), "of another image, whatever it is");
            assert_eq!(perhaps(Named::Is(7), Named::Nothing, has_others), !has_others, "it is of no category");
            assert_eq!(perhaps(Named::Nothing, Named::Is(1), has_others), !has_others, "it is in no image");
        }
    }
}
