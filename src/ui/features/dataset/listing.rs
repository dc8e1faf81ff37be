//! What people do with the list of images.

use crate::data::dataset::{PhotoPlace, Row};
use crate::engine::ImageSource;
use crate::ui::core::command::{Command, ListCommand, NotesEdit};
use crate::ui::features::dataset::browse::wanted_words;
use crate::ui::features::{AppState, Effect};

impl AppState {
    pub(in crate::ui) fn apply_list(&mut self, command: ListCommand) -> Vec<Effect> {
        match command {
            ListCommand::Show(view) => self.prefs.images_view = view,
            ListCommand::ToggleGrid => self.prefs.images_view = self.prefs.images_view.other(),
            ListCommand::Tag(image, tag) => {
                let idx = self.library.position(&image);
                return idx.map_or_else(Vec::new, |idx| self.edit_notes_of(idx, NotesEdit::Toggle(tag)));
            }
            ListCommand::Remove(image) => return self.remove_image(&image),
            ListCommand::ShowFolder(path) => return vec![Effect::ShowFolder(path)],
            ListCommand::AskAll => self.ask_all_photos(),
            ListCommand::AskAgain => self.ask_failed_photos_again(),
            ListCommand::StopAsking => return self.stop_all_photos(),
        }
        Vec::new()
    }

    /// The data set's row of the image at this position among all.
    pub fn row_at(&self, idx: usize) -> Option<(usize, &Row)> {
        let row = self.library.images().get(idx)?.row? as usize;
        Some((row, self.browse.dataset.as_ref()?.rows().get(row)?))
    }

    /// Takes an image off the list and looks at the one beside it. With the last one of the user's the bundled images
    /// come back; annotations wait for others then.
    fn remove_image(&mut self, image: &ImageSource) -> Vec<Effect> {
        let is_it = |place: &PhotoPlace| crate::ui::features::source_of(place) == *image;
        let name = self.name_of(image).filter(|_| self.browse.dataset.is_some());
        let Some(name) = name else { return Vec::new() };
        let wanted = if self.current_image() == Some(image) { self.neighbour_of(image) } else { None };
        self.browse.sources.photos.retain(|place| !is_it(place));
        let put_back = match image {
            ImageSource::Path(path) => Some(("Put it back".to_owned(), Command::AddPaths(vec![path.clone()]))),
            ImageSource::Bundled(_) => None,
        };
        self.toasts.push_with(format!("{name} is off the list; its file stays"), put_back);
        if !self.browse.sources.photos.is_empty() {
            self.browse.generation += 1;
            return vec![Effect::Join(self.browse.generation, wanted)];
        }
        let (sources, is_bundled) = (self.browse.sources.clone(), self.browse.bundled);
        let effects = self.close_dataset();
        if let Some(words) = wanted_words(&sources).filter(|_| !is_bundled) {
            self.browse.photos_wanted = Some(words);
            self.browse.waiting = Some(Box::new(sources));
        }
        effects
    }

    pub(in crate::ui) fn name_of(&self, image: &ImageSource) -> Option<String> {
        let idx = self.library.position(image)?;
        Some(self.library.images().get(idx)?.name.clone())
    }

    /// The image listed after this one, else the one before it.
    fn neighbour_of(&self, image: &ImageSource) -> Option<ImageSource> {
        let place = self.library.current_place().filter(|_| self.current_image() == Some(image))?;
        let at = |place: usize| self.library.images().get(self.library.listed_idx(place)?);
        let other = at(place + 1).or_else(|| at(place.checked_sub(1)?));
        other.map(|image| image.source.clone())
    }
}
