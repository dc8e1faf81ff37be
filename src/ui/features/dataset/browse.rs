//! The data set on show: what was opened, what of it is listed, what people noted.

use crate::data::coco::FileKind;
use crate::data::dataset::{Dataset, ImageNotes, Notes, PhotoPlace, Query, ReadNotes, Row, Sources, Tag};
use crate::files::is_same_file;
use crate::ui::background::notes_writer::NotesTold;
use crate::ui::background::runner::Progress;
use crate::ui::core::command::{Command, NotesEdit};
use crate::ui::core::prefs::remember_path;
use crate::ui::core::wording::{count, listed};
use crate::ui::features::dataset::opening::{Before, Joined, Opened, below};
use crate::ui::features::{AppState, Effect, Severity, Until};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The data set on show: what was opened, what of it is listed, what people noted.
#[derive(Debug, Clone)]
pub struct Browse {
    /// What the data set was made of.
    pub sources: Sources,
    /// Whether it is the bundled one.
    pub bundled: bool,
    /// Annotations of the user's that wait for their photos; until then the bundled images stay.
    pub waiting: Option<Box<Sources>>,
    /// "60 images annotated, no photos yet: choose their folder", where that is so.
    pub photos_wanted: Option<String>,
    /// The data set, once it is joined.
    pub dataset: Option<Arc<Dataset>>,
    /// What is listed.
    pub query: Query,
    /// What people noted.
    pub notes: Notes,
    /// What was noted in this window, whatever is open now: newer than what files say.
    pub edits: HashMap<PhotoPlace, ImageNotes>,
    /// What is being opened.
    pub opening: Option<Progress>,
    /// What was opened is worth saying once it is joined: more than a photo. How it was found comes first.
    pub announce: Option<Vec<String>>,
    /// Names the newest search and the newest joining: older results come too late.
    pub generation: u64,
}

impl Default for Browse {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            bundled: true,
            waiting: None,
            photos_wanted: None,
            dataset: None,
            query: Query::default(),
            notes: Notes::in_memory(),
            edits: HashMap::new(),
            opening: None,
            announce: None,
            generation: 0,
        }
    }
}

impl Browse {
    /// Whether anything is filtered or sorted.
    pub fn is_filtered(&self) -> bool {
        self.query != Query::default()
    }

    /// What is open already when something is opened.
    pub(in crate::ui) fn before(&self) -> Before {
        let of_user = |place: &PhotoPlace| matches!(place, PhotoPlace::File(_));
        match (self.sources.photos.iter().any(of_user), &self.waiting) {
            (true, _) => Before::Photos,
            (false, Some(_)) => Before::Annotations,
            (false, None) => Before::Nothing,
        }
    }
}

/// "60 images annotated, no photos yet: choose their folder".
pub(in crate::ui) fn wanted_words(sources: &Sources) -> Option<String> {
    let what = if let Some(instances) = &sources.instances {
        format!("{} annotated", count(instances.images().len(), "image"))
    } else if let Some(captions) = &sources.captions {
        let ids: HashSet<u64> = captions.captions().iter().map(|caption| caption.image_id).collect();
        format!("{} with captions", count(ids.len(), "image"))
    } else {
        let questions = sources.questions.as_ref()?;
        let photos: HashSet<&str> = questions.questions().iter().map(|asked| asked.image.as_str()).collect();
        format!("Questions about {}", count(photos.len(), "image"))
    };
    Some(format!("{what}, no photos yet: choose their folder"))
}

impl AppState {
    /// The data set's row of the image looked at.
    pub fn current_row(&self) -> Option<(usize, &Row)> {
        self.row_at(self.library.current_idx()?)
    }

    /// What is noted about the image looked at.
    pub fn current_notes(&self) -> Option<&ImageNotes> {
        self.current_row().map(|(_, row)| self.browse.notes.of(&row.key))
    }

