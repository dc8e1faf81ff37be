//! The images on offer.

use crate::engine::ImageSource;
use std::collections::HashSet;
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
}

impl LibraryImage {
    /// Names an image after its file.
    pub fn new(source: ImageSource) -> Self {
        let (name, detail) = match &source {
            ImageSource::Bundled(name) => (stem(Path::new(name)), format!("{name}, bundled with the program")),
            ImageSource::Path(path) => (
                path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned()),
                path.display().to_string(),
            ),
        };
        Self { source, name, detail }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().replace('_', " ")).unwrap_or_default()
}

/// Images in the order they were added, each once, and which one is looked at.
#[derive(Debug, Clone, Default)]
pub struct Library {
    images: Vec<LibraryImage>,
    known: HashSet<ImageSource>,
    current_idx: Option<usize>,
}

impl Library {
    /// All images.
    pub fn images(&self) -> &[LibraryImage] {
        &self.images
    }

    /// Position of the current image.
    pub fn current_idx(&self) -> Option<usize> {
        self.current_idx
    }

    /// The current image.
    pub fn current(&self) -> Option<&LibraryImage> {
        self.images.get(self.current_idx?)
    }

    /// Adds images that are not there yet and returns the position of the first of `sources`.
    pub fn add(&mut self, sources: impl IntoIterator<Item = ImageSource>) -> Option<usize> {
        let mut first_idx = None;
        for source in sources {
            let idx = if self.known.insert(source.clone()) {
                self.images.push(LibraryImage::new(source));
                Some(self.images.len() - 1)
            } else if first_idx.is_none() {
                self.images.iter().position(|image| image.source == source)
            } else {
                None
            };
            first_idx = first_idx.or(idx);
        }
        first_idx
    }

    /// Looks at the `idx`-th image; `false` when there is none.
    pub fn select(&mut self, idx: usize) -> bool {
        let valid = idx < self.images.len();
        if valid {
            self.current_idx = Some(idx);
        }
        valid
    }

    /// Moves on by `step` images, round the ends.
    pub fn step(&mut self, step: isize) {
        let len = self.images.len();
        if len == 0 {
            return;
        }
        let len_signed = isize::try_from(len).unwrap_or(isize::MAX);
        let current = self.current_idx.and_then(|idx| isize::try_from(idx).ok()).unwrap_or(if step > 0 { -1 } else { 0 });
        self.current_idx = usize::try_from((current + step).rem_euclid(len_signed)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(names: &[&str]) -> Vec<ImageSource> {
        names.iter().map(|name| ImageSource::Bundled((*name).to_owned())).collect()
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
    fn a_bundled_name_is_readable() {
        let image = LibraryImage::new(ImageSource::Bundled("demo_09_street.png".to_owned()));
        assert_eq!(image.name, "demo 09 street", "no extension, no underscores");
    }
}
