//! What was wrong with single records of a file, and what that costs.

use std::fmt;

/// What is lost by a problem; numbers that need nothing of it are the same without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cost {
    /// The record: nothing of it is used.
    Record,
    /// A mask, of an object or of all objects of an image.
    Mask,
    /// An object's area as the annotators counted it.
    Area,
    /// Whether an object is a group.
    Crowd,
    /// The name of an image's file.
    Name,
    /// Nothing: the record is used, with an assumption.
    Nothing,
}

impl Cost {
    /// All of them, the greatest loss first.
    pub const ALL: [Self; 6] = [Self::Record, Self::Mask, Self::Area, Self::Crowd, Self::Name, Self::Nothing];

    /// What is said of so many records.
    fn said_of(self, total: usize) -> &'static str {
        let (one, many) = match self {
            Self::Record => ("record was left out", "records were left out"),
            Self::Mask => ("record gives no mask", "records give no mask"),
            Self::Area => ("object has no usable area", "objects have no usable area"),
            Self::Crowd => ("object may or may not be a crowd", "objects may or may not be crowds"),
            Self::Name => ("image has no file name", "images have no file name"),
            Self::Nothing => ("record was used with an assumption", "records were used with an assumption"),
        };
        if total == 1 { one } else { many }
    }
}

/// Something that was wrong with one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What the record is: `annotation`, `image`, `category`, `caption`, `question`, `line`.
    pub kind: &'static str,
    /// Its place among its kind: from 0 in a list, from 1 for lines of a file.
    pub index: usize,
    /// What is lost.
    pub cost: Cost,
    /// What was expected and found, and what is used instead.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.index, self.reason)
    }
}

/// Everything that was wrong with single records: all counted, the first thousand of each cost listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    totals: [usize; Cost::ALL.len()],
    listed: Vec<Problem>,
}

/// Nobody reads on after so many; a file of nothing but problems must not fill the memory with sentences about them.
const MOST_LISTED: usize = 1000;

impl Problems {
    /// How many there were.
    pub fn total(&self) -> usize {
        self.totals.iter().sum()
    }

    /// How many there were of this cost.
    pub fn total_of(&self, cost: Cost) -> usize {
        self.totals.get(cost as usize).copied().unwrap_or(0)
    }

    /// The first of them, in the order they were met.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// Whether every record could be used, without any assumption.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// A sentence without the file for each of these costs that there was: how many records, and which, or the first of
    /// many.
    pub fn sentences(&self, costs: &[Cost]) -> Vec<String> {
        const MOST_NAMED: usize = 3;
        let sentence = |cost: &Cost| {
            let total = self.total_of(*cost);
            let mut of_cost = self.listed.iter().filter(|problem| problem.cost == *cost).map(ToString::to_string);
            let which = match total {
                0 => return None,
                1..=MOST_NAMED => format!(": {}", of_cost.collect::<Vec<_>>().join("; ")),
                _ => format!(", the first: {}", of_cost.next()?),
            };
            let from_0 = self.listed.iter().any(|problem| problem.cost == *cost && problem.kind != "line");
            let from_0 = if from_0 { " (counted from 0)" } else { "" };
            Some(format!("{total} {}{which}{from_0}", cost.said_of(total)))
        };
        costs.iter().filter_map(sentence).collect()
    }

    /// Counts one; the sentence is only made while there is room in the list.
    pub(in crate::data) fn add(&mut self, kind: &'static str, index: usize, cost: Cost, reason: impl fmt::Display) {
        let Some(total) = self.totals.get_mut(cost as usize) else { return };
        if *total < MOST_LISTED {
            self.listed.push(Problem { kind, index, cost, reason: reason.to_string() });
        }
        *total += 1;
    }
}

/// `None of 3 annotations is usable`.
pub(super) fn none_usable(total: usize, record: &str) -> String {
    match total {
        1 => format!("The only {record} is not usable"),
        _ => format!("None of {total} {record}s is usable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_counted_apart_and_said_in_good_grammar() {
        let mut problems = Problems::default();
        assert!(problems.is_empty() && problems.sentences(&Cost::ALL).is_empty(), "nothing");
        for index in 0..1500 {
            problems.add("annotation", index, Cost::Area, "no area");
        }
        problems.add("image", 7, Cost::Record, "no id");
        problems.add("image", 8, Cost::Name, "no name");
        problems.add("image", 9, Cost::Name, "no name");
        assert_eq!((problems.total(), problems.total_of(Cost::Area)), (1503, 1500), "all are counted");
        assert_eq!(problems.listed().len(), 1003, "a thousand of each cost are listed");
        let said = problems.sentences(&Cost::ALL);
        assert_eq!(
            said,
            [
                "1 record was left out: image 7: no id (counted from 0)",
                "1500 objects have no usable area, the first: annotation 0: no area (counted from 0)",
                "2 images have no file name: image 8: no name; image 9: no name (counted from 0)"
            ],
            "the greatest loss first"
        );
        assert!(problems.sentences(&[Cost::Mask]).is_empty(), "only what was asked for");
        assert_eq!(none_usable(1, "line"), "The only line is not usable", "one");
        assert_eq!(none_usable(3, "line"), "None of 3 lines is usable", "several");
    }
}