    /// Files were opened: the data set is joined anew. Photos of the user's take the place of the bundled images;
    /// annotations without any photo wait for theirs.
    pub fn opened(&mut self, opened: Opened) -> Vec<Effect> {
        self.browse.opening = None;
        for problem in &opened.problems {
            self.notices.push((Severity::Warning, Until::Dismissed), problem, "", None);
        }
        if opened.cancelled {
            self.notices.push(
                (Severity::Info, Until::NextQuestion),
                "Opening was cancelled; nothing changed",
                "",
                None,
            );
            return Vec::new();
        }
        for path in &opened.read {
            remember_path(&mut self.prefs.recent_data, path);
        }
        self.notices.opened(&opened.read);
        self.offer_more(&opened);
        let annotated = opened.instances.is_some() || opened.captions.is_some() || opened.questions.is_some();
        if !annotated && opened.photos.is_empty() {
            opened.told.iter().for_each(|told| self.toasts.push(told));
            return Vec::new();
        }
        let of_user = |place: &&PhotoPlace| matches!(place, PhotoPlace::File(_));
        let mut sources = if self.browse.bundled {
            let photos = self.browse.sources.photos.iter().filter(of_user).cloned().collect();
            Sources { photos, ..self.browse.waiting.take().map_or_else(Sources::default, |waiting| *waiting) }
        } else {
            std::mem::take(&mut self.browse.sources)
        };
        let several = opened.photos.len() > 1;
        let wanted = opened.photos.first().map(super::library::source_of);
        sources.photos.extend(opened.photos);
        sources.instances = opened.instances.or(sources.instances.take());
        sources.captions = opened.captions.or(sources.captions.take());
        sources.questions = opened.questions.or(sources.questions.take());
        if self.browse.bundled && sources.photos.is_empty() {
            self.browse.photos_wanted = wanted_words(&sources);
            self.browse.waiting = Some(Box::new(sources));
            return Vec::new();
        }
        self.browse.bundled = false;
        self.browse.sources = sources;
        if annotated || several {
            self.browse.announce.get_or_insert_default().extend(opened.told);
        } else {
            opened.told.into_iter().for_each(|told| self.toasts.push(told));
        }
        self.browse.generation += 1;
        vec![Effect::Join(self.browse.generation, wanted)]
    }

    /// What lies beside what was opened, one click each.
    fn offer_more(&mut self, opened: &Opened) {
        let open = |paths: &[PathBuf]| Command::AddPaths(paths.to_vec());
        for (folder, choices) in &opened.choices {
            let names: Vec<String> = choices.iter().map(|path| below(path, folder)).collect();
            let (offered, rest) = names.split_at(names.len().min(MOST_OFFERED));
            let mut listed = listed(offered);
            if !rest.is_empty() {
                listed = format!("{} and {} more", offered.join(", "), rest.len());
            }
            let has_more = if opened.photos.is_empty() { "There are photos" } else { "There are photos also" };
            let which = if names.len() == 1 { "1 folder".to_owned() } else { format!("{} folders", names.len()) };
            let text = format!("{has_more} in {which} below this one, {listed}: {}", folder.display());
            let mut actions: Vec<_> = offered
                .iter()
                .zip(choices)
                .map(|(name, path)| (format!("Open {name}"), open(std::slice::from_ref(path))))
                .collect();
            if choices.len() > 1 {
                actions.push((all_of(choices.len()), open(choices)));
            }
            self.notices.offer(text, actions);
        }
        let dataset = &self.browse.dataset;
        let is_open = |path: &Path| dataset.as_ref().is_some_and(|dataset| is_part(dataset, path));
        let offered = opened.offered.iter().filter(|found| !is_open(&found.path));
        let (offered, kinds): (Vec<PathBuf>, HashSet<FileKind>) =
            offered.map(|found| (found.path.clone(), found.kind)).unzip();
        let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let names: Vec<String> = offered.iter().map(name).collect();
        let text = match names.as_slice() {
            [] => return,
            [one] => format!("Found {one}: open it too?"),
            several => format!("Found {}: open them too?", listed(several)),
        };
        // Of two of a kind the later would take the place of the other.
        let one_of_each = kinds.len() == offered.len();
        let mut actions: Vec<_> = names
            .iter()
            .zip(&offered)
            .map(|(name, path)| (format!("Open {name}"), open(std::slice::from_ref(path))))
            .collect();
        actions.truncate(MOST_OFFERED);
        if offered.len() > 1 && one_of_each {
            actions.insert(0, (all_of(offered.len()), open(&offered)));
        }
        self.notices.offer(text, actions);
    }

