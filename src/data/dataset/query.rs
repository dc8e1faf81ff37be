//! Which rows to show, and in which order.

use super::index::{Index, LARGE, MEDIUM, SMALL};
use super::notes::{Notes, Tag};
use super::{Dataset, Row};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::RangeInclusive;

/// COCO's sizes of objects, by area; none chosen is every size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SizeClasses {
    /// Up to 32 x 32 pixels.
    pub small: bool,
    /// From there to 96 x 96.
    pub medium: bool,
    /// From there on.
    pub large: bool,
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Sort {
    /// As in the data set.
    #[default]
    Given,
    /// Number of the image; rows without one last.
    ImageId,
    /// Name, as people count.
    Name,
    /// Number of objects.
    Objects,
    /// Number of different categories.
    Categories,
    /// Sum of the objects' areas; rows with an object of unknown size last.
    TotalArea,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Order {
    /// The smallest first.
    #[default]
    Ascending,
    /// The largest first.
    Descending,
}

/// What a row must be to be shown. The default shows every row as the data set has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// At least one of these categories, by number; none chosen asks for nothing.
    pub any_of: Vec<u32>,
    /// Each of these.
    pub all_of: Vec<u32>,
    /// None of these.
    pub none_of: Vec<u32>,
    /// An object of one of these sizes, of a category of `any_of` or `all_of` where any are chosen. One of unknown size
    /// is of none.
    pub sizes: SizeClasses,
    /// Number of objects, crowds counted as one.
    pub objects: RangeInclusive<u32>,
    /// Words in this order in a caption, in small or capital letters.
    pub caption: String,
    /// Part of the name, in small or capital letters.
    pub name: String,
    /// Each of these tags.
    pub tags: Vec<Tag>,
    /// Whether a question was asked.
    pub asked: Option<bool>,
    /// Whether the photo was found.
    pub has_photo: Option<bool>,
    /// Whether there are questions in a file.
    pub has_questions: Option<bool>,
    /// What to sort by; equals stay as in the data set.
    pub sort: Sort,
    /// Which way.
    pub order: Order,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            any_of: Vec::new(),
            all_of: Vec::new(),
            none_of: Vec::new(),
            sizes: SizeClasses::default(),
            objects: 0..=u32::MAX,
            caption: String::new(),
            name: String::new(),
            tags: Vec::new(),
            asked: None,
            has_photo: None,
            has_questions: None,
            sort: Sort::default(),
            order: Order::default(),
        }
    }
}

/// A query with everything looked up that is the same for all rows.
struct Wanted<'a> {
    query: &'a Query,
    /// Places among the categories; a number that no category has can be met by no row.
    any_of: Vec<Option<u32>>,
    all_of: Vec<Option<u32>>,
    none_of: Vec<Option<u32>>,
    sizes: u8,
    caption: String,
    name: String,
}

impl<'a> Wanted<'a> {
    fn new(query: &'a Query, index: &Index) -> Self {
        let places = |ids: &[u32]| ids.iter().map(|id| index.category(*id)).collect();
        let SizeClasses { small, medium, large } = query.sizes;
        let bit = |chosen: bool, bit: u8| if chosen { bit } else { 0 };
        Self {
            query,
            any_of: places(&query.any_of),
            all_of: places(&query.all_of),
            none_of: places(&query.none_of),
            sizes: bit(small, SMALL) | bit(medium, MEDIUM) | bit(large, LARGE),
            caption: query.caption.trim().to_lowercase(),
            name: query.name.trim().to_lowercase(),
        }
    }

    fn objects(&self, index: &Index, row: usize) -> bool {
        let objects = index.objects(row);
        let has = |place: &Option<u32>| place.is_some_and(|place| objects.iter().any(|one| one.category == place));
        let number = u32::try_from(objects.len()).unwrap_or(u32::MAX);
        self.query.objects.contains(&number)
            && (self.any_of.is_empty() || self.any_of.iter().any(has))
            && self.all_of.iter().all(has)
            && !self.none_of.iter().any(has)
            && (self.sizes == 0
                || objects.iter().any(|one| one.sizes & self.sizes != 0 && self.is_chosen(one.category)))
    }

    fn is_chosen(&self, category: u32) -> bool {
        let mut chosen = self.any_of.iter().chain(&self.all_of).peekable();
        chosen.peek().is_none() || chosen.any(|place| *place == Some(category))
    }
}

pub(super) fn find(
    dataset: &Dataset,
    index: &Index,
    query: &Query,
    notes: &Notes,
    asked: &HashSet<String>,
) -> Vec<u32> {
    let wanted = Wanted::new(query, index);
    let is = |asked_for: Option<bool>, found: bool| asked_for.is_none_or(|asked_for| asked_for == found);
    let matches = |place: u32, row: &Row| {
        let at = place as usize;
        is(query.has_photo, row.photo.is_some())
            && is(query.has_questions, dataset.questions_of.contains_key(&place))
            && (query.asked.is_none() || is(query.asked, asked.contains(&*row.key)))
            && wanted.objects(index, at)
            && (query.tags.is_empty() || notes.of(&row.key).has_all(&query.tags))
            && (wanted.name.is_empty() || row.key.to_lowercase().contains(&wanted.name))
            && (wanted.caption.is_empty() || index.captions(at).contains(&wanted.caption))
    };
    let rows = (0_u32..).zip(&dataset.rows);
    let mut found: Vec<u32> = rows.filter(|(place, row)| matches(*place, row)).map(|(place, _)| place).collect();
    sort(&mut found, dataset, index, query);
    found
}

fn sort(found: &mut Vec<u32>, dataset: &Dataset, index: &Index, query: &Query) {
    let id_of = |place: u32| dataset.rows.get(place as usize).and_then(|row| row.image_id);
    let by = |key: &dyn Fn(u32) -> u64, found: &mut Vec<u32>| match query.order {
        Order::Ascending => found.sort_by_cached_key(|place| key(*place)),
        Order::Descending => found.sort_by_cached_key(|place| std::cmp::Reverse(key(*place))),
    };
    match query.sort {
        Sort::Given if query.order == Order::Ascending => {}
        Sort::Given => found.reverse(),
        Sort::ImageId => {
            by(&|place| id_of(place).unwrap_or(u64::MAX), found);
            last_without(&|place| id_of(place).is_some(), found);
        }
        Sort::Name => by(&|place| index.name_rank(place as usize).into(), found),
        Sort::Objects => by(&|place| index.objects(place as usize).len() as u64, found),
        Sort::Categories => by(&|place| num_categories(index, place as usize), found),
        Sort::TotalArea => {
            let area = |place: u32| index.total_area_px(place as usize);
            // Numbers from 0 keep their order as bits.
            by(&|place| area(place).unwrap_or_default().to_bits(), found);
            last_without(&|place| area(place).is_some(), found);
        }
    }
}

/// Rows that lack what is sorted by come last, in either direction.
fn last_without(has: &dyn Fn(u32) -> bool, found: &mut Vec<u32>) {
    let (with, without): (Vec<u32>, Vec<u32>) = found.iter().partition(|place| has(**place));
    *found = with.into_iter().chain(without).collect();
}

fn num_categories(index: &Index, row: usize) -> u64 {
    let objects = index.objects(row);
    let first = |at: usize, category: u32| !objects.iter().take(at).any(|one| one.category == category);
    objects.iter().enumerate().filter(|(at, one)| first(*at, one.category)).count() as u64
}
