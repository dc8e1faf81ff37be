//! Data sets: photos with what is known about them, in any combination.
//!
//! A [`Dataset`] joins photos with instances, captions and POPE's questions, says what did not find its counterpart
//! ([`Unmatched`]), and answers a [`Query`] with the rows to show. What people write about a photo is kept beside the
//! photos ([`Notes`]), never in the data.

mod beside;
mod folder;
mod index;
mod join;
mod names;
mod notes;
mod query;

#[cfg(test)]
mod tests;

pub use super::coco::coco_image_id;
pub use beside::{PhotosBeside, photos_beside};
pub use folder::{FolderContent, FoundAnnotations, look_through, of_subset};
pub use index::CategoryCount;
pub use join::Sources;
pub use names::is_same_photo;
pub use notes::{
    ImageNotes, Kept, Notes, NotesChange, NotesError, NotesPlaces, ReadNotes, Tag, TakenOver, is_notes_name, keep,
    notes_beside_annotations, notes_in_folder,
};
pub use query::{Order, Query, SizeClasses, Sort};

use super::coco::{Annotation, Caption, Captions, Instances};
use super::pope::{Question, Questions};
use index::Index;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a photo comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PhotoPlace {
    /// A file.
    File(PathBuf),
    /// A bundled image by its name, see [`crate::data::demo`].
    Bundled(&'static str),
}

impl PhotoPlace {
    /// The file's name without its folder.
    pub fn file_name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Bundled(name) => (*name).to_owned(),
        }
    }
}

/// One photo of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name: unique in the data set, and what tags and finished questions know it by.
    pub key: Arc<str>,
    /// Its number, from the annotations or from a name that COCO gave.
    pub image_id: Option<u64>,
    /// Columns and rows as the annotations say.
    pub size_px: Option<[u32; 2]>,
    /// The photo, where it was found.
    pub photo: Option<PhotoPlace>,
    /// Where it stands in [`Instances::images`].
    pub instances_row: Option<u32>,
}

/// Things that did not find their counterpart: all counted, the first thousand named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// How many there are.
    pub total: usize,
    /// Names or numbers of the first of them.
    pub listed: Vec<String>,
}

impl Missing {
    fn add(&mut self, name: impl FnOnce() -> String) {
        const MOST_LISTED: usize = 1000;
        self.total += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(name());
        }
    }
}

/// What was not found when a data set was joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Images of the annotations or captions whose photo is in none of the folders; empty where no photos were given.
    pub images_without_photo: Missing,
    /// Photos that neither the annotations nor the captions know; empty where there are none of either.
    pub photos_without_image: Missing,
    /// Photos that another one stands for already, by name or number.
    pub repeated_photos: Missing,
    /// Numbers of images that only captions name.
    pub captions_without_image: Missing,
    /// Names of photos that only questions name.
    pub questions_without_image: Missing,
}

/// Photos with what is known about them.
#[derive(Debug)]
pub struct Dataset {
    rows: Vec<Row>,
    by_name: HashMap<Arc<str>, u32>,
    by_id: HashMap<u64, u32>,
    instances: Option<Arc<Instances>>,
    captions: Option<Arc<Captions>>,
    questions: Option<Arc<Questions>>,
    /// By row: places in [`Questions::questions`].
    questions_of: HashMap<u32, Vec<u32>>,
    unmatched: Unmatched,
    index: Index,
}

impl Dataset {
    /// Joins what there is. Photos are matched by their file's name, else by the number that COCO's names hold.
    pub fn join(sources: Sources) -> Self {
        join::join(sources)
    }

    /// Every photo: those of the instances in their order, further ones of the captions, further ones of the folders.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The annotations, where they were given.
    pub fn instances(&self) -> Option<&Arc<Instances>> {
        self.instances.as_ref()
    }

    /// The captions, where they were given.
    pub fn captions(&self) -> Option<&Arc<Captions>> {
        self.captions.as_ref()
    }

    /// The questions, where they were given.
    pub fn questions(&self) -> Option<&Arc<Questions>> {
        self.questions.as_ref()
    }

    /// What did not find its counterpart.
    pub fn unmatched(&self) -> &Unmatched {
        &self.unmatched
    }

    /// The objects of a row.
    pub fn annotations_of(&self, row: usize) -> &[Annotation] {
        let place = self.rows.get(row).and_then(|row| row.instances_row);
        let (Some(instances), Some(place)) = (&self.instances, place) else { return &[] };
        instances.annotations_of(place as usize)
    }

    /// The captions of a row.
    pub fn captions_of(&self, row: usize) -> &[Caption] {
        let id = self.rows.get(row).and_then(|row| row.image_id);
        let (Some(captions), Some(id)) = (&self.captions, id) else { return &[] };
        captions.of(id)
    }

    /// The questions of a row.
    pub fn questions_of(&self, row: usize) -> impl Iterator<Item = &Question> {
        let places = u32::try_from(row).ok().and_then(|row| self.questions_of.get(&row));
        let all = self.questions.as_ref().map(|questions| questions.questions()).unwrap_or_default();
        places.into_iter().flatten().filter_map(|place| all.get(*place as usize))
    }

    /// The row with that image number.
    pub fn row_of_id(&self, image_id: u64) -> Option<usize> {
        self.by_id.get(&image_id).map(|row| *row as usize)
    }

    /// The row of a photo by the name or path of its file, in either of COCO's namings.
    pub fn row_of_name(&self, name: &str) -> Option<usize> {
        names::find(&self.by_name, &self.by_id, name).map(|row| row as usize)
    }

    /// The row of a photo's file.
    pub fn row_of_photo(&self, photo: &Path) -> Option<usize> {
        self.row_of_name(&photo.file_name()?.to_string_lossy())
    }

    /// How many images show each category, in the order of the annotations' categories.
    pub fn category_counts(&self) -> &[CategoryCount] {
        self.index.category_counts()
    }

    /// Rows to show, in the order to show them.
    ///
    /// `asked` holds the keys of photos that a question was asked about.
    pub fn find(&self, query: &Query, notes: &Notes, asked: &std::collections::HashSet<String>) -> Vec<u32> {
        query::find(self, &self.index, query, notes, asked)
    }
}