    /// Back to the bundled images.
    pub(in crate::ui) fn close_dataset(&mut self) -> Vec<Effect> {
        let edits = std::mem::take(&mut self.browse.edits);
        self.browse = Browse { generation: self.browse.generation + 1, edits, ..Browse::default() };
        vec![Effect::OpenBundled(self.browse.generation)]
    }

    /// A data set was joined.
    pub fn joined(&mut self, generation: u64, joined: Joined) -> Vec<Effect> {
        if generation != self.browse.generation {
            return Vec::new();
        }
        let Joined { dataset, library, sources, notes, wanted } = joined;
        self.take_notes(&dataset, notes);
        let mut another = self.library.replace(library);
        if let Some(idx) = wanted.and_then(|source| self.library.position(&source)) {
            another |= self.library.current_idx() != Some(idx);
            self.library.select(idx);
        }
        if another {
            self.notices.another_photo();
            self.selection.clear();
        }
        self.report_unmatched(&dataset);
        if let Some(told) = self.browse.announce.take() {
            let read = read_words(&dataset);
            self.toasts.push(if told.is_empty() { read } else { format!("{}: {read}", told.join("; ")) });
        }
        let is_empty = self.library.images().is_empty();
        if self.browse.waiting.is_none() {
            self.browse.photos_wanted = Some(&sources).filter(|_| is_empty).and_then(wanted_words);
        }
        self.browse.sources = sources;
        let before = self.browse.dataset.replace(dataset);
        self.truth.another_image();
        let instances =
            |dataset: Option<&Arc<Dataset>>| dataset.and_then(|dataset| dataset.instances()).map(Arc::as_ptr);
        // Categories go by the place that they have in their file.
        if instances(before.as_ref()) != instances(self.browse.dataset.as_ref()) {
            self.browse.query.any_of.clear();
            self.browse.query.all_of.clear();
            self.browse.query.none_of.clear();
        }
        self.search()
    }

    /// Counts what found no counterpart; the list is in the panel.
    fn report_unmatched(&mut self, dataset: &Dataset) {
        let missing = dataset.unmatched().images_without_photo.total;
        let annotated = dataset.instances().map_or(0, |instances| instances.images().len());
        if annotated > 0 && missing >= annotated {
            let what = format!("None of the {annotated} annotated images is among the open photos");
            let advice = "Open their folder, or the annotations that belong to these photos";
            let action = Some(("Folder…".to_owned(), Command::OpenImageFolder));
            self.notices.push((Severity::Warning, Until::Dismissed), what, advice, action);
        }
    }

    /// Looks for what the query asks, beside the window.
    pub(in crate::ui) fn search(&mut self) -> Vec<Effect> {
        let Some(dataset) = &self.browse.dataset else { return Vec::new() };
        if !self.browse.is_filtered() {
            self.library.list(None);
            return Vec::new();
        }
        let (dataset, query, notes) = (Arc::clone(dataset), self.browse.query.clone(), self.browse.notes.clone());
        let asked: HashSet<String> = match query.asked {
            None => HashSet::new(),
            Some(_) => self.asked_keys(),
        };
        vec![Effect::Find(self.browse.generation, Box::new(Search { dataset, query, notes, asked }))]
    }

    fn asked_keys(&self) -> HashSet<String> {
        let rows = self.browse.dataset.as_ref().map(|dataset| dataset.rows()).unwrap_or_default();
        let asked = self.library.images().iter().filter(|image| self.runs.of_image(&image.source).next().is_some());
        asked.filter_map(|image| rows.get(image.row? as usize)).map(|row| row.key.to_string()).collect()
    }

    /// A search came back.
    pub fn found(&mut self, generation: u64, rows: &[u32]) {
        if generation == self.browse.generation && self.browse.is_filtered() {
            self.library.list(Some(rows));
        }
    }

