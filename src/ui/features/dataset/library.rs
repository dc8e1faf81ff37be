//! The images on offer, and which of them are listed.

use crate::data::dataset::{Dataset, PhotoPlace, coco_image_id};
use crate::engine::ImageSource;
use std::collections::HashMap;
use std::path::Path;

/// One image on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryImage {
    /// Where it comes from.
    pub source: ImageSource,
    /// Shown in the list.
    pub name: String,
    /// Shown when the name is hovered: the whole path.
    pub detail: String,
    /// Its row in the data set, once that is joined.
    pub row: Option<u32>,
}

impl LibraryImage {
    /// Names an image after its file.
    pub fn new(source: ImageSource) -> Self {
        let (name, detail) = match &source {
            ImageSource::Bundled(name) => (stem(Path::new(name)), format!("{name}, bundled with the program")),
            ImageSource::Path(path) => {
                let name = path.file_name().map(|name| short(&name.to_string_lossy()));
                (name.unwrap_or_else(|| path.display().to_string()), path.display().to_string())
            }
        };
        Self { source, name, detail, row: None }
    }
}

/// COCO's names are alike but for the number at their end, which a narrow list would cut off: "val2014 42".
fn short(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match (stem.strip_prefix("COCO_").and_then(|rest| rest.split_once('_')), coco_image_id(name)) {
        (Some((split, _)), Some(id)) => format!("{split} {id}"),
        _ => name.to_owned(),
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().replace('_', " ")).unwrap_or_default()
}

/// The photos of a data set, in its order. Takes a moment with many: made beside the window.
pub fn images_of(dataset: &Dataset) -> Vec<LibraryImage> {
    let rows = (0_u32..).zip(dataset.rows());
    rows.filter_map(|(place, row)| {
        let source = source_of(row.photo.as_ref()?);
        Some(LibraryImage { row: Some(place), ..LibraryImage::new(source) })
    })
    .collect()
}

/// What questions name a photo by.
pub fn source_of(place: &PhotoPlace) -> ImageSource {
    match place {
        PhotoPlace::File(path) => ImageSource::Path(path.clone()),
        PhotoPlace::Bundled(name) => ImageSource::Bundled((*name).to_owned()),
    }
}

/// Images in order, each once; those that are listed; and which one is looked at.
#[derive(Debug, Clone, Default)]
pub struct Library {
    images: Vec<LibraryImage>,
    known: HashMap<ImageSource, usize>,
    current_idx: Option<usize>,
    /// Places in `images`; `None` lists all of them.
    listed: Option<Vec<u32>>,
    /// Where the current image stands in the list.
    current_place: Option<usize>,
}

impl Library {
    /// All images.
    pub fn images(&self) -> &[LibraryImage] {
        &self.images
    }

    /// Position of the current image among all.
    pub fn current_idx(&self) -> Option<usize> {
        self.current_idx
    }

    /// The current image.
    pub fn current(&self) -> Option<&LibraryImage> {
        self.images.get(self.current_idx?)
    }

    /// How many images are listed.
    pub fn num_listed(&self) -> usize {
        self.listed.as_ref().map_or(self.images.len(), Vec::len)
    }

    /// The position of the image at this place of the list.
    pub fn listed_idx(&self, place: usize) -> Option<usize> {
        match &self.listed {
            None => (place < self.images.len()).then_some(place),
            Some(listed) => listed.get(place).map(|idx| *idx as usize),
        }
    }

    /// Where the current image stands in the list; `None` when it is not listed.
    pub fn current_place(&self) -> Option<usize> {
        self.current_place
    }

    /// Position of an image.
    pub fn position(&self, source: &ImageSource) -> Option<usize> {
        self.known.get(source).copied()
    }

    /// Position of the image with that row of the data set.
    pub fn position_of_row(&self, row: u32) -> Option<usize> {
        // Made from the data set in its order.
        let found = self.images.binary_search_by_key(&Some(row), |image| image.row);
        found.ok().or_else(|| self.images.iter().position(|image| image.row == Some(row)))
    }

    /// Adds images that are not there yet and returns the position of the first of `sources`.
    pub fn add(&mut self, sources: impl IntoIterator<Item = ImageSource>) -> Option<usize> {
        let mut first_idx = None;
        for source in sources {
            let idx = *self.known.entry(source).or_insert_with_key(|source| {
                self.images.push(LibraryImage::new(source.clone()));
                self.images.len() - 1
            });
            first_idx = first_idx.or(Some(idx));
        }
        first_idx
    }

    /// Images that nobody looks at yet. Takes a moment with many: made beside the window.
    pub fn of(images: Vec<LibraryImage>) -> Self {
        let known = images.iter().enumerate().map(|(idx, image)| (image.source.clone(), idx)).collect();
        Self { images, known, ..Self::default() }
    }

    /// Takes other images instead of those that were there. Looks at the same image if it is among them, else at the
    /// first; returns whether the image looked at is another one now.
    pub fn replace(&mut self, other: Self) -> bool {
        let before = self.current().map(|image| image.source.clone());
        *self = other;
        self.listed = None;
        let kept = before.as_ref().and_then(|source| self.position(source));
        self.current_idx = kept.or_else(|| (!self.images.is_empty()).then_some(0));
        self.find_place();
        kept.is_none()
    }

