//! Rows by setting, with their photos counted.

use crate::study::row::AnswerRow;
use std::borrow::Borrow;
use std::collections::HashMap;

/// The answers of one setting, all of its seeds.
#[derive(Debug, Clone)]
pub(super) struct Group<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Places and rows.
    pub(super) rows: Vec<(usize, &'a AnswerRow)>,
}

/// Rows with an answer by the names of settings, in the order of the study.
pub(super) fn by_setting<R: Borrow<AnswerRow>>(rows: &[R]) -> Vec<Group<'_>> {
    let mut order: Vec<&AnswerRow> = rows.iter().map(Borrow::borrow).collect();
    order.sort_by_key(|row| row.setting_number);
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for row in order {
        places.entry(&row.setting).or_insert_with(|| {
            groups.push(Group { name: &row.setting, rows: Vec::new() });
            groups.len() - 1
        });
    }
    let rows = rows.iter().map(Borrow::borrow).enumerate();
    for (idx, row) in rows.filter(|(_, row): &(usize, &AnswerRow)| row.error.is_none()) {
        if let Some(group) = places.get(row.setting.as_str()).and_then(|place| groups.get_mut(*place)) {
            group.rows.push((idx, row));
        }
    }
    groups
}

impl Group<'_> {
    /// Those of its rows that hold.
    pub(super) fn filtered(&self, holds: impl Fn(&AnswerRow) -> bool) -> Self {
        let rows = self.rows.iter().filter(|(_, row)| holds(row)).copied().collect();
        Self { name: self.name, rows }
    }

    /// Places of its rows.
    pub(super) fn places(&self) -> Vec<usize> {
        self.rows.iter().map(|(idx, _)| *idx).collect()
    }
}

/// Numbers of photos, the same for every setting.
#[derive(Debug, Default)]
pub(super) struct PhotoNumbers<'a>(HashMap<&'a str, usize>);

impl<'a> PhotoNumbers<'a> {
    pub(super) fn of<R: Borrow<AnswerRow>>(rows: &'a [R]) -> Self {
        let mut numbers = Self::default();
        for row in rows.iter().map(Borrow::borrow) {
            let next = numbers.0.len();
            numbers.0.entry(&row.photo).or_insert(next);
        }
        numbers
    }

    pub(super) fn get(&self, row: &AnswerRow) -> usize {
        self.0.get(row.photo.as_str()).copied().unwrap_or(usize::MAX)
    }
}
