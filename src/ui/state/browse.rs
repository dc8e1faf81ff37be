//! The data set on show: what was opened, what of it is listed, what people noted.

use super::prefs::remember_path;
use super::{AppState, Effect, Severity, Until};
use crate::data::dataset::{Dataset, ImageNotes, Notes, PhotoPlace, Query, Row, Sources, Tag};
use crate::ui::opening::{Joined, Opened};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Something is being opened beside the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// "Reading `instances_val2014.json`".
    pub what: String,
    /// 0 to 1.
    pub share: f32,
    /// Whether it can be stopped.
    pub can_stop: bool,
}

/// A change of what is noted about the image looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotesEdit {
    /// Says it, or takes it back.
    Toggle(Tag),
    /// Text of one's own.
    Text(String),
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Browse {
    /// What the data set was made of.
    pub sources: Sources,
    /// Whether it is the bundled one, perhaps with photos of the user's.
    pub bundled: bool,
    /// The data set, once it is joined.
    pub dataset: Option<Arc<Dataset>>,
    /// What is listed.
    pub query: Query,
    /// What people noted.
    pub notes: Notes,
    /// What is being opened.
    pub opening: Option<Progress>,
    /// What was opened is worth saying once it is joined: more than a photo.
    pub announce: bool,
    /// Names the newest search and the newest joining: older results come too late.
    pub generation: u64,
}

impl Default for Browse {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            bundled: true,
            dataset: None,
            query: Query::default(),
            notes: Notes::in_memory(),
            opening: None,
            announce: false,
            generation: 0,
        }
    }
}

impl Browse {
    /// Whether anything is filtered or sorted.
    pub fn is_filtered(&self) -> bool {
        self.query != Query::default()
    }
}

impl AppState {
    /// The data set's row of the image looked at.
    pub fn current_row(&self) -> Option<(usize, &Row)> {
        let row = self.library.current()?.row? as usize;
        Some((row, self.browse.dataset.as_ref()?.rows().get(row)?))
    }

    /// What is noted about the image looked at.
    pub fn current_notes(&self) -> Option<&ImageNotes> {
        self.current_row().map(|(_, row)| self.browse.notes.of(&row.key))
    }

    /// Files were opened: the data set is joined anew. Annotations of the user's take the place of the bundled images.
    pub fn opened(&mut self, opened: Opened) -> Vec<Effect> {
        self.browse.opening = None;
        for problem in opened.problems {
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
        let sources = &mut self.browse.sources;
        let annotated = opened.instances.is_some() || opened.captions.is_some() || opened.questions.is_some();
        if annotated && self.browse.bundled {
            let of_user = |place: &&PhotoPlace| matches!(place, PhotoPlace::File(_));
            *sources =
                Sources { photos: sources.photos.iter().filter(of_user).cloned().collect(), ..Sources::default() };
            self.browse.bundled = false;
        }
        let several = opened.photos.len() > 1;
        let wanted = opened.photos.first().map(super::library::source_of);
        sources.photos.extend(opened.photos);
        sources.instances = opened.instances.or(sources.instances.take());
        sources.captions = opened.captions.or(sources.captions.take());
        sources.questions = opened.questions.or(sources.questions.take());
        if let Some(notes) = opened.notes {
            self.browse.notes = notes;
        }
        self.browse.announce = annotated || several;
        self.browse.generation += 1;
        vec![Effect::Join(self.browse.generation, wanted)]
    }

    /// Back to the bundled images.
    pub(super) fn close_dataset(&mut self) -> Vec<Effect> {
        self.browse = Browse { generation: self.browse.generation + 1, ..Browse::default() };
        vec![Effect::OpenBundled(self.browse.generation)]
    }

    /// A data set was joined.
    pub fn joined(&mut self, generation: u64, joined: Joined) -> Vec<Effect> {
        if generation != self.browse.generation {
            return Vec::new();
        }
        let Joined { dataset, library, sources, wanted } = joined;
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
        if std::mem::take(&mut self.browse.announce) {
            self.toasts.push(read_words(&dataset));
        }
        self.browse.sources = sources;
        self.browse.dataset = Some(dataset);
        self.truth.another_image();
        self.browse.query.any_of.clear();
        self.browse.query.all_of.clear();
        self.browse.query.none_of.clear();
        self.search()
    }

    /// Counts what found no counterpart; the list is in the panel.
    fn report_unmatched(&mut self, dataset: &Dataset) {
        let missing = dataset.unmatched().images_without_photo.total;
        let annotated = dataset.instances().map_or(0, |instances| instances.images().len());
        if annotated > 0 && missing >= annotated {
            let what = format!("None of the {annotated} annotated images is among the open photos");
            let advice = "Open the folder that holds them, or the annotations that belong to these photos";
            self.notices.push((Severity::Warning, Until::Dismissed), what, advice, None);
        }
    }

    /// Looks for what the query asks, beside the window.
    pub(super) fn search(&mut self) -> Vec<Effect> {
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
    pub(super) fn jump_to_image(&mut self, wanted: &str) {
        let Some(dataset) = self.browse.dataset.clone() else { return };
        let wanted = wanted.trim();
        let row = wanted.parse().ok().and_then(|id| dataset.row_of_id(id)).or_else(|| dataset.row_of_name(wanted));
        let part = || dataset.rows().iter().position(|row| row.photo.is_some() && row.key.contains(wanted));
        let row = row.or_else(part).and_then(|row| u32::try_from(row).ok());
        match row.map(|row| self.library.position_of_row(row)) {
            Some(Some(idx)) => self.select_image(idx),
            Some(None) => {
                let what = format!("The photo of image {wanted} was not found");
                self.notices.push((Severity::Warning, Until::OtherPhoto), what, "Add the folder that holds it", None);
            }
            None => {
                let what = format!("No image has the number or name {wanted}");
                self.notices.push((Severity::Info, Until::OtherPhoto), what, "", None);
            }
        }
    }

    /// Notes something about the image looked at.
    pub(super) fn edit_notes(&mut self, edit: NotesEdit) -> Vec<Effect> {
        let Some(key) = self.current_row().map(|(_, row)| Arc::clone(&row.key)) else { return Vec::new() };
        self.browse.notes.edit(&key, |notes| match edit {
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
        });
        let noted = self.browse.notes.of(&key).clone();
        let mut effects = vec![Effect::WriteNotes(key.to_string(), Box::new(noted))];
        if !self.browse.query.tags.is_empty() {
            effects.extend(self.search());
        }
        effects
    }
}

/// "Read 500 photos, 480 of them annotated".
fn read_words(dataset: &Dataset) -> String {
    let with_photo = || dataset.rows().iter().filter(|row| row.photo.is_some());
    let annotated = with_photo().filter(|row| row.instances_row.is_some()).count();
    let mut words = format!("Read {}", super::count(with_photo().count(), "photo"));
    if annotated > 0 {
        let _ = write!(words, ", {annotated} of them annotated");
    }
    if let Some(questions) = dataset.questions() {
        let _ = write!(words, ", {}", super::count(questions.questions().len(), "question"));
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