    /// Lists only these rows of the data set, in this order; `None` lists every image.
    pub fn list(&mut self, rows: Option<&[u32]>) {
        let positions = |rows: &[u32]| {
            let positions = rows.iter().filter_map(|row| self.position_of_row(*row));
            positions.filter_map(|idx| u32::try_from(idx).ok()).collect()
        };
        self.listed = rows.map(positions);
        self.find_place();
    }

    /// Looks at the `idx`-th image of all; `false` when there is none.
    pub fn select(&mut self, idx: usize) -> bool {
        let valid = idx < self.images.len();
        if valid {
            self.current_idx = Some(idx);
            self.find_place();
        }
        valid
    }

    /// Moves on by `step` images of the list, round its ends.
    pub fn step(&mut self, step: isize) {
        let len = self.num_listed();
        if len == 0 {
            return;
        }
        let len_signed = isize::try_from(len).unwrap_or(isize::MAX);
        let current =
            self.current_place.and_then(|place| isize::try_from(place).ok()).unwrap_or(if step > 0 { -1 } else { 0 });
        let place = usize::try_from((current + step).rem_euclid(len_signed)).ok();
        if let Some(idx) = place.and_then(|place| self.listed_idx(place)) {
            self.current_idx = Some(idx);
            self.current_place = place;
        }
    }

    fn find_place(&mut self) {
        self.current_place = match &self.listed {
            None => self.current_idx,
            Some(listed) => self.current_idx.and_then(|current| listed.iter().position(|idx| *idx as usize == current)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(names: &[&str]) -> Vec<ImageSource> {
        names.iter().map(|name| ImageSource::Bundled((*name).to_owned())).collect()
    }

    fn with_rows(names: &[&str]) -> Library {
        let rows = (0_u32..).zip(bundled(names));
        let image = |(row, source)| LibraryImage { row: Some(10 * row), ..LibraryImage::new(source) };
        Library::of(rows.map(image).collect())
    }

    #[test]
    fn an_image_is_listed_once() {
        let mut library = Library::default();
        assert_eq!(library.add(bundled(&["a.png", "b.png", "a.png"])), Some(0), "the first is new");
        assert_eq!(library.add(bundled(&["b.png", "c.png"])), Some(1), "b was there already");
        assert_eq!(library.images().len(), 3, "a, b and c");
    }

    #[test]
    fn stepping_goes_round_the_ends() {
        let mut library = Library::default();
        library.step(1);
        assert_eq!(library.current_idx(), None, "an empty library has no current image");
        library.add(bundled(&["a.png", "b.png", "c.png"]));
        library.step(1);
        assert_eq!(library.current_idx(), Some(0), "the first step arrives at the first image");
        library.step(-1);
        assert_eq!(library.current_idx(), Some(2), "backwards from the first is the last");
        library.step(1);
        assert_eq!(library.current_idx(), Some(0), "forwards from the last is the first");
    }

    #[test]
    fn stepping_keeps_to_the_list() {
        let mut library = Library::default();
        library.replace(with_rows(&["a.png", "b.png", "c.png", "d.png"]));
        library.list(Some(&[30, 10]));
        assert_eq!((library.num_listed(), library.current_place()), (2, None), "the first image is not listed");
        library.step(1);
        assert_eq!((library.current_idx(), library.current_place()), (Some(3), Some(0)), "the first of the list");
        library.step(1);
        assert_eq!(library.current_idx(), Some(1), "in the list's order");
        library.step(1);
        assert_eq!(library.current_idx(), Some(3), "and round");
        library.list(None);
        assert_eq!((library.num_listed(), library.current_place()), (4, Some(3)), "everything again");
    }

    #[test]
    fn a_data_set_keeps_the_image_that_is_looked_at() {
        let mut library = Library::default();
        library.add(bundled(&["a.png", "b.png"]));
        library.select(1);
        assert!(!library.replace(with_rows(&["c.png", "b.png"])), "b is still there");
        assert_eq!(library.current().map(|image| image.row), Some(Some(10)), "with its row");
        assert!(library.replace(with_rows(&["d.png"])), "now it is not");
        assert_eq!(library.current_idx(), Some(0), "the first instead");
        assert!(library.replace(Library::default()) && library.current().is_none(), "nothing is left");
    }

    #[test]
    fn a_bundled_name_is_readable() {
        let image = LibraryImage::new(ImageSource::Bundled("demo_09_street.png".to_owned()));
        assert_eq!(image.name, "demo 09 street", "no extension, no underscores");
        let of_path = |name: &str| LibraryImage::new(ImageSource::Path(name.into())).name;
        assert_eq!(of_path("a/COCO_val2014_000000000042.jpg"), "val2014 42", "what tells COCO's photos apart");
        assert_eq!(of_path("a/000000000042.jpg"), "000000000042.jpg", "other names as they are");
    }
}