    /// Goes to the image with that number, or whose name has these letters.
    pub(in crate::ui) fn jump_to_image(&mut self, wanted: &str) {
        let Some(dataset) = self.browse.dataset.clone() else { return };
        let wanted = wanted.trim();
        let row = wanted.parse().ok().and_then(|id| dataset.row_of_id(id)).or_else(|| dataset.row_of_name(wanted));
        let part = || dataset.rows().iter().position(|row| row.photo.is_some() && row.key.contains(wanted));
        let row = row.or_else(part).and_then(|row| u32::try_from(row).ok());
        match row.map(|row| self.library.position_of_row(row)) {
            Some(Some(idx)) => self.select_image(idx),
            Some(None) => {
                let what = format!("The photo of image {wanted} was not found");
                self.notices.push((Severity::Warning, Until::OtherPhoto), what, "Add its folder", None);
            }
            None => {
                let what = format!("No image has the number or name {wanted}");
                self.notices.push((Severity::Info, Until::OtherPhoto), what, "", None);
            }
        }
    }

    /// What files say, and what was noted since in this window.
    fn take_notes(&mut self, dataset: &Dataset, read: ReadNotes) {
        for problem in &read.problems {
            self.notices.push((Severity::Warning, Until::Dismissed), problem, "", None);
        }
        if let Some(words) = read.taken_words() {
            self.toasts.push(words);
        }
        let ReadNotes { mut notes, taken, .. } = read;
        let Browse { edits, dataset: before, notes: notes_before, .. } = &mut self.browse;
        // What no file has goes along with its photo.
        let rows = before.as_ref().map(|before| before.rows()).unwrap_or_default();
        let held = rows.iter().filter_map(|row| Some((row.photo.clone()?, notes_before.held_of(&row.key)?.clone())));
        let held: HashMap<PhotoPlace, ImageNotes> = held.collect();
        for row in dataset.rows() {
            let Some(photo) = &row.photo else { continue };
            if let Some(noted) = held.get(photo) {
                notes.edit(&row.key, |notes| notes.merge(noted));
            }
            if let Some(noted) = edits.get_mut(photo) {
                taken.get(&*row.key).into_iter().flatten().for_each(|taken| noted.merge(&taken.noted));
                match photo {
                    PhotoPlace::File(_) => notes.set(&row.key, noted.clone()),
                    PhotoPlace::Bundled(_) => notes.edit(&row.key, |notes| noted.clone_into(notes)),
                }
            } else if let (PhotoPlace::Bundled(_), Some(noted)) = (photo, notes.held_of(&row.key)) {
                // Of a session: they come back with the bundled images.
                edits.insert(photo.clone(), noted.clone());
            }
        }
        self.browse.notes = notes;
    }

    /// Notes something about the image looked at.
    pub(in crate::ui) fn edit_notes(&mut self, edit: NotesEdit) -> Vec<Effect> {
        self.library.current_idx().map_or_else(Vec::new, |idx| self.edit_notes_of(idx, edit))
    }

    /// Notes something about the image at this position among all.
    pub(in crate::ui) fn edit_notes_of(&mut self, idx: usize, edit: NotesEdit) -> Vec<Effect> {
        let row = self.row_at(idx).and_then(|(_, row)| Some((Arc::clone(&row.key), row.photo.clone()?)));
        let Some((key, photo)) = row else { return Vec::new() };
        let change = |notes: &mut ImageNotes| match edit {
            NotesEdit::Text(text) => notes.note = text,
            NotesEdit::Toggle(Tag::Star) => notes.star = !notes.star,
            NotesEdit::Toggle(Tag::Hallucinates) => notes.hallucinates = !notes.hallucinates,
            NotesEdit::Toggle(Tag::AnnotationWrong) => notes.annotation_wrong = !notes.annotation_wrong,
            NotesEdit::Toggle(Tag::Note) => {}
            NotesEdit::Toggle(Tag::Own(name)) => {
                if !notes.tags.remove(&name) {
                    notes.tags.insert(name);
                }
            }
        };
        let mut effects = Vec::new();
        match &photo {
            PhotoPlace::File(path) => {
                effects.push(Effect::WriteNotes(Box::new(self.browse.notes.change(&key, path, change))));
            }
            PhotoPlace::Bundled(name) => {
                self.browse.notes.edit(&key, change);
                // No file beside them keeps these.
                self.prefs.bundled_notes.insert((*name).to_owned(), self.browse.notes.of(&key).clone());
                self.prefs.bundled_notes.retain(|_, notes| *notes != ImageNotes::default());
            }
        }
        self.browse.edits.insert(photo, self.browse.notes.of(&key).clone());
        if !self.browse.query.tags.is_empty() {
            effects.extend(self.search());
        }
        effects
    }

