//! Files that a session names were looked for.

use crate::data::dataset::PhotoPlace;
use crate::ui::core::command::{Command, SessionBox, SessionCommand};
use crate::ui::core::wording::count;
use crate::ui::features::session::Located;
use crate::ui::features::session::state::model_at;
use crate::ui::features::{AppState, Effect};

impl AppState {
    /// Files were looked for.
    pub fn located(&mut self, located: Located) -> Vec<Effect> {
        let Located { photos, annotations, model } = located;
        let found = photos.len() + annotations.len() + usize::from(model.is_some());
        let missing = &mut self.session.missing;
        missing.photos.retain(|path| !photos.contains_key(path));
        missing.annotations.retain(|path| !annotations.contains_key(path));
        let mut effects = Vec::new();
        if let Some(folder) = model {
            missing.model = None;
            effects.extend(self.open_model_of_session(model_at(folder)));
        }
        let left = self.session.missing.len();
        if left == 0 {
            self.open.session = None;
            self.notices.settle(&Command::Session(SessionCommand::Show(SessionBox::Missing)));
        }
        let still = if left == 0 { String::new() } else { format!("; {} still missing", count(left, "file")) };
        self.toasts.push(format!("Found {} again{still}", count(found, "file")));
        if !photos.is_empty() {
            self.runs.relocate(&photos);
            self.pope.relocate(&photos);
            self.compare.relocate(&photos);
            self.prompting.relocate(&photos);
            let mut current = self.current_image().cloned();
            if let Some(image) = &mut current {
                image.relocate(&photos);
            }
            for photo in &mut self.browse.sources.photos {
                if let PhotoPlace::File(path) = photo
                    && let Some(place) = photos.get(path)
                {
                    place.clone_into(path);
                }
            }
            self.browse.generation += 1;
            effects.push(Effect::Join(self.browse.generation, current));
        }
        if !annotations.is_empty() {
            effects.push(Effect::Scan(annotations.into_values().collect()));
        }
        effects
    }
}