    /// What became of notes on the disk.
    pub(in crate::ui) fn noted(&mut self, told: NotesTold) {
        match told {
            NotesTold::Failed(why) => {
                let advice = "Your notes are written again with the next change and when you quit";
                self.notices.push((Severity::Error, Until::Dismissed), why, advice, None);
            }
            NotesTold::Moved { folder, to, why } => {
                let text = format!(
                    "Tags and notes of these photos cannot be written beside them ({why}); \
                     they are kept with your settings: {}",
                    to.display()
                );
                self.notices.push((Severity::Warning, Until::Dismissed), text, "", None);
                self.browse.notes.moved(&folder, &to);
            }
            NotesTold::Merged { key, after, merged } => {
                // Unless it was changed again meanwhile.
                if *self.browse.notes.of(&key) == *after {
                    let dataset = self.browse.dataset.clone();
                    let row = dataset.as_ref().and_then(|dataset| dataset.rows().get(dataset.row_of_name(&key)?));
                    if let Some(photo) = row.and_then(|row| row.photo.clone()) {
                        self.browse.edits.insert(photo, (*merged).clone());
                    }
                    self.browse.notes.set(&key, *merged);
                }
            }
        }
    }
}

/// So many folders or files are offered by name.
const MOST_OFFERED: usize = 6;

fn all_of(count: usize) -> String {
    if count == 2 { "Open both".to_owned() } else { format!("Open all {count}") }
}

/// Whether a file is one of those that the data set was made of.
fn is_part(dataset: &Dataset, path: &Path) -> bool {
    let files = [
        dataset.instances().map(|file| file.path()),
        dataset.captions().map(|file| file.path()),
        dataset.questions().map(|file| file.path()),
    ];
    files.into_iter().flatten().any(|other| other == path || is_same_file(other, path))
}

/// "500 photos, 480 of them annotated, 20 listed without an object, all with captions". A photo that the annotations
/// only list is not annotated.
fn read_words(dataset: &Dataset) -> String {
    let (mut photos, mut annotated, mut listed, mut captioned) = (0, 0, 0, 0);
    for (row, of) in dataset.rows().iter().enumerate().filter(|(_, of)| of.photo.is_some()) {
        photos += 1;
        let has_objects = !dataset.annotations_of(row).is_empty();
        annotated += usize::from(has_objects);
        listed += usize::from(!has_objects && of.instances_row.is_some());
        captioned += usize::from(!dataset.captions_of(row).is_empty());
    }
    let mut words = count(photos, "photo");
    let mut said_of_them = false;
    let mut add = |number: usize, what: &str| {
        // Writing to a string cannot fail.
        let _ = match number {
            0 => Ok(()),
            1 if photos == 1 => write!(words, ", {what}"),
            all if all == photos => write!(words, ", all {what}"),
            some => {
                let of_them = if std::mem::replace(&mut said_of_them, true) { "" } else { " of them" };
                write!(words, ", {some}{of_them} {what}")
            }
        };
    };
    add(annotated, "annotated");
    add(listed, "listed without an object");
    add(captioned, "with captions");
    if let Some(questions) = dataset.questions() {
        let _ = write!(words, ", {}", count(questions.questions().len(), "question"));
    }
    words
}

/// A query with everything it looks at.
#[derive(Debug, Clone)]
pub struct Search {
    /// In this.
    pub dataset: Arc<Dataset>,
    /// For this.
    pub query: Query,
    /// What is noted.
    pub notes: Notes,
    /// Photos that were asked about.
    pub asked: HashSet<String>,
}

impl PartialEq for Search {
    /// By what is looked for: the rest is what was there at the time.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dataset, &other.dataset) && self.query == other.query
    }
}

#[cfg(test)]
mod tests;
